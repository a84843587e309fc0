// SPDX-License-Identifier: Apache-2.0
// Grant entries, grant operations and their results; public header grant_table.h.
#pragma once

#include <xenpp/abi/xen.hpp>

#include <cstdint>

namespace xenpp::abi {

/// An index into a domain's grant table.
using grant_ref_t = std::uint32_t;

/// What a mapping of a foreign grant is known by until it is unmapped.
using grant_handle_t = std::uint32_t;

/// One entry of a version-1 grant table. Write `flags` last, and revoke it with a
/// compare-and-exchange.
struct grant_entry_v1 {
    std::uint16_t flags;
    std::uint16_t domid;
    std::uint32_t frame;
};

static_assert(sizeof(grant_entry_v1) == 8);

/// The first entries of every table belong to the toolstack.
inline constexpr std::uint32_t gnttab_nr_reserved_entries = 8;
inline constexpr std::uint32_t gnttab_reserved_console = 0;
inline constexpr std::uint32_t gnttab_reserved_xenstore = 1;

/// The type in the low bits of an entry's flags.
inline constexpr std::uint16_t gtf_invalid = 0;
inline constexpr std::uint16_t gtf_permit_access = 1u;
inline constexpr std::uint16_t gtf_accept_transfer = 1u << 1;
inline constexpr std::uint16_t gtf_transitive = 3;
inline constexpr std::uint16_t gtf_type_mask = 3;

/// Attributes of a grant of access. `gtf_reading` and `gtf_writing` are the hypervisor's.
inline constexpr std::uint16_t gtf_readonly_bit = 2;
inline constexpr std::uint16_t gtf_readonly = 1u << gtf_readonly_bit;
inline constexpr std::uint16_t gtf_reading_bit = 3;
inline constexpr std::uint16_t gtf_reading = 1u << gtf_reading_bit;
inline constexpr std::uint16_t gtf_writing_bit = 4;
inline constexpr std::uint16_t gtf_writing = 1u << gtf_writing_bit;
inline constexpr std::uint16_t gtf_pwt_bit = 5;
inline constexpr std::uint16_t gtf_pwt = 1u << gtf_pwt_bit;
inline constexpr std::uint16_t gtf_pcd_bit = 6;
inline constexpr std::uint16_t gtf_pcd = 1u << gtf_pcd_bit;
inline constexpr std::uint16_t gtf_pat_bit = 7;
inline constexpr std::uint16_t gtf_pat = 1u << gtf_pat_bit;
inline constexpr std::uint16_t gtf_sub_page_bit = 8;
inline constexpr std::uint16_t gtf_sub_page = 1u << gtf_sub_page_bit;

/// State of a grant of transfer, set by the hypervisor.
inline constexpr std::uint16_t gtf_transfer_committed_bit = 2;
inline constexpr std::uint16_t gtf_transfer_committed = 1u << gtf_transfer_committed_bit;
inline constexpr std::uint16_t gtf_transfer_completed_bit = 3;
inline constexpr std::uint16_t gtf_transfer_completed = 1u << gtf_transfer_completed_bit;

/// What all forms of a version-2 entry begin with.
struct grant_entry_header {
    std::uint16_t flags;
    std::uint16_t domid;
};

static_assert(sizeof(grant_entry_header) == 4);

/// One entry of a version-2 table; its status word lies in a table of its own.
union grant_entry_v2 {
    grant_entry_header hdr;

    struct {
        grant_entry_header hdr;
        std::uint32_t pad0;
        std::uint64_t frame;
    } full_page;

    struct {
        grant_entry_header hdr;
        std::uint16_t page_off;
        std::uint16_t length;
        std::uint64_t frame;
    } sub_page;

    struct {
        grant_entry_header hdr;
        std::uint16_t trans_domid;
        std::uint16_t pad0;
        grant_ref_t gref;
    } transitive;

