// SPDX-License-Identifier: Apache-2.0
// One value a key, and its reading as text, number or list.
#include "config/settings.hpp"

#include <xenpp/config/lookup.hpp>

#include <cerrno>
#include <cstdlib>

namespace xenpp::config {

expected<lookup, diagnostics> lookup::of(file const& f, dialect d) {
    diagnostics found;
    lookup out;
    for (auto& s : evaluate(f, &found, d)) {
        out.entries_.try_emplace(s.key, entry{std::move(s.value), s.is_joined});
    }
    if (found.has_errors()) {
        return unexpected(std::move(found));
    }
    return out;
}

lookup::entry const* lookup::find(std::string_view key) const {
    auto const at = entries_.find(key);
    return at == entries_.end() ? nullptr : &at->second;
}

expected<std::string_view, lookup_fault> lookup::text(std::string_view key) const {
    auto const* const e = find(key);
    if (e == nullptr) {
        return unexpected(lookup_fault::absent);
    }
    if (e->what.is_list()) {
        return unexpected(lookup_fault::wrong_form);
    }
    return std::string_view(e->what.text());
}

expected<std::int64_t, lookup_fault> lookup::number(std::string_view key) const {
    std::string const digits(XENPP_TRY(text(key)));
    if (auto const* const e = find(key); e == nullptr || e->is_joined) {
        return unexpected(lookup_fault::wrong_form);
    }
    char* end = nullptr;
    errno = 0;
    long const n = std::strtol(digits.c_str(), &end, 0);
    if (errno == ERANGE) {
        return unexpected(lookup_fault::out_of_range);
    }
    if (end == digits.c_str() || end != digits.c_str() + digits.size()) {
        return unexpected(lookup_fault::wrong_form);
    }
    return n;
}

expected<std::span<value const>, lookup_fault> lookup::list(std::string_view key) const {
    auto const* const e = find(key);
    if (e == nullptr) {
        return unexpected(lookup_fault::absent);
    }
    if (!e->what.is_list()) {
        return unexpected(lookup_fault::wrong_form);
    }
    return std::span<value const>(e->what.list());
}

} // namespace xenpp::config
