// SPDX-License-Identifier: Apache-2.0
// Permission strings and the rule that decides what a domain may do.
#include <xenpp/store/path.hpp>
#include <xenpp/store/perms.hpp>

namespace xenpp::store {

std::string to_string(perm p) {
    constexpr std::string_view letters = "nrwb";
    return letters[static_cast<std::size_t>(p.rights)] + std::to_string(p.domain.raw());
}

std::optional<perm> parse_perm(std::string_view text) {
    constexpr std::string_view letters = "nrwb";
    if (text.empty()) {
        return std::nullopt;
    }
    auto const letter = letters.find(text.front());
    auto const domain = parse_domid(text.substr(1));
    if (letter == std::string_view::npos || !domain) {
        return std::nullopt;
    }
    return perm{*domain, static_cast<access>(letter)};
}

bool is_owner(subject const& who, perm_list const& perms) noexcept {
    return who.is_privileged || perms.front().domain == who.self ||
           (who.target && perms.front().domain == *who.target);
}

access rights_of(subject const& who, perm_list const& perms) noexcept {
    if (is_owner(who, perms)) {
        return access::both;
    }
    for (std::size_t i = 1; i < perms.size(); ++i) {
        if (perms[i].domain == who.self || (who.target && perms[i].domain == *who.target)) {
            return perms[i].rights;
        }
    }
    return perms.front().rights;
}

} // namespace xenpp::store
