// SPDX-License-Identifier: Apache-2.0
// Finding the domain that the user means.
#include "cli/xl/lookup.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xenpp::cli::xl {

bool is_digits(std::string_view text) noexcept {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

result<domain> find(xenpp::host const& h, std::string_view what) {
    auto found = h.find(what);
    if (!found && (found.error().code == static_cast<int>(errc::noent) ||
                   found.error().code == static_cast<int>(errc::srch))) {
        return refuse(fmt::format("{} is an invalid domain identifier (rc=-6)", what));
    }
    return found;
}

result<domain> operand(session& s, arguments const& args) {
    return find(*XENPP_TRY(s.open()), args.operands.front());
}

result<std::vector<domain_info>> selected(xenpp::host const& h,
                                          std::vector<std::string> const& names) {
    if (names.empty()) {
        return h.domains();
    }
    std::vector<domain_info> out;
    for (auto const& name : names) {
        out.push_back(XENPP_TRY(XENPP_TRY(find(h, name)).info()));
    }
    return out;
}

} // namespace xenpp::cli::xl
