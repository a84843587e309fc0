// SPDX-License-Identifier: Apache-2.0
// The one loop that reads items by their tables, and the one that prints them.
#include "config/item_table.hpp"

#include <fmt/format.h>

namespace xenpp::config {
namespace {

std::string all_keys(std::span<item_field const> fields) {
    std::string out;
    for (auto const& f : fields) {
        out += out.empty() ? "" : "|";
        out += f.key;
    }
    return out;
}

std::string what_it_takes(item_field const& f) {
    if (!f.words.empty()) {
        std::string words(f.words);
        std::replace(words.begin(), words.end(), '|', ' ');
        return "it takes one of: " + words;
    }
    return f.maximum == UINT32_MAX && f.minimum == 0
               ? std::string("it takes 0 or 1, or a number")
               : fmt::format("it takes {} to {}", f.minimum, f.maximum);
}

std::string_view trim(std::string_view text) {
    auto const first = text.find_first_not_of(" \t");
    auto const last = text.find_last_not_of(" \t");
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, last - first + 1);
}

} // namespace

expected<void, value_error> set_field(std::span<item_field const> fields,
                                      void* to,
                                      std::size_t at,
                                      std::string_view key,
                                      std::string_view value) {
    auto const f = std::find_if(fields.begin(), fields.end(),
                                [key](item_field const& row) { return row.key == key; });
    if (f == fields.end()) {
        return text_scanner::unknown_key(at, key, all_keys(fields));
    }
    if (!f->set(to, *f, value)) {
        return text_scanner::fail_at(at, fmt::format("`{}` is no value of `{}`", value, key),
                                     what_it_takes(*f));
    }
    return {};
}

expected<void, value_error>
parse_item(std::string_view text, std::span<item_field const> fields, void* to) {
    text_scanner in(text);
    std::uint64_t seen = 0;
    static_assert(sizeof seen * 8 >= 64, "a bit for each field of any item");
    while (true) {
        in.skip_blanks();
        if (in.at_end()) {
            break;
        }
        std::size_t const at = in.offset();
        auto const key = trim(in.until("=,"));
        if (!in.skip("=")) {
            return in.fail_at(at, fmt::format("`{}` has no value", key),
                              fmt::format("write {}=...", key));
        }
        XENPP_TRY(set_field(fields, to, at, key, trim(in.until(","))));
        for (std::size_t i = 0; i < fields.size(); ++i) {
            if (fields[i].key == key && (seen >> i & 1) != 0) {
                return in.fail_at(at, fmt::format("`{}` is given twice", key));
            }
            seen |= fields[i].key == key ? std::uint64_t{1} << i : 0;
        }
        if (!in.skip(",")) {
            break;
        }
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (fields[i].is_required && !fields[i].get(to, fields[i])) {
            return in.fail_at(0, fmt::format("`{}` is missing", fields[i].key),
                              fmt::format("add {}=...", fields[i].key));
        }
    }
    return {};
}

std::string print_item(std::span<item_field const> fields, void const* from) {
    std::string out;
    for (auto const& f : fields) {
        if (auto const text = f.get(from, f)) {
            out += fmt::format("{}{}={}", out.empty() ? "" : ",", f.key, *text);
        }
    }
    return out;
}

} // namespace xenpp::config
