// SPDX-License-Identifier: Apache-2.0
// Sysctls about the machine: memory, processors, topology, console, features.
#pragma once

#include <xenpp/hv/bitmap_access.hpp>
#include <xenpp/hv/cpuid_policy.hpp>
#include <xenpp/hv/domctl_cpuid.hpp>
#include <xenpp/hv/scheduler.hpp>
#include <xenpp/hv/sysctl_call.hpp>

#include <array>
#include <cstdint>
#include <cstring>

namespace xenpp::hv {

/// Copies the message buffer, from `index` on if `incremental`; says how much and where it ended.
template <class P>
sysctl_result sysctl_readconsole(sysctl_call<P> const& c) noexcept {
    auto& q = c.op.u.readconsole;
    auto& ring = c.hv().console;
    auto const newest = ring.newest();
    auto position = ring.oldest();
    // Positions wrap at 2^32; a reader's own is believed only where it lies in the ring.
    if (q.incremental != 0 && newest - q.index <= newest - position) {
        position = q.index;
    }
    std::uint32_t written = 0;
    std::array<char, 256> part;
    while (position != newest && written != q.count) {
        std::uint32_t n = 0;
        for (; n != part.size() && position != newest && written + n != q.count; ++n) {
            part[n] = ring.at(position++);
        }
        XENPP_TRY(copy_to_guest(c.caller, q.buffer.p + written, part.data(), n));
        written += n;
    }
    if (q.clear != 0) {
        ring.clear();
    }
    q.count = written;
    q.index = position;
    return sysctl_answer::copy_back;
}

namespace detail {

/// The features of a policy in the order of Xen's feature sets (public cpufeatureset.h).
inline constexpr unsigned featureset_words = 15;

constexpr std::array<std::uint32_t, featureset_words>
featureset_of(cpuid_policy const& p) noexcept {
    using namespace x86::cpuid;
    auto const basic = p.get(leaf_features);
    auto const extended = p.get(leaf_ext_features);
    auto const l7 = p.get(leaf_features7, 0);
    auto const l7_1 = p.get(leaf_features7, 1);
    return {basic.d,
            basic.c,
            extended.d,
            extended.c,
            p.get(leaf_xstate, 1).a,
            l7.b,
            l7.c,
            p.get(leaf_ext_power).d,
            p.get(leaf_addresses).b,
            l7.d,
            l7_1.a,
            p.get(leaf_ext_features2).a,
            l7_1.b,
            p.get(leaf_features7, 2).d,
            l7_1.c};
}

} // namespace detail

template <class P>
sysctl_result sysctl_physinfo(sysctl_call<P> const& c) noexcept {
    auto& hv = c.hv();
    auto& frames = hv.frames;
    auto const cpus = hv.platform.cpu_count();
    abi::sysctl_physinfo info{};
    info.threads_per_core = 1;
    info.cores_per_socket = cpus;
    info.nr_cpus = cpus;
    info.max_cpu_id = cpus - 1;
    info.nr_nodes = 1;
    info.max_node_id = 0;
    info.cpu_khz = hv.platform.tsc_khz();
    info.capabilities = abi::sysctl_physcap_pv | abi::sysctl_physcap_gnttab_v1 |
                        abi::sysctl_physcap_gnttab_v2 |
                        (hv.has_hvm ? abi::sysctl_physcap_hvm | abi::sysctl_physcap_hap : 0);
    info.total_pages = frames.total_pages();
    info.free_pages = frames.free_pages();
    info.scrub_pages = frames.dirty_pages();
    info.outstanding_pages = frames.claimed_pages();
    info.max_mfn = frames.end().raw() - 1;
    auto const features = detail::featureset_of(hv.host_cpuid);
    std::memcpy(info.hw_cap, features.data(), sizeof info.hw_cap);
    c.op.u.physinfo = info;
    return sysctl_answer::copy_back;
}

/// Idle time of each CPU.
template <class P>
sysctl_result sysctl_getcpuinfo(sysctl_call<P> const& c) noexcept {
    auto& q = c.op.u.getcpuinfo;
    auto const cpus = c.hv().platform.cpu_count();
    q.nr_cpus = q.max_cpus < cpus ? q.max_cpus : cpus;
    for (std::uint32_t n = 0; n != q.nr_cpus; ++n) {
        abi::sysctl_cpuinfo const one{cpu_idle_ns(c.hv(), cpu_id(n))};
        XENPP_TRY(write_guest(c.caller, q.info, one, n));
    }
    return sysctl_answer::copy_back;
}

/// Every CPU is a core of one socket in one node.
template <class P>
sysctl_result sysctl_cputopoinfo(sysctl_call<P> const& c) noexcept {
    auto& q = c.op.u.cputopoinfo;
    auto const cpus = c.hv().platform.cpu_count();
    if (q.cputopo.p != 0) {
        auto const n = q.num_cpus < cpus ? q.num_cpus : cpus;
        for (std::uint32_t i = 0; i != n; ++i) {
            XENPP_TRY(write_guest(c.caller, q.cputopo, abi::sysctl_cputopo{i, 0, 0}, i));
        }
    }
    q.num_cpus = cpus;
    return sysctl_answer::copy_back;
}

/// One node with all memory, at distance 10 from itself.
template <class P>
sysctl_result sysctl_numainfo(sysctl_call<P> const& c) noexcept {
    auto& q = c.op.u.numainfo;
    auto const& frames = c.hv().frames;
    if (q.num_nodes != 0) {
        if (q.meminfo.p != 0) {
            abi::sysctl_meminfo const memory{frames.total_pages() << page_shift, frames.free_pages()
                                                                                     << page_shift};
            XENPP_TRY(write_guest(c.caller, q.meminfo, memory));
        }
        if (q.distance.p != 0) {
            XENPP_TRY(write_guest(c.caller, q.distance, 10));
        }
    }
    q.num_nodes = 1;
    return sysctl_answer::copy_back;
}

/// Free memory. Address widths do not matter: all of it is one heap.
template <class P>
sysctl_result sysctl_availheap(sysctl_call<P> const& c) noexcept {
    c.op.u.availheap.avail_bytes = c.hv().frames.free_pages() << page_shift;
    return sysctl_answer::copy_back;
}

/// Features of the processor (raw, host) or for guests (hvm, pv), 32 a word.
template <class P>
sysctl_result sysctl_get_cpu_featureset(sysctl_call<P> const& c) noexcept {
    auto& q = c.op.u.cpu_featureset;
    auto const& hv = c.hv();
    std::array<std::uint32_t, detail::featureset_words> words{};
    switch (q.index) {
    case abi::sysctl_cpu_featureset_raw:
    case abi::sysctl_cpu_featureset_host: words = detail::featureset_of(hv.host_cpuid); break;
    case abi::sysctl_cpu_featureset_hvm:
    case abi::sysctl_cpu_featureset_hvm_max: words = detail::featureset_of(hv.hvm_cpuid); break;
    case abi::sysctl_cpu_featureset_pv:
    case abi::sysctl_cpu_featureset_pv_max: words = detail::featureset_of(hv.pv_cpuid); break;
    default: return unexpected(errc::inval);
    }
    auto const all = static_cast<std::uint32_t>(words.size());
    if (q.features.p != 0) {
        if (q.nr_features < all) {
            return unexpected(errc::nobufs);
        }
        XENPP_TRY(copy_to_guest(c.caller, q.features.p, words.data(), sizeof words));
    }
    q.nr_features = all;
    return sysctl_answer::copy_back;
}

/// The machine's policies: of the processor, and the most and the usual for guests.
template <class P>
sysctl_result sysctl_get_cpu_policy(sysctl_call<P> const& c) noexcept {
    auto& q = c.op.u.cpu_policy;
    auto& hv = c.hv();
    auto write = [&](cpuid_policy const& p) -> sysctl_result {
        q.nr_leaves = XENPP_TRY(write_cpuid_policy(c.caller, p, q.leaves, q.nr_leaves));
        q.nr_msrs = 0;
        return sysctl_answer::copy_back;
    };
    switch (q.index) {
    case abi::sysctl_cpu_policy_raw:
    case abi::sysctl_cpu_policy_host: return write(hv.host_cpuid);
    case abi::sysctl_cpu_policy_hvm_max: return write(hv.hvm_cpuid);
    case abi::sysctl_cpu_policy_pv_max: return write(hv.pv_cpuid);
    case abi::sysctl_cpu_policy_hvm_default:
    case abi::sysctl_cpu_policy_pv_default: {
        auto* const p = XENPP_TRY(hv.frames.template create<cpuid_policy>(
            q.index == abi::sysctl_cpu_policy_hvm_default ? hv.hvm_cpuid : hv.pv_cpuid));
        make_default(*p, hv.is_emulated);
        auto const result = write(*p);
        hv.frames.discard(p);
        return result;
    }
    default: return unexpected(errc::opnotsupp);
    }
}

template <class P>
sysctl_result sysctl_get_cpu_levelling_caps(sysctl_call<P> const& c) noexcept {
    c.op.u.cpu_levelling_caps.caps = 0; // nothing can be hidden from PV guests
    return sysctl_answer::copy_back;
}

/// There are no devices behind the hypervisor.
template <class P>
sysctl_result sysctl_pcitopoinfo(sysctl_call<P> const& c) noexcept {
    auto& q = c.op.u.pcitopoinfo;
    if (q.devs.p == 0 || q.nodes.p == 0) {
        return unexpected(errc::inval);
    }
    if (q.num_devs > 1024) {
        return unexpected(errc::toobig);
    }
    for (std::uint32_t n = 0; n != q.num_devs; ++n) {
        XENPP_TRY(write_guest(c.caller, q.nodes, abi::invalid_dev, n));
    }
    return sysctl_answer::copy_back;
}

} // namespace xenpp::hv
