// SPDX-License-Identifier: Apache-2.0
// Memory operations: reservations, physmap, exchange, resources, vNUMA; public header memory.h.
#pragma once

#include <xenpp/abi/physdev.hpp>

#include <cstdint>

namespace xenpp::abi {

/// Sub-operations of `hypercall::memory_op`. A continuation puts its progress in the bits from 6
/// up.
// clang-format off
enum class mem_op : std::uint32_t {
    increase_reservation       = 0,
    decrease_reservation       = 1,
    populate_physmap           = 6,
    exchange                   = 11,
    maximum_ram_page           = 2,
    current_reservation        = 3,
    maximum_reservation        = 4,
    maximum_gpfn               = 14,
    machphys_mfn_list          = 5,
    machphys_compat_mfn_list   = 25,
    machphys_mapping           = 12,
    add_to_physmap             = 7,
    add_to_physmap_batch       = 23,
    remove_from_physmap        = 15,
    memory_map                 = 9,
    machine_memory_map         = 10,
    set_memory_map             = 13,
    set_pod_target             = 16,
    get_pod_target             = 17,
    get_sharing_freed_pages    = 18,
    get_sharing_shared_pages   = 19,
    paging_op                  = 20,
    access_op                  = 21,
    sharing_op                 = 22,
    claim_pages                = 24,
    reserved_device_memory_map = 27,
    acquire_resource           = 28,
    get_vnumainfo              = 26,
};
// clang-format on

/// Flags in `memory_reservation::mem_flags`, beside the address width in bits 0-7 and the node in
/// bits 8-15.
inline constexpr std::uint32_t xenmemf_populate_on_demand = 1u << 16;
inline constexpr std::uint32_t xenmemf_exact_node_request = 1u << 17;
inline constexpr std::uint32_t xenmemf_vnode = 1u << 18;

/// Extents of 2^`extent_order` pages to add to a domain or take from it.
struct memory_reservation {
    guest_handle<pfn_t> extent_start;
    std::uint64_t nr_extents;
    std::uint32_t extent_order;
    std::uint32_t mem_flags;
    std::uint16_t domid;
    std::uint8_t reserved_[6];
};

static_assert(sizeof(memory_reservation) == 32);

/// Gives up the extents `in` for fresh ones in `out`; both must amount to the same memory.
/// `nr_exchanged` starts at zero.
struct memory_exchange {
    memory_reservation in;
    memory_reservation out;
    std::uint64_t nr_exchanged;
};

static_assert(sizeof(memory_exchange) == 72);

/// The domain that a question is about, where the question needs no more.
struct memory_domain {
    std::uint16_t domid;
};

static_assert(sizeof(memory_domain) == 2);

/// Asks for the frames that hold the machine-to-physical table.
struct machphys_mfn_list {
    std::uint32_t max_extents;
    std::uint32_t reserved_;
    guest_handle<pfn_t> extent_start;
    std::uint32_t nr_extents;
    std::uint32_t reserved_2;
};

static_assert(sizeof(machphys_mfn_list) == 24);

/// Asks where the machine-to-physical table is mapped, and for its highest frame.
struct machphys_mapping {
    std::uint64_t v_start;
    std::uint64_t v_end;
    std::uint64_t max_mfn;
};

static_assert(sizeof(machphys_mapping) == 24);

/// What is added to a physmap.
inline constexpr std::uint32_t xenmapspace_shared_info = 0;
inline constexpr std::uint32_t xenmapspace_grant_table = 1;
inline constexpr std::uint32_t xenmapspace_gmfn = 2;
inline constexpr std::uint32_t xenmapspace_gmfn_range = 3;
inline constexpr std::uint32_t xenmapspace_gmfn_foreign = 4;
inline constexpr std::uint32_t xenmapspace_dev_mmio = 5;

/// Puts one page at `gpfn`, or `size` pages for `xenmapspace_gmfn_range`.
struct add_to_physmap {
    std::uint16_t domid;
    std::uint16_t size;
    std::uint32_t space;
    std::uint64_t idx;
    pfn_t gpfn;
};

static_assert(sizeof(add_to_physmap) == 24);

/// In `add_to_physmap::idx`: the status frames instead of the grant table.
inline constexpr std::uint32_t xenmapidx_grant_table_status = 0x80000000u;

/// Puts `size` pages, each with an error of its own. `u.foreign_domid` for foreign frames,
/// otherwise zero.
struct add_to_physmap_batch {
    std::uint16_t domid;
    std::uint16_t space;
    std::uint16_t size;

    union add_to_physmap_batch_extra {
        std::uint16_t foreign_domid;
        std::uint16_t res0;
    } u;

