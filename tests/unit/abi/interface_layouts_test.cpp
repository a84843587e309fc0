// SPDX-License-Identifier: Apache-2.0
// What the control plane sends and reads, member by member, in each release of Xen.
#include "fakes/scripted_doors.hpp"

#include <xenpp/abi/domctl.hpp>
#include <xenpp/abi/sysctl.hpp>
#include <xenpp/ctl/domctl.hpp>
#include <xenpp/ctl/interface_version.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <string_view>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/domctl.h>
#include <xen/sysctl.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp;

namespace {

/// The two layouts there are: `first` of 4.17 and 4.18, `second` of 4.19 and later.
struct row {
    std::string_view name;
    std::size_t size[2];
    std::size_t at[2];
    std::size_t installed_size;
    std::size_t installed_at;
    std::size_t our_size;
    std::size_t our_at;
};

/// Where the numbers of a release are from: domctl.h and sysctl.h, compiled. Those of 4.17 are of
/// Debian 12's libxen-dev 4.17.5 and those of 4.20 of Debian 13's 4.20.4. The others are 4.17's
/// with the changes that Xen's developers posted, in order; after each change git's number of the
/// file was the one that the next change starts from. By these numbers (git hash-object):
///
///        domctl.h      sysctl.h
/// - 4.18 a33f9ec32b08  f1eba784059a
/// - 4.19 2a49fe46ce25  b2a5a724db43
/// - 4.21 8f6708c0a7cd  eb3a23b038b1 or 66c9b65465cc, alike in what is here
/// - 4.22 cdf350a29075  66c9b65465cc
///
/// The numbers of all operations and the flags of `abi/domctl.hpp` and `abi/sysctl.hpp` were
/// compared likewise, and are the same in each. What did change: 4.18's getdomaininfo fails where
/// 4.17's goes to the next domain; 4.19 has altp2m options, of which 4.21 makes two halves; 4.22
/// has another number for any domain (xen.h).
struct release {
    unsigned minor;
    std::uint32_t domctl;
    std::uint32_t sysctl;
    std::uint16_t any_domid;
    std::size_t layout;
};

// clang-format off
constexpr release releases[] = {
    {17, 0x15, 0x15, 0,      0},
    {18, 0x16, 0x15, 0,      0},
    {19, 0x17, 0x15, 0,      1},
    {20, 0x17, 0x15, 0,      1},
    {21, 0x17, 0x16, 0,      1},
    {22, 0x18, 0x16, 0x7ff5, 1},
};

/// The C structure, ours, its size then and now.
#define XENPP_STRUCT(c, cpp, then, now)                                                            \
    row { #c, {then, now}, {0, 0}, sizeof(::c), 0, sizeof(abi::cpp), 0 }

/// The C structure, ours, the member, its size, where it was and is.
#define XENPP_MEMBER(c, cpp, m, size, then, now)                                                   \
    row {                                                                                          \
        #c "." #m, {size, size}, {then, now}, sizeof(std::declval<::c&>().m), offsetof(::c, m),    \
        sizeof(std::declval<abi::cpp&>().m), offsetof(abi::cpp, m)                                 \
    }

constexpr row rows[] = {
    XENPP_STRUCT(xen_domctl, domctl, 144, 144),
    XENPP_MEMBER(xen_domctl, domctl, cmd, 4, 0, 0),
    XENPP_MEMBER(xen_domctl, domctl, interface_version, 4, 4, 4),
    XENPP_MEMBER(xen_domctl, domctl, domain, 2, 8, 8),
    XENPP_MEMBER(xen_domctl, domctl, u, 128, 16, 16),
    XENPP_STRUCT(xen_domctl_createdomain, domctl_createdomain, 64, 68),
    XENPP_MEMBER(xen_domctl_createdomain, domctl_createdomain, ssidref, 4, 0, 0),
    XENPP_MEMBER(xen_domctl_createdomain, domctl_createdomain, handle, 16, 4, 4),
    XENPP_MEMBER(xen_domctl_createdomain, domctl_createdomain, flags, 4, 20, 20),
    XENPP_MEMBER(xen_domctl_createdomain, domctl_createdomain, iommu_opts, 4, 24, 24),
    XENPP_MEMBER(xen_domctl_createdomain, domctl_createdomain, max_vcpus, 4, 28, 28),
    XENPP_MEMBER(xen_domctl_createdomain, domctl_createdomain, max_evtchn_port, 4, 32, 32),
    XENPP_MEMBER(xen_domctl_createdomain, domctl_createdomain, max_grant_frames, 4, 36, 36),
    XENPP_MEMBER(xen_domctl_createdomain, domctl_createdomain, max_maptrack_frames, 4, 40, 40),
    XENPP_MEMBER(xen_domctl_createdomain, domctl_createdomain, grant_opts, 4, 44, 44),
    XENPP_MEMBER(xen_domctl_createdomain, domctl_createdomain, vmtrace_size, 4, 48, 52),
    XENPP_MEMBER(xen_domctl_createdomain, domctl_createdomain, cpupool_id, 4, 52, 56),
    XENPP_MEMBER(xen_domctl_createdomain, domctl_createdomain, arch, 8, 56, 60),
    XENPP_STRUCT(xen_arch_domainconfig, arch_domainconfig, 8, 8),
    XENPP_MEMBER(xen_arch_domainconfig, arch_domainconfig, emulation_flags, 4, 0, 0),
    XENPP_MEMBER(xen_arch_domainconfig, arch_domainconfig, misc_flags, 4, 4, 4),
    XENPP_STRUCT(xen_domctl_getdomaininfo, domctl_getdomaininfo, 112, 112),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, domain, 2, 0, 0),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, flags, 4, 4, 4),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, tot_pages, 8, 8, 8),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, max_pages, 8, 16, 16),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, outstanding_pages, 8, 24, 24),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, shr_pages, 8, 32, 32),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, paged_pages, 8, 40, 40),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, shared_info_frame, 8, 48, 48),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, cpu_time, 8, 56, 56),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, nr_online_vcpus, 4, 64, 64),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, max_vcpu_id, 4, 68, 68),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, ssidref, 4, 72, 72),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, handle, 16, 76, 76),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, cpupool, 4, 92, 92),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, gpaddr_bits, 1, 96, 96),
    XENPP_MEMBER(xen_domctl_getdomaininfo, domctl_getdomaininfo, arch_config, 8, 104, 104),
    XENPP_STRUCT(xen_domctl_setdomainhandle, domctl_setdomainhandle, 16, 16),
    XENPP_MEMBER(xen_domctl_setdomainhandle, domctl_setdomainhandle, handle, 16, 0, 0),
    XENPP_STRUCT(xen_domctl_max_vcpus, domctl_max_vcpus, 4, 4),
    XENPP_MEMBER(xen_domctl_max_vcpus, domctl_max_vcpus, max, 4, 0, 0),
    XENPP_STRUCT(xen_domctl_max_mem, domctl_max_mem, 8, 8),
    XENPP_MEMBER(xen_domctl_max_mem, domctl_max_mem, max_memkb, 8, 0, 0),
    XENPP_STRUCT(xen_domctl_paging_mempool, domctl_paging_mempool, 8, 8),
    XENPP_MEMBER(xen_domctl_paging_mempool, domctl_paging_mempool, size, 8, 0, 0),
    XENPP_STRUCT(xen_domctl_tsc_info, domctl_tsc_info, 24, 24),
    XENPP_MEMBER(xen_domctl_tsc_info, domctl_tsc_info, tsc_mode, 4, 0, 0),
    XENPP_MEMBER(xen_domctl_tsc_info, domctl_tsc_info, gtsc_khz, 4, 4, 4),
    XENPP_MEMBER(xen_domctl_tsc_info, domctl_tsc_info, incarnation, 4, 8, 8),
    XENPP_MEMBER(xen_domctl_tsc_info, domctl_tsc_info, elapsed_nsec, 8, 16, 16),
    XENPP_STRUCT(xen_domctl_settimeoffset, domctl_settimeoffset, 8, 8),
    XENPP_MEMBER(xen_domctl_settimeoffset, domctl_settimeoffset, time_offset_seconds, 8, 0, 0),
    XENPP_STRUCT(xen_domctl_scheduler_op, domctl_scheduler_op, 24, 24),
    XENPP_MEMBER(xen_domctl_scheduler_op, domctl_scheduler_op, sched_id, 4, 0, 0),
    XENPP_MEMBER(xen_domctl_scheduler_op, domctl_scheduler_op, cmd, 4, 4, 4),
    XENPP_MEMBER(xen_domctl_scheduler_op, domctl_scheduler_op, u.credit2, 4, 8, 8),
    XENPP_STRUCT(xen_domctl_sched_credit2, domctl_sched_credit2, 4, 4),
    XENPP_MEMBER(xen_domctl_sched_credit2, domctl_sched_credit2, weight, 2, 0, 0),
    XENPP_MEMBER(xen_domctl_sched_credit2, domctl_sched_credit2, cap, 2, 2, 2),
    XENPP_STRUCT(xen_domctl_getvcpuinfo, domctl_getvcpuinfo, 24, 24),
    XENPP_MEMBER(xen_domctl_getvcpuinfo, domctl_getvcpuinfo, vcpu, 4, 0, 0),
    XENPP_MEMBER(xen_domctl_getvcpuinfo, domctl_getvcpuinfo, online, 1, 4, 4),
    XENPP_MEMBER(xen_domctl_getvcpuinfo, domctl_getvcpuinfo, blocked, 1, 5, 5),
    XENPP_MEMBER(xen_domctl_getvcpuinfo, domctl_getvcpuinfo, running, 1, 6, 6),
    XENPP_MEMBER(xen_domctl_getvcpuinfo, domctl_getvcpuinfo, cpu_time, 8, 8, 8),
    XENPP_MEMBER(xen_domctl_getvcpuinfo, domctl_getvcpuinfo, cpu, 4, 16, 16),
    XENPP_STRUCT(xen_domctl_vcpuaffinity, domctl_vcpuaffinity, 40, 40),
    XENPP_MEMBER(xen_domctl_vcpuaffinity, domctl_vcpuaffinity, vcpu, 4, 0, 0),
    XENPP_MEMBER(xen_domctl_vcpuaffinity, domctl_vcpuaffinity, flags, 4, 4, 4),
    XENPP_MEMBER(xen_domctl_vcpuaffinity, domctl_vcpuaffinity, cpumap_hard, 16, 8, 8),
    XENPP_MEMBER(xen_domctl_vcpuaffinity, domctl_vcpuaffinity, cpumap_soft, 16, 24, 24),
    XENPP_STRUCT(xenctl_bitmap, xenctl_bitmap, 16, 16),
    XENPP_MEMBER(xenctl_bitmap, xenctl_bitmap, bitmap, 8, 0, 0),
    XENPP_MEMBER(xenctl_bitmap, xenctl_bitmap, nr_bits, 4, 8, 8),
    XENPP_STRUCT(xen_domctl_address_size, domctl_address_size, 4, 4),
    XENPP_MEMBER(xen_domctl_address_size, domctl_address_size, size, 4, 0, 0),
    XENPP_STRUCT(xen_domctl_hypercall_init, domctl_hypercall_init, 8, 8),
    XENPP_MEMBER(xen_domctl_hypercall_init, domctl_hypercall_init, gmfn, 8, 0, 0),
    XENPP_STRUCT(xen_domctl_vcpucontext, domctl_vcpucontext, 16, 16),
    XENPP_MEMBER(xen_domctl_vcpucontext, domctl_vcpucontext, vcpu, 4, 0, 0),
    XENPP_MEMBER(xen_domctl_vcpucontext, domctl_vcpucontext, ctxt, 8, 8, 8),
    XENPP_STRUCT(xen_domctl_hvmcontext, domctl_hvmcontext, 16, 16),
    XENPP_MEMBER(xen_domctl_hvmcontext, domctl_hvmcontext, size, 4, 0, 0),
    XENPP_MEMBER(xen_domctl_hvmcontext, domctl_hvmcontext, buffer, 8, 8, 8),
    XENPP_STRUCT(xen_domctl_sendtrigger, domctl_sendtrigger, 8, 8),
    XENPP_MEMBER(xen_domctl_sendtrigger, domctl_sendtrigger, trigger, 4, 0, 0),
    XENPP_MEMBER(xen_domctl_sendtrigger, domctl_sendtrigger, vcpu, 4, 4, 4),
    XENPP_STRUCT(xen_sysctl, sysctl, 136, 136),
    XENPP_MEMBER(xen_sysctl, sysctl, cmd, 4, 0, 0),
    XENPP_MEMBER(xen_sysctl, sysctl, interface_version, 4, 4, 4),
    XENPP_MEMBER(xen_sysctl, sysctl, u, 128, 8, 8),
    XENPP_STRUCT(xen_sysctl_readconsole, sysctl_readconsole, 24, 24),
    XENPP_MEMBER(xen_sysctl_readconsole, sysctl_readconsole, clear, 1, 0, 0),
    XENPP_MEMBER(xen_sysctl_readconsole, sysctl_readconsole, incremental, 1, 1, 1),
    XENPP_MEMBER(xen_sysctl_readconsole, sysctl_readconsole, index, 4, 4, 4),
    XENPP_MEMBER(xen_sysctl_readconsole, sysctl_readconsole, buffer, 8, 8, 8),
    XENPP_MEMBER(xen_sysctl_readconsole, sysctl_readconsole, count, 4, 16, 16),
    XENPP_STRUCT(xen_sysctl_physinfo, sysctl_physinfo, 112, 112),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, threads_per_core, 4, 0, 0),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, cores_per_socket, 4, 4, 4),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, nr_cpus, 4, 8, 8),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, max_cpu_id, 4, 12, 12),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, nr_nodes, 4, 16, 16),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, max_node_id, 4, 20, 20),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, cpu_khz, 4, 24, 24),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, capabilities, 4, 28, 28),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, arch_capabilities, 4, 32, 32),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, total_pages, 8, 40, 40),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, free_pages, 8, 48, 48),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, scrub_pages, 8, 56, 56),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, outstanding_pages, 8, 64, 64),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, max_mfn, 8, 72, 72),
    XENPP_MEMBER(xen_sysctl_physinfo, sysctl_physinfo, hw_cap, 32, 80, 80),
    XENPP_STRUCT(xen_sysctl_sched_id, sysctl_sched_id, 4, 4),
    XENPP_MEMBER(xen_sysctl_sched_id, sysctl_sched_id, sched_id, 4, 0, 0),
    XENPP_STRUCT(xen_sysctl_getdomaininfolist, sysctl_getdomaininfolist, 24, 24),
    XENPP_MEMBER(xen_sysctl_getdomaininfolist, sysctl_getdomaininfolist, first_domain, 2, 0, 0),
    XENPP_MEMBER(xen_sysctl_getdomaininfolist, sysctl_getdomaininfolist, max_domains, 4, 4, 4),
    XENPP_MEMBER(xen_sysctl_getdomaininfolist, sysctl_getdomaininfolist, buffer, 8, 8, 8),
    XENPP_MEMBER(xen_sysctl_getdomaininfolist, sysctl_getdomaininfolist, num_domains, 4, 16, 16),
    XENPP_STRUCT(xen_sysctl_debug_keys, sysctl_debug_keys, 16, 16),
    XENPP_MEMBER(xen_sysctl_debug_keys, sysctl_debug_keys, keys, 8, 0, 0),
    XENPP_MEMBER(xen_sysctl_debug_keys, sysctl_debug_keys, nr_keys, 4, 8, 8),
    XENPP_STRUCT(xen_sysctl_cpuinfo, sysctl_cpuinfo, 8, 8),
    XENPP_MEMBER(xen_sysctl_cpuinfo, sysctl_cpuinfo, idletime, 8, 0, 0),
    XENPP_STRUCT(xen_sysctl_getcpuinfo, sysctl_getcpuinfo, 24, 24),
    XENPP_MEMBER(xen_sysctl_getcpuinfo, sysctl_getcpuinfo, max_cpus, 4, 0, 0),
    XENPP_MEMBER(xen_sysctl_getcpuinfo, sysctl_getcpuinfo, info, 8, 8, 8),
    XENPP_MEMBER(xen_sysctl_getcpuinfo, sysctl_getcpuinfo, nr_cpus, 4, 16, 16),
    XENPP_STRUCT(xen_sysctl_cputopo, sysctl_cputopo, 12, 12),
    XENPP_MEMBER(xen_sysctl_cputopo, sysctl_cputopo, core, 4, 0, 0),
    XENPP_MEMBER(xen_sysctl_cputopo, sysctl_cputopo, socket, 4, 4, 4),
    XENPP_MEMBER(xen_sysctl_cputopo, sysctl_cputopo, node, 4, 8, 8),
    XENPP_STRUCT(xen_sysctl_cputopoinfo, sysctl_cputopoinfo, 16, 16),
    XENPP_MEMBER(xen_sysctl_cputopoinfo, sysctl_cputopoinfo, num_cpus, 4, 0, 0),
    XENPP_MEMBER(xen_sysctl_cputopoinfo, sysctl_cputopoinfo, cputopo, 8, 8, 8),
    XENPP_STRUCT(xen_sysctl_cpupool_op, sysctl_cpupool_op, 40, 40),
    XENPP_MEMBER(xen_sysctl_cpupool_op, sysctl_cpupool_op, op, 4, 0, 0),
    XENPP_MEMBER(xen_sysctl_cpupool_op, sysctl_cpupool_op, cpupool_id, 4, 4, 4),
    XENPP_MEMBER(xen_sysctl_cpupool_op, sysctl_cpupool_op, sched_id, 4, 8, 8),
    XENPP_MEMBER(xen_sysctl_cpupool_op, sysctl_cpupool_op, domid, 4, 12, 12),
    XENPP_MEMBER(xen_sysctl_cpupool_op, sysctl_cpupool_op, cpu, 4, 16, 16),
    XENPP_MEMBER(xen_sysctl_cpupool_op, sysctl_cpupool_op, n_dom, 4, 20, 20),
    XENPP_MEMBER(xen_sysctl_cpupool_op, sysctl_cpupool_op, cpumap, 16, 24, 24),
    XENPP_STRUCT(xen_sysctl_scheduler_op, sysctl_scheduler_op, 32, 32),
    XENPP_MEMBER(xen_sysctl_scheduler_op, sysctl_scheduler_op, cpupool_id, 4, 0, 0),
    XENPP_MEMBER(xen_sysctl_scheduler_op, sysctl_scheduler_op, sched_id, 4, 4, 4),
    XENPP_MEMBER(xen_sysctl_scheduler_op, sysctl_scheduler_op, cmd, 4, 8, 8),
    XENPP_MEMBER(xen_sysctl_scheduler_op, sysctl_scheduler_op, u.sched_credit2, 4, 16, 16),
    XENPP_STRUCT(xen_sysctl_credit2_schedule, sysctl_credit2_schedule, 4, 4),
    XENPP_MEMBER(xen_sysctl_credit2_schedule, sysctl_credit2_schedule, ratelimit_us, 4, 0, 0),
};
// clang-format on

