// SPDX-License-Identifier: Apache-2.0
// A transaction: a snapshot, what was looked at, and what is to be changed.
#pragma once

#include <xenpp/store/tree.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::store {

/// What one may learn about a node, as bits.
enum class facet : std::uint8_t {
    existence = 1,
    value = 2,
    permissions = 4,
    children = 8,
};

/// One change of the tree.
struct mutation {
    enum class kind : std::uint8_t {
        create,
        set_value,
        set_perms,
        remove,
    };

    kind what = kind::create; ///< with the parents it lacks, which get the same permissions
    std::string path;
    std::string value; ///< set_value
    perm_list perms;   ///< create, set_perms
};

/// Applies `m` to `t`; hands out what a `remove` took away, else null.
std::shared_ptr<node const> apply(tree& t, mutation const& m, std::uint64_t generation);

/// An open transaction. It sees the tree as it was at its start and its own changes. At its end
/// the changes are replayed on the tree of then, if nothing it looked at is different there. So
/// two transactions that create siblings do not conflict, as they do with xenstored.
class transaction {
public:
    /// A doomed one behaves as any other until its end, which always answers EAGAIN.
    explicit transaction(tree const& now, bool is_doomed = false)
        : base_(now), view_(now), is_doomed_(is_doomed) {}

    tree const& view() const noexcept { return view_; }

    /// Remembers that the outcome depends on this facet of the node at `path`, there or not.
    void look(std::string_view path, facet f);
    void change(mutation m);

    std::vector<mutation> const& changes() const noexcept { return changes_; }

    /// How many nodes it has looked at.
    std::size_t touched() const noexcept { return seen_.size(); }

    /// About how many bytes of memory that and the changes take. The nodes it sees do not count:
    /// they are the store's of its start, and what the changes made of them.
    std::size_t held() const noexcept { return held_; }

    /// Does anything it looked at differ in `now`?
    bool conflicts_with(tree const& now) const;

private:
    tree base_;
    tree view_;
    std::vector<mutation> changes_;
    std::map<std::string, std::uint8_t, std::less<>> seen_;
    std::size_t held_ = 0;
    bool is_doomed_;
};

} // namespace xenpp::store
