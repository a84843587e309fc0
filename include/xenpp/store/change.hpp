// SPDX-License-Identifier: Apache-2.0
// The entries of the journal: everything about a server that must outlive its process.
#pragma once

#include <xenpp/store/transaction.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xenpp::store {

/// What an entry says. The numbers are the file format.
enum class change_kind : std::uint8_t {
    create = 1,       ///< path, permissions, generation; also of the parents it lacks
    set_value = 2,    ///< path, value, generation
    set_perms = 3,    ///< path, permissions, generation
    remove = 4,       ///< path, generation
    node = 5,         ///< a whole node without its children (snapshots)
    special = 6,      ///< permissions of a special watch name
    domain = 7,       ///< a domain is introduced afresh: its connection starts empty
    domain_state = 8, ///< target and shutdown of an introduced domain
    domain_gone = 9,  ///< the domain, its connection and its watches are no more
    watch = 10,       ///< a watch of a domain's ring connection
    unwatch = 11,
    unwatch_all = 12,
    queue = 13,      ///< bytes appended to what a ring connection is still to be sent
    ring = 14,       ///< how far a ring connection has come
    broken = 15,     ///< a ring connection is served no more
    generation = 16, ///< the last generation given out (snapshots)
    epoch = 17,      ///< how often the store was opened
};

/// An introduced domain as its toolstack described it.
struct domain_info {
    domid domain;
    gfn ring;
    evtchn_port port;
    std::optional<domid> target; ///< the domain it acts for
    bool is_shutdown = false;    ///< its shutdown has been announced
};

/// Where a ring connection stands. Journalled effects and these numbers always agree.
struct ring_position {
    std::uint32_t req_cons = 0; ///< requests up to this index are taken, executed and journalled
    std::uint32_t rsp_prod = 0; ///< the index at which the bytes still to be sent start
    std::string partial;        ///< taken bytes of a request that is not whole yet

    friend bool operator==(ring_position const&, ring_position const&) = default;
};

/// Appends fields to an entry's bytes, little-endian, strings with a 32-bit length.
class change_writer {
public:
    explicit change_writer(std::string& out) : out_(out) {}

    change_writer& kind(change_kind k) { return u8(static_cast<std::uint8_t>(k)); }

    change_writer& u8(std::uint8_t v) { return number(v, 1); }

    change_writer& u16(std::uint16_t v) { return number(v, 2); }

    change_writer& u32(std::uint32_t v) { return number(v, 4); }

    change_writer& u64(std::uint64_t v) { return number(v, 8); }

    change_writer& text(std::string_view v);
    change_writer& perms(perm_list const& v);

private:
    change_writer& number(std::uint64_t v, unsigned bytes);

    std::string& out_;
};

/// Reads fields back. After the first that is not there, `is_good` is false and all are zero.
class change_reader {
public:
    explicit change_reader(std::string_view bytes) : rest_(bytes) {}

    bool at_end() const noexcept { return rest_.empty(); }

    bool is_good() const noexcept { return is_good_; }

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }

    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }

    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }

    std::uint64_t u64() { return number(8); }

    std::string_view text();
    /// Never empty when good.
    perm_list perms();

private:
    std::uint64_t number(unsigned bytes);

    std::string_view rest_;
    bool is_good_ = true;
};

/// The entry for a mutation of the tree.
void write_mutation(std::string& out, mutation const& m, std::uint64_t generation);

} // namespace xenpp::store