    guest_handle<std::uint64_t> idxs;
    guest_handle<pfn_t> gpfns;
    guest_handle<std::int32_t> errs;
};

static_assert(sizeof(add_to_physmap_batch) == 32);

/// Takes one page out of the physmap; the page itself stays the domain's.
struct remove_from_physmap {
    std::uint16_t domid;
    std::uint8_t reserved_[6];
    pfn_t gpfn;
};

static_assert(sizeof(remove_from_physmap) == 16);

/// An E820 map in the caller's memory: room for `nr_entries` before, entries written after.
struct memory_map {
    std::uint32_t nr_entries;
    std::uint32_t reserved_;
    guest_handle<void> buffer;
};

static_assert(sizeof(memory_map) == 16);

/// The E820 map that a PV domain will be given.
struct foreign_memory_map {
    std::uint16_t domid;
    std::uint8_t reserved_[6];
    memory_map map;
};

static_assert(sizeof(foreign_memory_map) == 24);

/// Populate-on-demand: sets or tells how many pages stand behind the guest's memory.
struct pod_target {
    std::uint64_t target_pages;
    std::uint64_t tot_pages;
    std::uint64_t pod_cache_pages;
    std::uint64_t pod_entries;
    std::uint16_t domid;
    std::uint8_t reserved_[6];
};

static_assert(sizeof(pod_target) == 40);

/// `mem_paging_op::op`.
inline constexpr std::uint32_t xenmem_paging_op_nominate = 0;
inline constexpr std::uint32_t xenmem_paging_op_evict = 1;
inline constexpr std::uint32_t xenmem_paging_op_prep = 2;

/// One step of paging a guest frame out or in.
struct mem_paging_op {
    std::uint8_t op;
    std::uint8_t reserved_;
    std::uint16_t domain;
    std::uint32_t reserved_2;
    guest_handle<std::uint8_t const> buffer;
    std::uint64_t gfn;
};

static_assert(sizeof(mem_paging_op) == 24);

/// `mem_access_op::op`.
inline constexpr std::uint32_t xenmem_access_op_set_access = 0;
inline constexpr std::uint32_t xenmem_access_op_get_access = 1;
inline constexpr std::uint32_t xenmem_access_op_set_access_multi = 4;

/// Permissions of guest frames, and the two that change after the first violation.
inline constexpr std::uint32_t xenmem_access_n = 0;
inline constexpr std::uint32_t xenmem_access_r = 1;
inline constexpr std::uint32_t xenmem_access_w = 2;
inline constexpr std::uint32_t xenmem_access_rw = 3;
inline constexpr std::uint32_t xenmem_access_x = 4;
inline constexpr std::uint32_t xenmem_access_rx = 5;
inline constexpr std::uint32_t xenmem_access_wx = 6;
inline constexpr std::uint32_t xenmem_access_rwx = 7;
inline constexpr std::uint32_t xenmem_access_rx2rw = 8;
inline constexpr std::uint32_t xenmem_access_n2rwx = 9;
inline constexpr std::uint32_t xenmem_access_default = 10;

/// Sets or reads the permissions of guest frames; all ones in `pfn` means the default of new
/// pages.
struct mem_access_op {
    std::uint8_t op;
    std::uint8_t access;
    std::uint16_t domid;
    std::uint32_t nr;
    std::uint64_t pfn;
    guest_handle<std::uint64_t const> pfn_list;
    guest_handle<std::uint8_t const> access_list;
};

static_assert(sizeof(mem_access_op) == 32);

/// `mem_sharing_op::op`.
inline constexpr std::uint32_t xenmem_sharing_op_nominate_gfn = 0;
inline constexpr std::uint32_t xenmem_sharing_op_nominate_gref = 1;
inline constexpr std::uint32_t xenmem_sharing_op_share = 2;
inline constexpr std::uint32_t xenmem_sharing_op_debug_gfn = 3;
inline constexpr std::uint32_t xenmem_sharing_op_debug_mfn = 4;
inline constexpr std::uint32_t xenmem_sharing_op_debug_gref = 5;
inline constexpr std::uint32_t xenmem_sharing_op_add_physmap = 6;
inline constexpr std::uint32_t xenmem_sharing_op_audit = 7;
inline constexpr std::uint32_t xenmem_sharing_op_range_share = 8;
inline constexpr std::uint32_t xenmem_sharing_op_fork = 9;
inline constexpr std::uint32_t xenmem_sharing_op_fork_reset = 10;

/// Results of sharing: the source or the client handle is stale.
inline constexpr std::int32_t xenmem_sharing_op_s_handle_invalid = -10;
inline constexpr std::int32_t xenmem_sharing_op_c_handle_invalid = -9;

/// Marks a frame field that holds a grant reference.
inline constexpr std::uint64_t xenmem_sharing_op_field_is_gref_flag = std::uint64_t{1} << 62;

/// One step of sharing pages between guests, or of forking one.
struct mem_sharing_op {
    std::uint8_t op;
    std::uint8_t reserved_;
    std::uint16_t domain;
    std::uint32_t reserved_2;