    std::uint32_t __spacer[4];
};

static_assert(sizeof(grant_entry_v2) == 16);

/// Sub-operations of `hypercall::grant_table_op`; each takes an array of its structure.
// clang-format off
enum class gnttab_op : std::uint32_t {
    map_grant_ref     = 0,
    unmap_grant_ref   = 1,
    setup_table       = 2,
    dump_table        = 3,
    transfer          = 4,
    copy              = 5,
    query_size        = 6,
    unmap_and_replace = 7,
    set_version       = 8,
    get_status_frames = 9,
    get_version       = 10,
    swap_grant_ref    = 11,
    cache_flush       = 12,
};

// clang-format on

/// Maps a grant: at an address, or through the page-table entry at that machine address.
struct gnttab_map_grant_ref {
    std::uint64_t host_addr;
    std::uint32_t flags;
    grant_ref_t ref;
    std::uint16_t dom;
    std::int16_t status;
    grant_handle_t handle;
    std::uint64_t dev_bus_addr;
};

static_assert(sizeof(gnttab_map_grant_ref) == 32);

/// Undoes a mapping. An address of zero leaves that part of the mapping alone.
struct gnttab_unmap_grant_ref {
    std::uint64_t host_addr;
    std::uint64_t dev_bus_addr;
    grant_handle_t handle;
    std::int16_t status;
    std::uint16_t reserved_;
};

static_assert(sizeof(gnttab_unmap_grant_ref) == 24);

/// Makes the table at least `nr_frames` big and lists its frames.
struct gnttab_setup_table {
    std::uint16_t dom;
    std::uint16_t reserved_;
    std::uint32_t nr_frames;
    std::int16_t status;
    std::uint8_t reserved_2[6];
    guest_handle<pfn_t> frame_list;
};

static_assert(sizeof(gnttab_setup_table) == 24);

/// Prints a table on the hypervisor's console.
struct gnttab_dump_table {
    std::uint16_t dom;
    std::int16_t status;
};

static_assert(sizeof(gnttab_dump_table) == 4);

/// Gives one of the caller's pages to a domain that accepts it.
struct gnttab_transfer {
    pfn_t mfn;
    std::uint16_t domid;
    std::uint16_t reserved_;
    grant_ref_t ref;
    std::int16_t status;
    std::uint8_t reserved_2[6];
};

static_assert(sizeof(gnttab_transfer) == 24);

/// `gnttab_copy::flags`: that side is a grant reference, not a frame.
inline constexpr std::uint32_t gntcopy_source_gref_bit = 0;
inline constexpr std::uint32_t gntcopy_source_gref = 1u << gntcopy_source_gref_bit;
inline constexpr std::uint32_t gntcopy_dest_gref_bit = 1;
inline constexpr std::uint32_t gntcopy_dest_gref = 1u << gntcopy_dest_gref_bit;

/// Copies at most a page between frames or grants, without mapping them.
struct gnttab_copy {
    struct gnttab_copy_ptr {
        union {
            grant_ref_t ref;
            pfn_t gmfn;
        } u;

        std::uint16_t domid;
        std::uint16_t offset;
        std::uint32_t reserved_;
    } source;

