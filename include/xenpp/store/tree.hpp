// SPDX-License-Identifier: Apache-2.0
// The node tree: shared between snapshots, copied only where it changes.
#pragma once

#include <xenpp/store/perms.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::store {

struct node;

/// A directory entry.
struct child {
    std::string name;
    std::shared_ptr<node> target;
};

/// A node's value. The copies of a node share it, so that what a snapshot keeps of a changed store
/// is names and permissions, and not up to 2 KiB more for each node on the way to a change.
class node_value {
public:
    node_value() noexcept = default;

    explicit node_value(std::string_view text)
        : text_(text.empty() ? nullptr : std::make_shared<std::string const>(text)) {}

    operator std::string_view() const noexcept { // NOLINT(google-explicit-constructor): it is one
        return text_ ? std::string_view(*text_) : std::string_view();
    }

    std::size_t size() const noexcept { return text_ ? text_->size() : 0; }

private:
    std::shared_ptr<std::string const> text_;
};

/// A node. Each of the three things one can learn from it has the generation of its last change,
/// so that a transaction conflicts only over what it looked at.
struct node {
    node_value value;
    perm_list perms;
    std::vector<child> children; ///< sorted by name
    std::uint64_t value_generation = 0;
    std::uint64_t perms_generation = 0;
    std::uint64_t children_generation = 0;

    /// What counts against the size quota: value, child names with their NULs, four bytes an entry
    /// of the permissions.
    std::size_t size() const noexcept;
    /// The child of that name, or null.
    node const* find(std::string_view name) const noexcept;
};

/// How far a path leads into a tree.
struct place {
    node const* deepest;      ///< the last node on the way
    std::string_view path;    ///< where that is
    std::string_view missing; ///< the first that is not there; empty: `deepest` is the path's own
};

/// The store's nodes and how many each domain owns. A copy is a snapshot and costs O(1): the
/// copies share nodes until one of them changes. Paths must be valid (`is_valid_path`).
class tree {
public:
    /// A root without children, owned by domain 0, closed to others.
    tree();

    /// The node at `path`, or null. Valid until this tree changes.
    node const* find(std::string_view path) const noexcept;

    /// Valid until this tree changes.
    place locate(std::string_view path) const noexcept;

    node const& root() const noexcept { return *root_; }

    /// Is it certain that both hold the same nodes? Cheap, and never wrong when it says yes.
    bool is_same(tree const& other) const noexcept { return root_ == other.root_; }

    /// How many nodes `d` owns.
    std::size_t owned(domid d) const noexcept;

    /// Owned nodes of every domain that owns any.
    std::map<std::uint16_t, std::size_t> const& owners() const noexcept { return *owned_; }

    /// Adds a node without value, which must not exist, and the parents it lacks.
    void create(std::string_view path, perm_list const& perms, std::uint64_t generation);
    /// Replaces the value of an existing node.
    void set_value(std::string_view path, std::string_view value, std::uint64_t generation);
    /// Replaces the permissions of an existing node.
    void set_perms(std::string_view path, perm_list perms, std::uint64_t generation);
    /// Takes an existing node other than the root out, with all below it.
    std::shared_ptr<node const> remove(std::string_view path, std::uint64_t generation);
    /// Puts a node back as it was recorded, for recovery: creates it or replaces all but children.
    void restore(std::string_view path, node&& saved);

private:
    node& modify(std::string_view path);
    void count(perm_list const& perms, bool is_gain);
    void forget_owners(node const& n);

    std::shared_ptr<node> root_;
    std::shared_ptr<std::map<std::uint16_t, std::size_t>> owned_;
};

} // namespace xenpp::store