    union {
        struct mem_sharing_op_nominate {
            union {
                std::uint64_t gfn;
                std::uint32_t grant_ref;
            } u;

            std::uint64_t handle;
        } nominate;

        struct mem_sharing_op_share {
            std::uint64_t source_gfn;
            std::uint64_t source_handle;
            std::uint64_t client_gfn;
            std::uint64_t client_handle;
            std::uint16_t client_domain;
            std::uint8_t reserved_3[6];
        } share;

        struct mem_sharing_op_range {
            std::uint64_t first_gfn;
            std::uint64_t last_gfn;
            std::uint64_t opaque;
            std::uint16_t client_domain;
            std::uint16_t _pad[3];
        } range;

        struct mem_sharing_op_debug {
            union {
                std::uint64_t gfn;
                std::uint64_t mfn;
                std::uint32_t gref;
            } u;
        } debug;

        struct mem_sharing_op_fork {
            std::uint16_t parent_domain;
            std::uint16_t flags;
            std::uint32_t pad;
        } fork;
    } u;
};

static_assert(sizeof(mem_sharing_op) == 48);

/// `mem_sharing_op::u.fork.flags`.
inline constexpr std::uint32_t xenmem_fork_with_iommu_allowed = 1u;
inline constexpr std::uint32_t xenmem_fork_block_interrupts = 1u << 1;
inline constexpr std::uint32_t xenmem_fork_reset_state = 1u << 2;
inline constexpr std::uint32_t xenmem_fork_reset_memory = 1u << 3;

/// A range that a device reaches whatever its IOMMU mappings are.
struct reserved_device_memory {
    pfn_t start_pfn;
    std::uint64_t nr_pages;
};

static_assert(sizeof(reserved_device_memory) == 16);

/// Asks for such ranges: of all devices, or of one.
struct reserved_device_memory_map {
    std::uint32_t flags;
    std::uint32_t nr_entries;
    guest_handle<reserved_device_memory> buffer;

    union {
        physdev_pci_device pci;
    } dev;

    std::uint32_t reserved_;
};

static_assert(sizeof(reserved_device_memory_map) == 24);

/// `reserved_device_memory_map::flags`: every device.
inline constexpr std::uint32_t xenmem_rdm_all = 1;

/// Maps hypervisor-side frames of a domain (grant table, ioreq pages, trace) into the caller.
/// `nr_frames` of zero asks for the size.
struct mem_acquire_resource {
    std::uint16_t domid;
    std::uint16_t type;
    std::uint32_t id;
    std::uint32_t nr_frames;
    std::uint32_t pad;
    std::uint64_t frame;
    guest_handle<pfn_t> frame_list;
};

static_assert(sizeof(mem_acquire_resource) == 32);

/// `mem_acquire_resource::type`.
inline constexpr std::uint32_t xenmem_resource_ioreq_server = 0;
inline constexpr std::uint32_t xenmem_resource_grant_table = 1;
inline constexpr std::uint32_t xenmem_resource_vmtrace_buf = 2;

/// `mem_acquire_resource::id` for grant tables.
inline constexpr std::uint32_t xenmem_resource_grant_table_id_shared = 0;
inline constexpr std::uint32_t xenmem_resource_grant_table_id_status = 1;

/// `mem_acquire_resource::frame` of an ioreq server: the buffered page comes first, the
/// synchronous ones follow.
inline constexpr std::uint32_t xenmem_resource_ioreq_server_frame_bufioreq = 0;

/// A range of guest memory that lies in one virtual node.
struct vmemrange {
    std::uint64_t start;
    std::uint64_t end;
    std::uint32_t flags;
    std::uint32_t nid;
};

static_assert(sizeof(vmemrange) == 24);

/// Asks for the caller's virtual NUMA topology; counts give the room before, the truth after.
struct vnuma_topology_info {
    std::uint16_t domid;
    std::uint16_t pad;
    std::uint32_t nr_vnodes;
    std::uint32_t nr_vcpus;
    std::uint32_t nr_vmemranges;

    union {
        std::uint64_t pad;
        guest_handle<std::uint32_t> h;
    } vdistance;

    union {
        std::uint64_t pad;
        guest_handle<std::uint32_t> h;
    } vcpu_to_vnode;

    union {
        std::uint64_t pad;
        guest_handle<vmemrange> h;
    } vmemrange;
};

static_assert(sizeof(vnuma_topology_info) == 40);

} // namespace xenpp::abi
