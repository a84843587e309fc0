// SPDX-License-Identifier: Apache-2.0
// What a device model does to its guest; public header hvm/dm_op.h.
#pragma once

#include <xenpp/abi/event_channel.hpp>

#include <cstdint>

namespace xenpp::abi {

/// `dm_op::op`.
// clang-format off
enum class dm_op_nr : std::uint32_t {
    create_ioreq_server              = 1,
    get_ioreq_server_info            = 2,
    map_io_range_to_ioreq_server     = 3,
    unmap_io_range_from_ioreq_server = 4,
    set_ioreq_server_state           = 5,
    destroy_ioreq_server             = 6,
    track_dirty_vram                 = 7,
    set_pci_intx_level               = 8,
    set_isa_irq_level                = 9,
    set_pci_link_route               = 10,
    modified_memory                  = 11,
    set_mem_type                     = 12,
    inject_event                     = 13,
    inject_msi                       = 14,
    map_mem_type_to_ioreq_server     = 15,
    remote_shutdown                  = 16,
    relocate_memory                  = 17,
    pin_memory_cacheattr             = 18,
    set_irq_level                    = 19,
    nr_vcpus                         = 20,
};

// clang-format on

/// Makes an ioreq server; `id` is the answer.
struct dm_op_create_ioreq_server {
    std::uint8_t handle_bufioreq;
    std::uint8_t pad[3];
    std::uint16_t id;
};

static_assert(sizeof(dm_op_create_ioreq_server) == 6);

/// Asks for frames and port of an ioreq server.
struct dm_op_get_ioreq_server_info {
    std::uint16_t id;
    std::uint16_t flags;
    evtchn_port_t bufioreq_port;
    std::uint64_t ioreq_gfn;
    std::uint64_t bufioreq_gfn;
};

static_assert(sizeof(dm_op_get_ioreq_server_info) == 24);

/// `dm_op_get_ioreq_server_info::flags`: do not put the pages into the guest's physmap.
inline constexpr std::uint32_t dmop_no_gfns_bit = 0;
inline constexpr std::uint32_t dmop_no_gfns = 1u << dmop_no_gfns_bit;

/// A range that an ioreq server serves, or serves no more; both ends belong to it.
struct dm_op_ioreq_server_range {
    std::uint16_t id;
    std::uint16_t pad;
    std::uint32_t type;
    std::uint64_t start;
    std::uint64_t end;
};

static_assert(sizeof(dm_op_ioreq_server_range) == 24);

/// `dm_op_ioreq_server_range::type`.
inline constexpr std::uint32_t dmop_io_range_port = 0;
inline constexpr std::uint32_t dmop_io_range_memory = 1;
inline constexpr std::uint32_t dmop_io_range_pci = 2;

/// Switches an ioreq server on or off.
struct dm_op_set_ioreq_server_state {
    std::uint16_t id;
    std::uint8_t enabled;
    std::uint8_t pad;
};

static_assert(sizeof(dm_op_set_ioreq_server_state) == 4);

/// Destroys an ioreq server.
struct dm_op_destroy_ioreq_server {
    std::uint16_t id;
    std::uint16_t pad;
};

static_assert(sizeof(dm_op_destroy_ioreq_server) == 4);

/// Tells which pages of video memory changed; a bitmap in the second buffer.
struct dm_op_track_dirty_vram {
    std::uint32_t nr;
    std::uint32_t pad;
    std::uint64_t first_pfn;
};

static_assert(sizeof(dm_op_track_dirty_vram) == 16);

/// Level of a PCI interrupt line.
struct dm_op_set_pci_intx_level {
    std::uint16_t domain;
    std::uint8_t bus;
    std::uint8_t device;
    std::uint8_t intx;
    std::uint8_t level;
};

static_assert(sizeof(dm_op_set_pci_intx_level) == 6);

/// Level of an ISA interrupt line.
struct dm_op_set_isa_irq_level {
    std::uint8_t isa_irq;
    std::uint8_t level;
};

static_assert(sizeof(dm_op_set_isa_irq_level) == 2);

/// Routes a PCI link to an ISA line.
struct dm_op_set_pci_link_route {
    std::uint8_t link;
    std::uint8_t isa_irq;
};

static_assert(sizeof(dm_op_set_pci_link_route) == 2);

/// Says that extents (in the second buffer) were written behind the hypervisor's back.
struct dm_op_modified_memory {
    std::uint32_t nr_extents;
    std::uint32_t opaque;
};

static_assert(sizeof(dm_op_modified_memory) == 8);

/// One such extent.
struct dm_op_modified_memory_extent {
    std::uint32_t nr;
    std::uint32_t pad;
    std::uint64_t first_pfn;
};

static_assert(sizeof(dm_op_modified_memory_extent) == 16);

/// Changes the kind of guest memory.
struct dm_op_set_mem_type {
    std::uint32_t nr;
    std::uint16_t mem_type;
    std::uint16_t pad;
    std::uint64_t first_pfn;
};

static_assert(sizeof(dm_op_set_mem_type) == 16);

/// Injects an exception or interrupt.
struct dm_op_inject_event {
    std::uint32_t vcpuid;
    std::uint8_t vector;
    std::uint8_t type;
    std::uint8_t insn_len;
    std::uint8_t pad0;
    std::uint32_t error_code;
    std::uint32_t pad1;
    std::uint64_t cr2;
};

static_assert(sizeof(dm_op_inject_event) == 24);

/// `dm_op_inject_event::type`.
inline constexpr std::uint32_t dmop_event_ext_int = 0;
inline constexpr std::uint32_t dmop_event_nmi = 2;
inline constexpr std::uint32_t dmop_event_hw_exc = 3;
inline constexpr std::uint32_t dmop_event_sw_int = 4;
inline constexpr std::uint32_t dmop_event_pri_sw_exc = 5;
inline constexpr std::uint32_t dmop_event_sw_exc = 6;

/// Injects an MSI.
struct dm_op_inject_msi {
    std::uint32_t data;
    std::uint32_t pad;
    std::uint64_t addr;
};

static_assert(sizeof(dm_op_inject_msi) == 16);

/// Sends accesses to one kind of memory to an ioreq server.
struct dm_op_map_mem_type_to_ioreq_server {
    std::uint16_t id;
    std::uint16_t type;
    std::uint32_t flags;
    std::uint64_t opaque;
};

static_assert(sizeof(dm_op_map_mem_type_to_ioreq_server) == 16);

/// `dm_op_map_mem_type_to_ioreq_server::flags`.
inline constexpr std::uint32_t dmop_ioreq_mem_access_read = 1u;
inline constexpr std::uint32_t dmop_ioreq_mem_access_write = 1u << 1;

/// Declares the guest shut down.
struct dm_op_remote_shutdown {
    std::uint32_t reason;
};

static_assert(sizeof(dm_op_remote_shutdown) == 4);

/// Moves guest frames.
struct dm_op_relocate_memory {
    std::uint32_t size;
    std::uint32_t pad;
    std::uint64_t src_gfn;
    std::uint64_t dst_gfn;
};

static_assert(sizeof(dm_op_relocate_memory) == 24);

/// Pins the cache attribute of a range.
struct dm_op_pin_memory_cacheattr {
    std::uint64_t start;
    std::uint64_t end;
    std::uint32_t type;
    std::uint32_t pad;
};

static_assert(sizeof(dm_op_pin_memory_cacheattr) == 24);

/// `dm_op_pin_memory_cacheattr::type`.
inline constexpr std::uint32_t dmop_mem_cacheattr_uc = 0;
inline constexpr std::uint32_t dmop_mem_cacheattr_wc = 1;
inline constexpr std::uint32_t dmop_mem_cacheattr_wt = 4;
inline constexpr std::uint32_t dmop_mem_cacheattr_wp = 5;
inline constexpr std::uint32_t dmop_mem_cacheattr_wb = 6;
inline constexpr std::uint32_t dmop_mem_cacheattr_ucm = 7;
inline constexpr std::uint32_t dmop_delete_mem_cacheattr = 0xffffffffu;

/// Level of an interrupt line (Arm).
struct dm_op_set_irq_level {
    std::uint32_t irq;
    std::uint8_t level;
    std::uint8_t pad[3];
};

static_assert(sizeof(dm_op_set_irq_level) == 8);

/// Asks for the number of vCPUs.
struct dm_op_nr_vcpus {
    std::uint32_t vcpus;
};

static_assert(sizeof(dm_op_nr_vcpus) == 4);

/// The first buffer of `hypercall::dm_op`.
struct dm_op {
    std::uint32_t op;
    std::uint32_t pad;

