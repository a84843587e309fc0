// SPDX-License-Identifier: Apache-2.0
// What Linux's Xen devices are asked: the numbers and arguments of their ioctls (Linux 6.1).
#pragma once

#include <cstddef>
#include <cstdint>

namespace xenpp::transport::native {

/// Linux's _IOC(none, type, number, size); a size only where Linux has one.
constexpr unsigned long ioctl_number(char type, unsigned number, std::size_t size) noexcept {
    return static_cast<unsigned long>(size) << 16 |
           static_cast<unsigned long>(static_cast<unsigned char>(type)) << 8 | number;
}

// /dev/xen/privcmd

struct privcmd_hypercall {
    std::uint64_t op;
    std::uint64_t arg[5];
};

struct privcmd_mmapbatch_v2 {
    std::uint32_t num; ///< frames
    std::uint16_t dom;
    std::uint64_t addr; ///< in a mapping of the device
    std::uint64_t arr;  ///< const u64[num]: frame numbers
    std::uint64_t err;  ///< int[num]: 0 or a negative errno for each
};

struct privcmd_mmap_resource {
    std::uint16_t dom;
    std::uint32_t type;
    std::uint32_t id;
    std::uint32_t idx;
    std::uint64_t num;
    std::uint64_t addr;
};

// /dev/xen/evtchn

struct evtchn_bind_virq {
    std::uint32_t virq;
};

struct evtchn_bind_interdomain {
    std::uint32_t remote_domain;
    std::uint32_t remote_port;
};

struct evtchn_bind_unbound_port {
    std::uint32_t remote_domain;
};

struct evtchn_port_argument { ///< unbind and notify
    std::uint32_t port;
};

struct evtchn_restrict_domid {
    std::uint16_t domid;
};

// /dev/xen/gntdev

struct gntdev_grant {
    std::uint32_t domid;
    std::uint32_t ref;
};

/// Followed by `count` grants, the first of which Linux counts into the ioctl's size.
struct gntdev_map_grant_ref {
    std::uint32_t count;
    std::uint32_t pad;
    std::uint64_t index; ///< out: the offset for mmap
    gntdev_grant refs[1];
};

struct gntdev_unmap_grant_ref {
    std::uint64_t index;
    std::uint32_t count;
    std::uint32_t pad;
};

/// One end of a copy: our memory, or part of a page that a domain granted.
union gntdev_copy_end {
    void* virt;

    struct {
        std::uint32_t ref;
        std::uint16_t offset;
        std::uint16_t domid;
    } foreign;
};

struct gntdev_grant_copy_segment {
    gntdev_copy_end source;
    gntdev_copy_end dest;
    std::uint16_t len;
    std::uint16_t flags; ///< gntcopy_...
    std::int16_t status; ///< out: gntst_...
};

struct gntdev_grant_copy {
    std::uint32_t count;
    gntdev_grant_copy_segment* segments;
};

// clang-format off
inline constexpr auto privcmd_ioctl_hypercall     = ioctl_number('P', 0, sizeof(privcmd_hypercall));
inline constexpr auto privcmd_ioctl_mmapbatch_v2  = ioctl_number('P', 4, sizeof(privcmd_mmapbatch_v2));
inline constexpr auto privcmd_ioctl_restrict      = ioctl_number('P', 6, sizeof(std::uint16_t));
inline constexpr auto privcmd_ioctl_mmap_resource = ioctl_number('P', 7, sizeof(privcmd_mmap_resource));

inline constexpr auto evtchn_ioctl_bind_virq         = ioctl_number('E', 0, sizeof(evtchn_bind_virq));
inline constexpr auto evtchn_ioctl_bind_interdomain  = ioctl_number('E', 1, sizeof(evtchn_bind_interdomain));
inline constexpr auto evtchn_ioctl_bind_unbound_port = ioctl_number('E', 2, sizeof(evtchn_bind_unbound_port));
inline constexpr auto evtchn_ioctl_unbind            = ioctl_number('E', 3, sizeof(evtchn_port_argument));
inline constexpr auto evtchn_ioctl_notify            = ioctl_number('E', 4, sizeof(evtchn_port_argument));
inline constexpr auto evtchn_ioctl_restrict_domid    = ioctl_number('E', 6, sizeof(evtchn_restrict_domid));

inline constexpr auto gntdev_ioctl_map_grant_ref   = ioctl_number('G', 0, sizeof(gntdev_map_grant_ref));
inline constexpr auto gntdev_ioctl_unmap_grant_ref = ioctl_number('G', 1, sizeof(gntdev_unmap_grant_ref));
inline constexpr auto gntdev_ioctl_grant_copy      = ioctl_number('G', 8, sizeof(gntdev_grant_copy));
// clang-format on

} // namespace xenpp::transport::native