constexpr std::string_view createdomain = "xen_domctl_createdomain";

bool is_of_createdomain(row const& r) {
    return r.name.starts_with(createdomain);
}

ctl::interface_version const& interface_of(release const& r) {
    auto const* const i = ctl::find_interface(4, r.minor);
    REQUIRE(i != nullptr);
    return *i;
}

/// What createdomain's argument is when every byte of the request is its own number.
struct sent {
    std::uint8_t bytes[sizeof(abi::domctl{}.u)];
    std::uint16_t domain;
};

sent send_createdomain(release const& r,
                       std::uint8_t const (&request)[sizeof(abi::domctl_createdomain)]) {
    fakes::scripted_doors doors;
    doors.version = 4U << 16 | r.minor;
    sent out{};
    doors.answer = [&out](abi::hypercall, fakes::scripted_doors::arguments const& arg) {
        auto& op = fakes::scripted_doors::at<abi::domctl>(arg[0]);
        std::memcpy(out.bytes, op.u.pad, sizeof out.bytes);
        out.domain = op.domain;
        op.domain = 7;
        return 0;
    };
    auto c = ctl::connection::open(doors).value();
    abi::domctl_createdomain typed;
    std::memcpy(&typed, request, sizeof typed);
    CHECK(ctl::create_domain(c, typed));
    return out;
}

} // namespace