    gnttab_copy_ptr dest;
    std::uint16_t len;
    std::uint16_t flags;
    std::int16_t status;
    std::uint16_t reserved_3;
};

static_assert(sizeof(gnttab_copy) == 40);

/// Asks how big a table is and may become.
struct gnttab_query_size {
    std::uint16_t dom;
    std::uint16_t reserved_;
    std::uint32_t nr_frames;
    std::uint32_t max_nr_frames;
    std::int16_t status;
    std::uint16_t reserved_2;
};

static_assert(sizeof(gnttab_query_size) == 16);

/// Unmaps a grant and moves the mapping at `new_addr` into its place.
struct gnttab_unmap_and_replace {
    std::uint64_t host_addr;
    std::uint64_t new_addr;
    grant_handle_t handle;
    std::int16_t status;
    std::uint16_t reserved_;
};

static_assert(sizeof(gnttab_unmap_and_replace) == 24);

/// Chooses the table format; answers the one in force.
struct gnttab_set_version {
    std::uint32_t version;
};

static_assert(sizeof(gnttab_set_version) == 4);

/// Lists the status frames of a version-2 table.
struct gnttab_get_status_frames {
    std::uint32_t nr_frames;
    std::uint16_t dom;
    std::int16_t status;
    guest_handle<std::uint64_t> frame_list;
};

static_assert(sizeof(gnttab_get_status_frames) == 16);

/// Asks which format a domain uses.
struct gnttab_get_version {
    std::uint16_t dom;
    std::uint16_t pad;
    std::uint32_t version;
};

static_assert(sizeof(gnttab_get_version) == 8);

/// Exchanges two entries of the caller's table.
struct gnttab_swap_grant_ref {
    grant_ref_t ref_a;
    grant_ref_t ref_b;
    std::int16_t status;
    std::uint16_t reserved_;
};

static_assert(sizeof(gnttab_swap_grant_ref) == 12);

/// Writes back or drops cache lines of a granted page.
struct gnttab_cache_flush {
    union {
        std::uint64_t dev_bus_addr;
        grant_ref_t ref;
    } a;

    std::uint16_t offset;
    std::uint16_t length;
    std::uint32_t op;
};

static_assert(sizeof(gnttab_cache_flush) == 16);

/// `gnttab_cache_flush::op`.
inline constexpr std::uint32_t gnttab_cache_clean = 1u;
inline constexpr std::uint32_t gnttab_cache_inval = 1u << 1;
inline constexpr std::uint32_t gnttab_cache_source_gref = 1u << 31;

/// `gnttab_map_grant_ref::flags`.
inline constexpr std::uint32_t gntmap_device_map_bit = 0;
inline constexpr std::uint32_t gntmap_device_map = 1u << gntmap_device_map_bit;
inline constexpr std::uint32_t gntmap_host_map_bit = 1;
inline constexpr std::uint32_t gntmap_host_map = 1u << gntmap_host_map_bit;
inline constexpr std::uint32_t gntmap_readonly_bit = 2;
inline constexpr std::uint32_t gntmap_readonly = 1u << gntmap_readonly_bit;
inline constexpr std::uint32_t gntmap_application_map_bit = 3;
inline constexpr std::uint32_t gntmap_application_map = 1u << gntmap_application_map_bit;
inline constexpr std::uint32_t gntmap_contains_pte_bit = 4;
inline constexpr std::uint32_t gntmap_contains_pte = 1u << gntmap_contains_pte_bit;
inline constexpr std::uint32_t gntmap_guest_avail0 = 16;
inline constexpr std::uint32_t gntmap_guest_avail_mask = 0xffff0000u;

/// The result of one grant operation, in its `status`.
inline constexpr std::int16_t gntst_okay = 0;
inline constexpr std::int16_t gntst_general_error = -1;
inline constexpr std::int16_t gntst_bad_domain = -2;
inline constexpr std::int16_t gntst_bad_gntref = -3;
inline constexpr std::int16_t gntst_bad_handle = -4;
inline constexpr std::int16_t gntst_bad_virt_addr = -5;
inline constexpr std::int16_t gntst_bad_dev_addr = -6;
inline constexpr std::int16_t gntst_no_device_space = -7;
inline constexpr std::int16_t gntst_permission_denied = -8;
inline constexpr std::int16_t gntst_bad_page = -9;
inline constexpr std::int16_t gntst_bad_copy_arg = -10;
inline constexpr std::int16_t gntst_address_too_big = -11;
inline constexpr std::int16_t gntst_eagain = -12;
inline constexpr std::int16_t gntst_no_space = -13;

} // namespace xenpp::abi
