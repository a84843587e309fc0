// SPDX-License-Identifier: Apache-2.0
// Numbers with a fraction out of text.
#include <xenpp/base/parse_number.hpp>

#include <charconv>
#include <cmath>

namespace xenpp {

std::optional<double> parse_real(std::string_view text) noexcept {
    double n = 0;
    auto const* const end = text.data() + text.size();
    auto const r = std::from_chars(text.data(), end, n);
    return r.ec == std::errc() && r.ptr == end && std::isfinite(n) ? std::optional(n)
                                                                   : std::nullopt;
}

} // namespace xenpp
