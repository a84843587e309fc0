// SPDX-License-Identifier: Apache-2.0
// The control window: where header, shared info, slots and hypercall buffers lie in shared RAM.
#pragma once

#include <xenpp/base/strong.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace xenpp::link {

// The machine's RAM is a file that every control process maps. One part of it, the control window,
// is mapped at one fixed virtual address by all of them, so that a guest handle of domain 0 is an
// ordinary pointer there, and the hypervisor follows it after a bounds check:
//
//     +0        link_header               who is who, where RAM lies, who wants attention
//     +4 KiB    shared info of domain 0   its event channels, 2-level
//     +64 KiB   32 slot headers           one page each: a ring of 16 hypercalls
//     +1 MiB    32 slot arenas            1 MiB each: what hypercall arguments point to
//     +33 MiB   free
//
// Both sides distrust each other as on any Xen ring: a word is read once, an index is masked or
// checked, and what must be true later is kept in private memory.

/// Where the window lies in the machine and in every control process.
inline constexpr maddr window_machine_base{0x2000000};
inline constexpr std::uint64_t window_virtual_base = 0x6800'0000'0000;
inline constexpr std::uint64_t window_size = 34U << 20;

inline constexpr std::uint64_t shared_info_offset = page_size;
inline constexpr std::uint64_t slots_offset = 64U << 10;
inline constexpr std::uint64_t arenas_offset = 1U << 20;
inline constexpr std::uint64_t arena_size = 1U << 20;
inline constexpr unsigned slot_count = 32;
inline constexpr unsigned ring_size = 16;

/// "xenpplnk", little-endian.
inline constexpr std::uint64_t magic = 0x6b6e'6c70'706e'6578;
inline constexpr std::uint32_t version = 1;

/// The hypervisor's number for `link_op` (Xen: __HYPERVISOR_arch_7), answered to domain 0 alone.
inline constexpr unsigned link_op_hypercall = 55;

/// A piece of the machine's RAM: `size` bytes from machine address `base` are the RAM file's bytes
/// from `file_offset`.
struct ram_region {
    std::uint64_t base;
    std::uint64_t size;
    std::uint64_t file_offset;
};

static_assert(sizeof(ram_region) == 24);

/// What the hypervisor says of itself in `link_header::hv_state`.
enum class hv_state : std::uint32_t {
    none = 0,    ///< the machine has not come to it yet
    booting = 1, ///< it has found this header
    up = 2,      ///< it answers hypercalls
    stopped = 3, ///< the machine is going down
};

/// Page 0 of the window. Whoever starts the machine fills the first part before it does so, and
/// `tsc_khz` as soon as it knows it; the hypervisor writes the second part.
struct link_header {
    // --- written by the starter ---
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t region_count;
    std::uint64_t window_size;
    std::uint64_t virtual_base;
    std::array<ram_region, 4> regions;
    std::uint64_t wall_clock_ns; ///< UTC, nanoseconds since 1970, when the machine was started
    std::uint32_t tsc_khz;       ///< 0 until measured; atomic
    std::uint32_t reserved;
    std::array<std::uint8_t, 96> pad0;

    // --- written by the hypervisor ---
    std::uint32_t state;      ///< hv_state; atomic
    std::uint32_t polling;    ///< not 0: it is looking at `pending_slots` anyway; atomic
    std::uint64_t bells;      ///< times it asked for domain 0's attention
    std::uint64_t hypercalls; ///< entries it completed
    std::uint64_t restarts;   ///< entries it put back for another turn
    std::array<std::uint8_t, 32> pad1;

    // --- written by both, atomically ---
    std::uint64_t pending_slots; ///< bit n: slot n wants attention; set by clients

    // --- written by who answers the bell ---
    std::uint32_t events_polled; ///< not 0: it is looking at domain 0's events anyway; atomic
    std::uint32_t pad2;
};

static_assert(offsetof(link_header, regions) == 32);
static_assert(offsetof(link_header, wall_clock_ns) == 128);
static_assert(offsetof(link_header, tsc_khz) == 136);
static_assert(offsetof(link_header, state) == 240);
static_assert(offsetof(link_header, pending_slots) == 304);
static_assert(offsetof(link_header, events_polled) == 312);
static_assert(sizeof(link_header) == 320 && sizeof(link_header) <= page_size);

/// One hypercall. The client writes all but `result` before it moves `request_produced`.
struct ring_entry {
    std::uint64_t number; ///< of the hypercall
    std::array<std::uint64_t, 6> arg;
    std::int64_t result; ///< as Xen returns it: a value or a negative errno
};

static_assert(sizeof(ring_entry) == 64);

/// A slot's page. A control process owns it while it holds the lock on the slot's byte of
/// `slots.lock`. Entries are answered in order; entry `i` is `ring[i % ring_size]`.
struct slot_header {
    // --- written by the owner ---
    std::uint32_t request_produced; ///< entries written; atomic
    std::uint32_t waiting;          ///< not 0: the owner sleeps and wants a bell; atomic
    std::uint32_t reset_request;    ///< moved by a new owner; see `reset_done`
    std::uint32_t owner_pid;        ///< 0: never owned, or given back
    std::array<std::uint8_t, 48> pad0;

    // --- written by the hypervisor ---
    std::uint32_t response_produced; ///< entries answered; atomic, and the futex a sleeper waits on
    /// Follows `reset_request` when what the previous owner left is finished and dropped, and both
    /// produced counts are 0 again; atomic.
    std::uint32_t reset_done;
    std::array<std::uint8_t, 56> pad1;

    std::array<ring_entry, ring_size> ring;
};

static_assert(offsetof(slot_header, response_produced) == 64);
static_assert(offsetof(slot_header, ring) == 128);
static_assert(sizeof(slot_header) <= page_size);

constexpr std::uint64_t slot_offset(unsigned slot) noexcept {
    return slots_offset + slot * page_size;
}

constexpr std::uint64_t arena_offset(unsigned slot) noexcept {
    return arenas_offset + slot * arena_size;
}

static_assert(sizeof(link_header) <= shared_info_offset);
static_assert(slot_offset(slot_count) <= arenas_offset);
static_assert(arena_offset(slot_count) <= window_size);
static_assert(slot_count <= 64, "pending_slots is one word");
static_assert((ring_size & (ring_size - 1)) == 0);

} // namespace xenpp::link
