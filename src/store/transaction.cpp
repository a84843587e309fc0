// SPDX-License-Identifier: Apache-2.0
// Conflict detection by the facets that a transaction looked at.
#include <xenpp/store/transaction.hpp>

namespace xenpp::store {

namespace {

// Generations inside a transaction are of no account outside; they only must differ from the
// store's own for a reader of a directory in parts.
constexpr std::uint64_t private_generation = std::uint64_t{1} << 63;

// What an entry of either container takes besides the text in it.
constexpr std::size_t entry_size = 160;

std::size_t size_of(mutation const& m) {
    return entry_size + m.path.size() + m.value.size() + m.perms.size() * sizeof(perm);
}

bool differs(node const* before, node const* now, std::uint8_t facets) {
    if (before == now) {
        return false;
    }
    if (before == nullptr || now == nullptr) {
        return true;
    }
    auto const looked_at = [&](facet f) { return (facets & static_cast<std::uint8_t>(f)) != 0; };
    return (looked_at(facet::value) && before->value_generation != now->value_generation) ||
           (looked_at(facet::permissions) && before->perms_generation != now->perms_generation) ||
           (looked_at(facet::children) && before->children_generation != now->children_generation);
}

} // namespace

std::shared_ptr<node const> apply(tree& t, mutation const& m, std::uint64_t generation) {
    switch (m.what) {
    case mutation::kind::create: t.create(m.path, m.perms, generation); return nullptr;
    case mutation::kind::set_value: t.set_value(m.path, m.value, generation); return nullptr;
    case mutation::kind::set_perms: t.set_perms(m.path, m.perms, generation); return nullptr;
    case mutation::kind::remove: return t.remove(m.path, generation);
    }
    return nullptr;
}

void transaction::look(std::string_view path, facet f) {
    auto at = seen_.find(path);
    if (at == seen_.end()) {
        at = seen_.emplace(path, std::uint8_t{0}).first;
        held_ += entry_size + path.size();
    }
    at->second = static_cast<std::uint8_t>(at->second | static_cast<std::uint8_t>(f));
}

void transaction::change(mutation m) {
    apply(view_, m, private_generation + changes_.size());
    auto const is_again = [&m](mutation const& last) {
        return m.what == mutation::kind::set_value && last.what == m.what && last.path == m.path;
    };
    if (!changes_.empty() && is_again(changes_.back())) {
        held_ -= size_of(changes_.back());
        changes_.pop_back();
    }
    held_ += size_of(m);
    changes_.push_back(std::move(m));
}

bool transaction::conflicts_with(tree const& now) const {
    if (is_doomed_) {
        return true;
    }
    if (base_.is_same(now)) {
        return false;
    }
    for (auto const& [path, facets] : seen_) {
        if (differs(base_.find(path), now.find(path), facets)) {
            return true;
        }
    }
    return false;
}

} // namespace xenpp::store