TEST_CASE("interface layouts.the releases are those that are supported") {
    REQUIRE(std::size(releases) == ctl::supported_interfaces().size());
    for (auto const& r : releases) {
        INFO("Xen 4." << r.minor);
        auto const& i = interface_of(r);
        CHECK(i.domctl == r.domctl);
        CHECK(i.sysctl == r.sysctl);
        CHECK(i.any_domid == r.any_domid);
    }
}

TEST_CASE("interface layouts.the installed headers are as the table says") {
    auto const* const installed = std::ranges::find_if(releases, [](release const& r) {
        return r.domctl == XEN_DOMCTL_INTERFACE_VERSION && r.sysctl == XEN_SYSCTL_INTERFACE_VERSION;
    });
    REQUIRE(installed != std::end(releases));
    for (auto const& r : rows) {
        INFO(r.name);
        CHECK(r.installed_size == r.size[installed->layout]);
        CHECK(r.installed_at == r.at[installed->layout]);
    }
}

TEST_CASE("interface layouts.ours are those of every release, but for createdomain") {
    for (auto const& release : releases) {
        for (auto const& r : rows) {
            if (!is_of_createdomain(r)) {
                INFO("Xen 4." << release.minor << ": " << r.name);
                CHECK(r.our_size == r.size[release.layout]);
                CHECK(r.our_at == r.at[release.layout]);
            }
        }
    }
}

TEST_CASE("interface layouts.createdomain goes out as each release has it") {
    std::uint8_t request[sizeof(abi::domctl_createdomain)];
    for (std::size_t i = 0; i != sizeof request; ++i) {
        request[i] = static_cast<std::uint8_t>(i + 1);
    }
    for (auto const& release : releases) {
        auto const out = send_createdomain(release, request);
        CHECK(out.domain == release.any_domid);
        std::uint8_t expected[sizeof out.bytes] = {}; // what no member covers is zero
        std::size_t members = 0;
        for (auto const& r : rows) {
            if (is_of_createdomain(r) && r.name != createdomain) {
                CHECK(r.our_size == r.size[release.layout]);
                std::memcpy(expected + r.at[release.layout], request + r.our_at, r.our_size);
                members += r.our_size;
            }
        }
        CHECK(members == sizeof request);
        INFO("Xen 4." << release.minor);
        CHECK(std::ranges::equal(out.bytes, expected));
    }
}
