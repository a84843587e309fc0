// SPDX-License-Identifier: Apache-2.0
// Names to bits and back.
#include "config/text_scanner.hpp"

#include <xenpp/config/viridian.hpp>

namespace xenpp::config {
namespace {

std::uint32_t bit(std::string_view word) noexcept {
    int const index = word_index(viridian_words, word);
    return index < 0 ? 0 : std::uint32_t{1} << index;
}

std::uint32_t all_bits() {
    return (std::uint32_t{1} << split_words(viridian_words).size()) - 1;
}

} // namespace

viridian_set viridian_defaults() noexcept {
    return {bit("base") | bit("freq") | bit("time_ref_count") | bit("apic_assist") |
            bit("crash_ctl")};
}

expected<void, value_error> parse_spec(std::string_view text, viridian_set& to) {
    text_scanner in(text);
    bool const is_removed = in.skip("!");
    auto const word = in.rest();
    std::uint32_t const bits = word == "all"        ? all_bits()
                               : word == "defaults" ? viridian_defaults().bits
                                                    : bit(word);
    if (bits == 0) {
        return in.unknown_key(in.offset(), word, std::string(viridian_words) + "|defaults|all");
    }
    to.bits = is_removed ? to.bits & ~bits : to.bits | bits;
    return {};
}

std::vector<std::string> print(viridian_set const& s) {
    std::vector<std::string> out;
    for (auto word : split_words(viridian_words)) {
        if ((s.bits & bit(word)) != 0) {
            out.emplace_back(word);
        }
    }
    return out;
}

} // namespace xenpp::config
