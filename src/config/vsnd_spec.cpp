// SPDX-License-Identifier: Apache-2.0
// Sound cards: strings that begin with CARD, PCM or STREAM, each below the one before.
#include "config/item_table.hpp"

#include <xenpp/config/device_specs.hpp>

#include <fmt/format.h>

#include <array>

namespace xenpp::config {
namespace {

// The names of include/public/io/sndif.h.
constexpr std::string_view formats =
    "s8|u8|s16_le|s16_be|u16_le|u16_be|s24_le|s24_be|u24_le|u24_be|s32_le|s32_be|u32_le|u32_be|"
    "float_le|float_be|float64_le|float64_be|iec958_subframe_le|iec958_subframe_be|mu_law|a_law|"
    "ima_adpcm|mpeg|gsm";

constexpr std::array card_fields{
    item<&vsnd_spec::backend>("backend"),
    item<&vsnd_spec::short_name>("short-name"),
    item<&vsnd_spec::long_name>("long-name"),
};
constexpr std::array pcm_fields{item<&vsnd_pcm::name>("name")};
constexpr std::array stream_fields{
    item<&vsnd_stream::unique_id>("unique-id"),
    item<&vsnd_stream::type>("type", "p|c"),
};
constexpr std::array number_fields{
    item<&vsnd_params::channels_min>("channels-min"),
    item<&vsnd_params::channels_max>("channels-max"),
    item<&vsnd_params::buffer_size>("buffer-size"),
};

using step = expected<void, value_error>;

step set_rates(vsnd_params& to, std::size_t at, std::string_view value) {
    text_scanner in(value);
    do {
        std::uint64_t n = 0;
        if (!in.number(n, 10) || n == 0 || n > UINT32_MAX) {
            return in.fail_at(at, "sample rates are numbers, separated by `;`");
        }
        to.sample_rates.push_back(static_cast<std::uint32_t>(n));
    } while (in.skip(";"));
    return in.at_end() ? step() : in.fail_at(at, "sample rates are numbers, separated by `;`");
}

step set_formats(vsnd_params& to, std::size_t at, std::string_view value) {
    text_scanner in(value);
    do {
        auto const word = in.until(";");
        if (word_index(formats, word) < 0) {
            return in.unknown_key(at, word, formats);
        }
        to.sample_formats.emplace_back(word);
    } while (in.skip(";"));
    return {};
}

step set_one(std::span<item_field const> own,
             void* to,
             vsnd_params& params,
             std::size_t at,
             std::string_view key,
             std::string_view value) {
    if (key == "sample-rates") {
        return set_rates(params, at, value);
    }
    if (key == "sample-formats") {
        return set_formats(params, at, value);
    }
    bool const is_number = std::any_of(number_fields.begin(), number_fields.end(),
                                       [key](item_field const& f) { return f.key == key; });
    return is_number ? set_field(number_fields, &params, at, key, value)
                     : set_field(own, to, at, key, value);
}

step read_fields(text_scanner& in, std::span<item_field const> own, void* to, vsnd_params& params) {
    while (in.skip(",")) {
        in.skip_blanks();
        std::size_t const at = in.offset();
        auto const key = in.until("=,");
        if (!in.skip("=")) {
            return in.fail_at(at, fmt::format("`{}` has no value", key));
        }
        XENPP_TRY(set_one(own, to, params, at, key, in.until(",")));
    }
    return {};
}

std::string print_params(vsnd_params const& p) {
    std::string out;
    for (std::size_t i = 0; i < p.sample_rates.size(); ++i) {
        out += fmt::format("{}{}", i == 0 ? ",sample-rates=" : ";", p.sample_rates[i]);
    }
    for (std::size_t i = 0; i < p.sample_formats.size(); ++i) {
        out += (i == 0 ? ",sample-formats=" : ";") + p.sample_formats[i];
    }
    auto const numbers = print_item(number_fields, &p);
    return out + (numbers.empty() ? "" : ",") + numbers;
}

std::string print_one(std::string_view kind,
                      std::span<item_field const> own,
                      void const* from,
                      vsnd_params const& params) {
    auto const fields = print_item(own, from);
    return std::string(kind) + (fields.empty() ? "" : ",") + fields + print_params(params);
}

} // namespace

expected<void, value_error> parse_spec(std::string_view text, vsnd_spec& to) {
    text_scanner in(text);
    in.skip_blanks();
    auto kind = in.until(",");
    while (!kind.empty() && kind.back() == ' ') {
        kind.remove_suffix(1);
    }
    if (word_index("CARD|card", kind) >= 0) {
        return read_fields(in, card_fields, &to, to.params);
    }
    if (word_index("PCM|pcm", kind) >= 0) {
        auto& pcm = to.pcms.emplace_back();
        return read_fields(in, pcm_fields, &pcm, pcm.params);
    }
    if (word_index("STREAM|stream", kind) < 0) {
        return in.fail_at(0, fmt::format("`{}` is no part of a sound card", kind),
                          "a string begins with CARD, PCM or STREAM");
    }
    if (to.pcms.empty()) {
        return in.fail_at(0, "a STREAM belongs below a PCM");
    }
    auto& stream = to.pcms.back().streams.emplace_back();
    XENPP_TRY(read_fields(in, stream_fields, &stream, stream.params));
    if (stream.unique_id.empty() || !stream.type) {
        return in.fail_at(0, "a STREAM needs `unique-id` and `type`", "type is p or c");
    }
    return {};
}

std::vector<std::string> print(vsnd_spec const& s) {
    std::vector<std::string> out{print_one("CARD", card_fields, &s, s.params)};
    for (auto const& pcm : s.pcms) {
        out.push_back(print_one("PCM", pcm_fields, &pcm, pcm.params));
        for (auto const& stream : pcm.streams) {
            out.push_back(print_one("STREAM", stream_fields, &stream, stream.params));
        }
    }
    return out;
}

} // namespace xenpp::config