    union {
        dm_op_create_ioreq_server create_ioreq_server;
        dm_op_get_ioreq_server_info get_ioreq_server_info;
        dm_op_ioreq_server_range map_io_range_to_ioreq_server;
        dm_op_ioreq_server_range unmap_io_range_from_ioreq_server;
        dm_op_set_ioreq_server_state set_ioreq_server_state;
        dm_op_destroy_ioreq_server destroy_ioreq_server;
        dm_op_track_dirty_vram track_dirty_vram;
        dm_op_set_pci_intx_level set_pci_intx_level;
        dm_op_set_isa_irq_level set_isa_irq_level;
        dm_op_set_irq_level set_irq_level;
        dm_op_set_pci_link_route set_pci_link_route;
        dm_op_modified_memory modified_memory;
        dm_op_set_mem_type set_mem_type;
        dm_op_inject_event inject_event;
        dm_op_inject_msi inject_msi;
        dm_op_map_mem_type_to_ioreq_server map_mem_type_to_ioreq_server;
        dm_op_remote_shutdown remote_shutdown;
        dm_op_relocate_memory relocate_memory;
        dm_op_pin_memory_cacheattr pin_memory_cacheattr;
        dm_op_nr_vcpus nr_vcpus;
    } u;
};

static_assert(sizeof(dm_op) == 32);

/// One buffer of `hypercall::dm_op`.
struct dm_op_buf {
    guest_handle<void> h;
    std::uint64_t size;
};

static_assert(sizeof(dm_op_buf) == 16);

} // namespace xenpp::abi
