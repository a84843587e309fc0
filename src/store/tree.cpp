// SPDX-License-Identifier: Apache-2.0
// Copy-on-write of the paths that change.
#include <xenpp/store/path.hpp>
#include <xenpp/store/tree.hpp>

#include <algorithm>

namespace xenpp::store {

namespace {

auto position(std::vector<child> const& children, std::string_view name) noexcept {
    return std::lower_bound(children.begin(), children.end(), name,
                            [](child const& c, std::string_view n) { return c.name < n; });
}

/// The object itself if nobody else holds it, else a copy of its own.
template <class T>
T& own(std::shared_ptr<T>& p) {
    if (p.use_count() != 1) {
        p = std::make_shared<T>(*p);
    }
    return *p;
}

} // namespace

std::size_t node::size() const noexcept {
    std::size_t total = value.size() + 4 * perms.size();
    for (auto const& c : children) {
        total += c.name.size() + 1;
    }
    return total;
}

node const* node::find(std::string_view name) const noexcept {
    auto const at = position(children, name);
    return at != children.end() && at->name == name ? at->target.get() : nullptr;
}

tree::tree()
    : root_(std::make_shared<node>())
    , owned_(std::make_shared<std::map<std::uint16_t, std::size_t>>()) {
    root_->perms = {perm{dom0, access::none}};
    count(root_->perms, true);
}

node const* tree::find(std::string_view path) const noexcept {
    node const* at = root_.get();
    for (path_walker walk(path); at != nullptr && !walk.at_end();) {
        at = at->find(walk.next());
    }
    return at;
}

place tree::locate(std::string_view path) const noexcept {
    place out{root_.get(), path.substr(0, 1), {}};
    for (std::size_t begin = 1; begin < path.size();) {
        auto const end = std::min(path.find('/', begin), path.size());
        auto const* const next = out.deepest->find(path.substr(begin, end - begin));
        if (next == nullptr) {
            out.missing = path.substr(0, end);
            break;
        }
        out.deepest = next;
        out.path = path.substr(0, end);
        begin = end + 1;
    }
    return out;
}

std::size_t tree::owned(domid d) const noexcept {
    auto const at = owned_->find(d.raw());
    return at == owned_->end() ? 0 : at->second;
}

node& tree::modify(std::string_view path) {
    node* at = &own(root_);
    for (path_walker walk(path); !walk.at_end();) {
        auto const entry = position(at->children, walk.next());
        at = &own(at->children[static_cast<std::size_t>(entry - at->children.begin())].target);
    }
    return *at;
}

void tree::count(perm_list const& perms, bool is_gain) {
    auto& counts = own(owned_);
    auto const owner = perms.front().domain.raw();
    if (is_gain) {
        ++counts[owner];
    } else if (--counts[owner] == 0) {
        counts.erase(owner);
    }
}

void tree::create(std::string_view path, perm_list const& perms, std::uint64_t generation) {
    node* at = &own(root_);
    for (path_walker walk(path); !walk.at_end();) {
        auto const name = walk.next();
        auto const entry = position(at->children, name);
        auto const index = entry - at->children.begin();
        if (entry == at->children.end() || entry->name != name) {
            auto fresh = std::make_shared<node>();
            count(perms, true);
            fresh->perms = perms;
            fresh->value_generation = generation;
            fresh->perms_generation = generation;
            fresh->children_generation = generation;
            at->children.insert(entry, child{std::string(name), std::move(fresh)});
            at->children_generation = generation;
        }
        at = &own(at->children[static_cast<std::size_t>(index)].target);
    }
}

void tree::set_value(std::string_view path, std::string_view value, std::uint64_t generation) {
    auto& n = modify(path);
    n.value = node_value(value);
    n.value_generation = generation;
}

void tree::set_perms(std::string_view path, perm_list perms, std::uint64_t generation) {
    auto& n = modify(path);
    count(perms, true);
    count(n.perms, false);
    n.perms = std::move(perms);
    n.perms_generation = generation;
}

void tree::forget_owners(node const& n) {
    count(n.perms, false);
    for (auto const& c : n.children) {
        forget_owners(*c.target);
    }
}

std::shared_ptr<node const> tree::remove(std::string_view path, std::uint64_t generation) {
    auto& parent = modify(parent_of(path));
    auto const at = position(parent.children, path.substr(path.rfind('/') + 1));
    auto const index = at - parent.children.begin();
    std::shared_ptr<node const> const gone = at->target;
    parent.children.erase(parent.children.begin() + index);
    parent.children_generation = generation;
    forget_owners(*gone);
    return gone;
}

void tree::restore(std::string_view path, node&& saved) {
    if (find(path) == nullptr) {
        // A snapshot lists parents first, with the generation that they keep.
        create(path, saved.perms, find(parent_of(path))->children_generation);
    }
    auto& n = modify(path);
    count(saved.perms, true);
    count(n.perms, false);
    saved.children = std::move(n.children);
    n = std::move(saved);
}

} // namespace xenpp::store
