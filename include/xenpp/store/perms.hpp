// SPDX-License-Identifier: Apache-2.0
// Who may read and write a node: the protocol's permission strings and their meaning.
#pragma once

#include <xenpp/base/strong.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::store {

/// What one entry grants, as bits: 1 read, 2 write.
enum class access : std::uint8_t {
    none = 0,
    read = 1,
    write = 2,
    both = 3,
};

constexpr bool grants(access have, access want) noexcept {
    auto const w = static_cast<unsigned>(want);
    return (static_cast<unsigned>(have) & w) == w;
}

/// One entry: the letter (n r w b) and the domain.
struct perm {
    domid domain;
    access rights = access::none;

    friend bool operator==(perm const&, perm const&) = default;
};

/// A node's list, never empty. The first entry names the owner, who may do everything, and gives
/// the rights of every domain that the list does not name.
using perm_list = std::vector<perm>;

/// The protocol's form of one entry ("b3").
std::string to_string(perm p);
/// The entry that `text` denotes; nothing if it is none.
std::optional<perm> parse_perm(std::string_view text);

/// Who asks: a domain, the domain it acts for (a stub domain's guest), and whether it is the
/// control domain, which may do everything.
struct subject {
    domid self;
    std::optional<domid> target;
    bool is_privileged = false;
};

/// May `who` do everything that an owner may with a node of these permissions?
bool is_owner(subject const& who, perm_list const& perms) noexcept;
/// What `who` may do with a node of these permissions.
access rights_of(subject const& who, perm_list const& perms) noexcept;

} // namespace xenpp::store
