// SPDX-License-Identifier: Apache-2.0
// What the toolstack is told of a domain and of a vCPU: domctl_getdomaininfo, getvcpuinfo.
#pragma once

#include <xenpp/abi/domctl.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/scheduler.hpp>

#include <cstdint>
#include <cstring>

namespace xenpp::hv {

/// State and CPU time of a vCPU. The control domain's runs whenever it asks.
template <class P>
abi::domctl_getvcpuinfo vcpu_info_of(vcpu<P>& v) noexcept {
    auto const pause = atomic_load(v.pause);
    bool const is_control = v.dom.kind == domain_kind::control;
    abi::domctl_getvcpuinfo info{};
    info.vcpu = v.id.raw();
    info.online = (pause & pause_down) == 0 ? 1 : 0;
    info.blocked = !is_control && (pause & pause_blocked) != 0 ? 1 : 0;
    info.running = is_control || atomic_load(v.running) ? 1 : 0;
    info.cpu_time = is_control ? 0 : vcpu_runstate(v).time[abi::runstate_running];
    info.cpu = v.processor.raw();
    return info;
}

/// State, memory and CPU time of a domain.
template <class P>
abi::domctl_getdomaininfo domain_info_of(domain<P>& d) noexcept {
    abi::domctl_getdomaininfo info{};
    info.domain = d.id.raw();
    info.max_vcpu_id = abi::invalid_max_vcpu_id;
    bool blocked = true;
    bool running = false;
    for (std::uint32_t n = 0; n != d.max_vcpus; ++n) {
        auto* const v = atomic_load(d.vcpus[n]);
        if (v == nullptr) {
            continue;
        }
        auto const one = vcpu_info_of(*v);
        info.max_vcpu_id = n;
        info.cpu_time += one.cpu_time;
        if (one.online != 0) {
            ++info.nr_online_vcpus;
            blocked = blocked && one.blocked != 0;
            running = running || one.running != 0;
        }
    }
    auto flag = [&info](bool on, std::uint32_t bit) { info.flags |= on ? bit : 0; };
    flag(atomic_load(d.dying) == dying_state::dead, abi::dominf_dying);
    flag(d.is_shut_down, abi::dominf_shutdown);
    flag(d.pause_count != 0, abi::dominf_paused);
    flag(blocked, abi::dominf_blocked);
    flag(running, abi::dominf_running);
    flag(d.kind == domain_kind::hvm, abi::dominf_hvm_guest | abi::dominf_hap);
    flag((d.create_flags & abi::domctl_cdf_xs_domain) != 0, abi::dominf_xs_domain);
    if (d.is_shut_down) {
        info.flags |= (d.shutdown_code & abi::dominf_shutdownmask) << abi::dominf_shutdownshift;
    }
    {
        lock_guard const hold(d.page_lock);
        info.tot_pages = d.total_pages;
        info.max_pages = d.max_pages;
        info.outstanding_pages = d.outstanding_pages;
    }
    info.shared_info_frame =
        d.kind == domain_kind::hvm ? ~std::uint64_t{0} : d.shared_info_frame.raw();
    info.ssidref = d.ssidref;
    std::memcpy(info.handle, d.handle.data(), d.handle.size());
    info.cpupool = d.cpupool;
    info.gpaddr_bits = static_cast<std::uint8_t>(
        x86::cpuid::physical_bits(d.hv.hvm_cpuid.get(x86::cpuid::leaf_addresses)));
    info.arch_config.emulation_flags = d.kind == domain_kind::hvm ? abi::x86_emu_lapic : 0;
    return info;
}

/// The first domain with a number of at least `id`, or nothing.
template <class P>
domain_ref<P> find_domain_from(hypervisor<P>& hv, std::uint32_t id) noexcept {
    lock_guard const hold(hv.domains_lock);
    for (; id < max_domains; ++id) {
        if (auto* const d = hv.domains[id]; d != nullptr) {
            atomic_fetch_add(d->references, 1U);
            return domain_ref<P>(d);
        }
    }
    return {};
}

} // namespace xenpp::hv
