// SPDX-License-Identifier: Apache-2.0
// Operations on a guest with hardware virtualisation; public header hvm/hvm_op.h.
#pragma once

#include <xenpp/abi/xen.hpp>

#include <cstdint>

namespace xenpp::abi {

/// Sub-operations of `hypercall::hvm_op`.
// clang-format off
enum class hvm_op : std::uint32_t {
    set_param                = 0,
    get_param                = 1,
    flush_tlbs               = 5,
    pagetable_dying          = 9,
    get_time                 = 10,
    xentrace                 = 11,
    set_mem_access           = 12,
    get_mem_access           = 13,
    get_mem_type             = 15,
    set_evtchn_upcall_vector = 23,
    guest_request_vm_event   = 24,
    altp2m                   = 25,
};

// clang-format on

/// Sets or gets one numbered parameter of a domain.
struct hvm_param {
    std::uint16_t domid;
    std::uint16_t pad;
    std::uint32_t index;
    std::uint64_t value;
};

static_assert(sizeof(hvm_param) == 16);

/// Whether violations of one frame stay out of the guest's #VE.
struct hvm_altp2m_suppress_ve {
    std::uint16_t view;
    std::uint8_t suppress_ve;
    std::uint8_t pad1;
    std::uint32_t pad2;
    std::uint64_t gfn;
};

static_assert(sizeof(hvm_altp2m_suppress_ve) == 16);

/// The same for a range of frames.
struct hvm_altp2m_suppress_ve_multi {
    std::uint16_t view;
    std::uint8_t suppress_ve;
    std::uint8_t pad1;
    std::int32_t first_error;
    std::uint64_t first_gfn;
    std::uint64_t last_gfn;
    std::uint64_t first_error_gfn;
};

static_assert(sizeof(hvm_altp2m_suppress_ve_multi) == 32);

/// Kinds of guest memory.
inline constexpr std::uint32_t hvmmem_ram_rw = 0;
inline constexpr std::uint32_t hvmmem_ram_ro = 1;
inline constexpr std::uint32_t hvmmem_mmio_dm = 2;
inline constexpr std::uint32_t hvmmem_unused = 3;
inline constexpr std::uint32_t hvmmem_ioreq_server = 4;

/// Tells the shadow code that a page table is no longer used.
struct hvm_pagetable_dying {
    std::uint16_t domid;
    std::uint16_t pad[3];
    std::uint64_t gpa;
};

static_assert(sizeof(hvm_pagetable_dying) == 16);

/// Asks for the time in nanoseconds since the start of the machine.
struct hvm_get_time {
    std::uint64_t now;
};

static_assert(sizeof(hvm_get_time) == 8);

/// Puts an event of the guest's own into the trace.
struct hvm_xentrace {
    std::uint16_t event;
    std::uint16_t extra_bytes;
    std::uint8_t extra[28];
};

static_assert(sizeof(hvm_xentrace) == 32);

/// Asks for the kind of one guest frame.
struct hvm_get_mem_type {
    std::uint16_t domid;
    std::uint16_t mem_type;
    std::uint16_t pad[2];
    std::uint64_t pfn;
};

static_assert(sizeof(hvm_get_mem_type) == 16);

/// How an ioreq server buffers writes.
inline constexpr std::uint32_t hvm_ioreqsrv_bufioreq_off = 0;
inline constexpr std::uint32_t hvm_ioreqsrv_bufioreq_legacy = 1;
inline constexpr std::uint32_t hvm_ioreqsrv_bufioreq_atomic = 2;

/// The vector that announces events to one vCPU.
struct hvm_evtchn_upcall_vector {
    std::uint32_t vcpu;
    std::uint8_t vector;
    std::uint8_t reserved_[3];
};

static_assert(sizeof(hvm_evtchn_upcall_vector) == 8);

/// `hvm_altp2m_op::version`.
inline constexpr std::uint32_t hvmop_altp2m_interface_version = 0x1;

/// Whether a domain has alternate p2ms.
struct hvm_altp2m_domain_state {
    std::uint8_t state;
};

static_assert(sizeof(hvm_altp2m_domain_state) == 1);

/// Gives a vCPU its #VE information page.
struct hvm_altp2m_vcpu_enable_notify {
    std::uint32_t vcpu_id;
    std::uint32_t pad;
    std::uint64_t gfn;
};

static_assert(sizeof(hvm_altp2m_vcpu_enable_notify) == 16);

/// Takes it away.
struct hvm_altp2m_vcpu_disable_notify {
    std::uint32_t vcpu_id;
};

static_assert(sizeof(hvm_altp2m_vcpu_disable_notify) == 4);

/// Names an alternate p2m, or asks for a new one.
struct hvm_altp2m_view {
    std::uint16_t view;
    std::uint16_t hvmmem_default_access;
};

static_assert(sizeof(hvm_altp2m_view) == 4);

/// Sets or gets the permissions of one frame in a view.
struct hvm_altp2m_mem_access {
    std::uint16_t view;
    std::uint16_t access;
    std::uint32_t pad;
    std::uint64_t gfn;
};

static_assert(sizeof(hvm_altp2m_mem_access) == 16);

/// Sets the permissions of many frames in a view; `opaque` holds the progress of a continuation.
struct hvm_altp2m_set_mem_access_multi {
    std::uint16_t view;
    std::uint16_t pad;
    std::uint32_t nr;
    std::uint64_t opaque;
    guest_handle<std::uint64_t const> pfn_list;
    guest_handle<std::uint8_t const> access_list;
};

static_assert(sizeof(hvm_altp2m_set_mem_access_multi) == 32);

/// Makes a frame of a view show another one.
struct hvm_altp2m_change_gfn {
    std::uint16_t view;
    std::uint16_t pad1;
    std::uint32_t pad2;
    std::uint64_t old_gfn;
    std::uint64_t new_gfn;
};

static_assert(sizeof(hvm_altp2m_change_gfn) == 24);

/// Asks which view a vCPU uses.
struct hvm_altp2m_get_vcpu_p2m_idx {
    std::uint32_t vcpu_id;
    std::uint16_t altp2m_idx;
    std::uint16_t reserved_;
};

static_assert(sizeof(hvm_altp2m_get_vcpu_p2m_idx) == 8);

/// Whether the guest may switch to a view itself.
struct hvm_altp2m_set_visibility {
    std::uint16_t altp2m_idx;
    std::uint8_t visible;
    std::uint8_t pad;
};

static_assert(sizeof(hvm_altp2m_set_visibility) == 4);

/// The argument of `hvm_op::altp2m`.
struct hvm_altp2m_op {
    std::uint32_t version;
    std::uint32_t cmd;
    std::uint16_t domain;
    std::uint16_t pad1;
    std::uint32_t pad2;

