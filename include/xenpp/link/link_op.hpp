// SPDX-License-Identifier: Apache-2.0
// The structures of hypercall 55, link_op: mapping other domains' memory from outside the machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace xenpp::link {

// A control process reaches a guest's page through the RAM file, so all it needs is the machine
// frame, and a reference that keeps the frame from being reused while it looks. References are held
// on behalf of the slot through which the call came, grouped in mappings; when the slot is reset
// they are dropped, so a process that was killed leaves nothing behind.
//
// args.arg[0] is the command, args.arg[1] the address of its structure in the control window.
// Members named "address" are such addresses too.

enum class link_cmd : std::uint64_t {
    info = 0,
    map_foreign = 1,
    map_grants = 2,
    unmap = 3,
};

/// Consecutive machine frames: entries [index, index + count) of the request are the frames
/// [frame, frame + count).
struct frame_extent {
    std::uint64_t frame;
    std::uint32_t index;
    std::uint32_t count;
};

static_assert(sizeof(frame_extent) == 16);

/// link_cmd::info. What the hypervisor holds for a slot.
struct link_info {
    std::uint32_t slot;     ///< IN
    std::uint32_t version;  ///< OUT: link::version
    std::uint32_t mappings; ///< OUT
    std::uint32_t extents;  ///< OUT: nodes in use, one per run of frames
    std::uint64_t frames;   ///< OUT: references held
};

static_assert(sizeof(link_info) == 24);

inline constexpr std::uint16_t map_writable = 1;

/// link_cmd::map_foreign. Takes a reference to each frame of a domain's memory that the request
/// names. Stops early, with success, when `extents` is full: `done` says how far it came, and the
/// rest may be asked for with the same `mapping`.
struct link_map_foreign {
    std::uint16_t domid;
    std::uint16_t flags; ///< map_writable
    std::uint32_t count; ///< entries
    std::uint64_t gfns;  ///< address of u64[count], or 0: consecutive from `first_gfn`
    std::uint64_t first_gfn;
    std::uint64_t extents;      ///< address of frame_extent[extent_room], OUT
    std::uint64_t errors;       ///< address of s32[count], OUT: a negative errno or 0 each; or 0:
                                ///< the first entry that cannot be mapped fails the call
    std::uint32_t extent_room;  ///< not 0
    std::uint32_t mapping;      ///< IN: 0 for a new mapping, or one to add to; OUT: the mapping
    std::uint32_t extent_count; ///< OUT
    std::uint32_t done;         ///< OUT: entries handled
};

static_assert(sizeof(link_map_foreign) == 56);

/// link_cmd::map_grants. Maps grants of one domain as one mapping; all or none.
struct link_map_grants {
    std::uint16_t domid;
    std::uint16_t flags;   ///< map_writable
    std::uint32_t count;   ///< 1 to map_grants_max
    std::uint64_t refs;    ///< address of u32[count]
    std::uint64_t frames;  ///< address of u64[count], OUT: machine frames
    std::uint32_t mapping; ///< OUT
    std::uint32_t failed;  ///< OUT: the entry that failed the call, with -EINVAL
    std::int32_t status;   ///< OUT: its GNTST_*
    std::uint32_t pad;
};

static_assert(sizeof(link_map_grants) == 40);
inline constexpr std::uint32_t map_grants_max = 256;

/// link_cmd::unmap. Drops a mapping. Where it was writable and its domain has run, the hypervisor
/// first stores over its frames: an emulator (QEMU's TCG, Bochs) does not notice otherwise that
/// code written from outside has replaced code it has translated.
struct link_unmap {
    std::uint32_t mapping;
    std::uint32_t pad;
};

static_assert(sizeof(link_unmap) == 8);

} // namespace xenpp::link
