// SPDX-License-Identifier: Apache-2.0
// Our ioctls of Linux's Xen devices against Linux's own headers.
#include <catch2/catch.hpp>

#include <sys/ioctl.h>
#include <transport/native_ioctl.hpp>

#include <cstddef>

// clang-format off
#include "unit/abi/xen_begin.hpp"
extern "C" {
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/evtchn.h>
#include <xen/gntdev.h>
}
#include "unit/abi/xen_end.hpp"
// clang-format on

namespace native = xenpp::transport::native;

#define SAME_MEMBER(Ours, Theirs, member)                                                          \
    STATIC_REQUIRE(offsetof(native::Ours, member) == offsetof(struct Theirs, member));             \
    STATIC_REQUIRE(sizeof(native::Ours::member) == sizeof(Theirs::member))

// <xen/privcmd.h> as it is installed includes a header that is not: these are its numbers as strace
// prints them.
TEST_CASE("native_ioctl.privcmd_is_asked_by_linuxs_numbers") {
    CHECK(native::privcmd_ioctl_hypercall == 0x305000);
    CHECK(native::privcmd_ioctl_mmapbatch_v2 == 0x205004);
    CHECK(native::privcmd_ioctl_restrict == 0x025006);
    CHECK(native::privcmd_ioctl_mmap_resource == 0x205007);
}

TEST_CASE("native_ioctl.evtchn_is_linuxs") {
    CHECK(native::evtchn_ioctl_bind_virq == IOCTL_EVTCHN_BIND_VIRQ);
    CHECK(native::evtchn_ioctl_bind_interdomain == IOCTL_EVTCHN_BIND_INTERDOMAIN);
    CHECK(native::evtchn_ioctl_bind_unbound_port == IOCTL_EVTCHN_BIND_UNBOUND_PORT);
    CHECK(native::evtchn_ioctl_unbind == IOCTL_EVTCHN_UNBIND);
    CHECK(native::evtchn_ioctl_notify == IOCTL_EVTCHN_NOTIFY);
    CHECK(native::evtchn_ioctl_restrict_domid == IOCTL_EVTCHN_RESTRICT_DOMID);
    SAME_MEMBER(evtchn_bind_interdomain, ioctl_evtchn_bind_interdomain, remote_domain);
    SAME_MEMBER(evtchn_bind_interdomain, ioctl_evtchn_bind_interdomain, remote_port);
}

TEST_CASE("native_ioctl.gntdev_is_linuxs") {
    CHECK(native::gntdev_ioctl_map_grant_ref == IOCTL_GNTDEV_MAP_GRANT_REF);
    CHECK(native::gntdev_ioctl_unmap_grant_ref == IOCTL_GNTDEV_UNMAP_GRANT_REF);
    SAME_MEMBER(gntdev_map_grant_ref, ioctl_gntdev_map_grant_ref, count);
    SAME_MEMBER(gntdev_map_grant_ref, ioctl_gntdev_map_grant_ref, index);
    SAME_MEMBER(gntdev_map_grant_ref, ioctl_gntdev_map_grant_ref, refs);
    SAME_MEMBER(gntdev_unmap_grant_ref, ioctl_gntdev_unmap_grant_ref, index);
    SAME_MEMBER(gntdev_unmap_grant_ref, ioctl_gntdev_unmap_grant_ref, count);
    SAME_MEMBER(gntdev_grant, ioctl_gntdev_grant_ref, ref);
    CHECK(native::gntdev_ioctl_grant_copy == IOCTL_GNTDEV_GRANT_COPY);
    SAME_MEMBER(gntdev_grant_copy, ioctl_gntdev_grant_copy, count);
    SAME_MEMBER(gntdev_grant_copy, ioctl_gntdev_grant_copy, segments);
    SAME_MEMBER(gntdev_grant_copy_segment, gntdev_grant_copy_segment, source.foreign.ref);
    SAME_MEMBER(gntdev_grant_copy_segment, gntdev_grant_copy_segment, source.foreign.offset);
    SAME_MEMBER(gntdev_grant_copy_segment, gntdev_grant_copy_segment, source.foreign.domid);
    SAME_MEMBER(gntdev_grant_copy_segment, gntdev_grant_copy_segment, dest);
    SAME_MEMBER(gntdev_grant_copy_segment, gntdev_grant_copy_segment, len);
    SAME_MEMBER(gntdev_grant_copy_segment, gntdev_grant_copy_segment, flags);
    SAME_MEMBER(gntdev_grant_copy_segment, gntdev_grant_copy_segment, status);
}