    union {
        std::uint8_t pad[64];
        hvm_altp2m_domain_state domain_state;
        hvm_altp2m_vcpu_enable_notify enable_notify;
        hvm_altp2m_view view;
        hvm_altp2m_mem_access mem_access;
        hvm_altp2m_change_gfn change_gfn;
        hvm_altp2m_set_mem_access_multi set_mem_access_multi;
        hvm_altp2m_suppress_ve suppress_ve;
        hvm_altp2m_suppress_ve_multi suppress_ve_multi;
        hvm_altp2m_vcpu_disable_notify disable_notify;
        hvm_altp2m_get_vcpu_p2m_idx get_vcpu_p2m_idx;
        hvm_altp2m_set_visibility set_visibility;
    } u;
};

static_assert(sizeof(hvm_altp2m_op) == 80);

/// `hvm_altp2m_op::cmd`.
inline constexpr std::uint32_t hvmop_altp2m_get_domain_state = 1;
inline constexpr std::uint32_t hvmop_altp2m_set_domain_state = 2;
inline constexpr std::uint32_t hvmop_altp2m_vcpu_enable_notify = 3;
inline constexpr std::uint32_t hvmop_altp2m_create_p2m = 4;
inline constexpr std::uint32_t hvmop_altp2m_destroy_p2m = 5;
inline constexpr std::uint32_t hvmop_altp2m_switch_p2m = 6;
inline constexpr std::uint32_t hvmop_altp2m_set_mem_access = 7;
inline constexpr std::uint32_t hvmop_altp2m_change_gfn = 8;
inline constexpr std::uint32_t hvmop_altp2m_set_mem_access_multi = 9;
inline constexpr std::uint32_t hvmop_altp2m_set_suppress_ve = 10;
inline constexpr std::uint32_t hvmop_altp2m_get_suppress_ve = 11;
inline constexpr std::uint32_t hvmop_altp2m_get_mem_access = 12;
inline constexpr std::uint32_t hvmop_altp2m_vcpu_disable_notify = 13;
inline constexpr std::uint32_t hvmop_altp2m_get_p2m_idx = 14;
inline constexpr std::uint32_t hvmop_altp2m_set_suppress_ve_multi = 15;
inline constexpr std::uint32_t hvmop_altp2m_set_visibility = 16;

} // namespace xenpp::abi
