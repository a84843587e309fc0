// SPDX-License-Identifier: Apache-2.0
// Hypercall 7, platform_op: the machine's wall clock and processors, for the control domain.
#pragma once

#include <xenpp/abi/platform.hpp>
#include <xenpp/hv/bitmap_access.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/guest_time.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/scheduler.hpp>

#include <cstdint>

namespace xenpp::hv {

namespace detail {

/// Sets the wall clock: it was this time at `system_time`. All domains see it at once.
template <class P>
hypercall_result set_wall_clock(hypervisor<P>& hv,
                                std::uint64_t secs,
                                std::uint32_t nsecs,
                                std::uint64_t system_time) noexcept {
    constexpr std::uint64_t second = 1'000'000'000;
    if (nsecs >= second || secs > ~std::uint64_t{0} / second - 1 ||
        secs * second + nsecs < system_time) {
        return unexpected(errc::inval);
    }
    hv.wall_clock_base_ns = secs * second + nsecs - system_time;
    for (std::uint16_t n = 0; n != max_domains; ++n) {
        if (auto const d = find_domain(hv, domid(n))) {
            update_wallclock(*d);
        }
    }
    return std::uint64_t{0};
}

/// State of a processor. One beyond the highest is `inval`.
template <class P>
hypercall_result platform_cpu_info(vcpu<P>& v, abi::platform_op_t& op, std::uint64_t at) noexcept {
    auto& info = op.u.pcpu_info;
    auto const cpus = v.dom.hv.platform.cpu_count();
    info.max_present = cpus - 1;
    if (info.xen_cpuid >= cpus) {
        info.flags = abi::pcpu_flags_invalid;
        info.apic_id = info.acpi_id = ~std::uint32_t{0};
    } else {
        info.flags = abi::pcpu_flags_online;
        info.apic_id = info.acpi_id = info.xen_cpuid;
    }
    XENPP_TRY(write_guest(v, at, op));
    return std::uint64_t{0};
}

/// Idle time of the processors in a map; the map comes back with those that exist.
template <class P>
hypercall_result platform_idle_time(vcpu<P>& v, abi::platform_op_t& op, std::uint64_t at) noexcept {
    auto& q = op.u.getidletime;
    auto& hv = v.dom.hv;
    abi::xenctl_bitmap const map{q.cpumap_bitmap, q.cpumap_nr_cpus, 0};
    auto const present = XENPP_TRY(read_bitmap(v, map)) & all_cpus(hv);
    for (std::uint32_t c = 0; c != max_cpus; ++c) {
        if (((present >> c) & 1) != 0) {
            XENPP_TRY(write_guest(v, q.idletime, cpu_idle_ns(hv, cpu_id(c)), c));
        }
    }
    q.now = hv.platform.now_ns();
    XENPP_TRY(write_bitmap(v, map, present));
    XENPP_TRY(write_guest(v, at, op));
    return std::uint64_t{0};
}

} // namespace detail

/// The handler: arg[0] the structure. Errors: `perm` for others than the control domain; `acces`
/// for another interface version; `inval`; `nosys` for firmware, microcode, power and hot-plug,
/// which the hypervisor does not manage.
template <class P>
hypercall_result do_platform_op(vcpu<P>& v, hypercall_args& args) noexcept {
    if (!v.dom.is_privileged()) {
        return unexpected(errc::perm);
    }
    auto const at = args.arg[0];
    auto op = XENPP_TRY(read_guest<abi::platform_op_t>(v, at));
    if (op.interface_version != abi::xenpf_interface_version) {
        return unexpected(errc::acces);
    }
    auto& hv = v.dom.hv;
    switch (static_cast<abi::platform_op>(op.cmd)) {
    case abi::platform_op::settime32: {
        auto const& t = op.u.settime32;
        return detail::set_wall_clock(hv, t.secs, t.nsecs, t.system_time);
    }
    case abi::platform_op::settime64: {
        auto const& t = op.u.settime64;
        if (t.mbz != 0) {
            return unexpected(errc::inval);
        }
        return detail::set_wall_clock(hv, t.secs, t.nsecs, t.system_time);
    }
    case abi::platform_op::getidletime: return detail::platform_idle_time(v, op, at);
    case abi::platform_op::get_cpuinfo: return detail::platform_cpu_info(v, op, at);
    case abi::platform_op::add_memtype:
    case abi::platform_op::del_memtype:
    case abi::platform_op::read_memtype:
    case abi::platform_op::microcode_update:
    case abi::platform_op::platform_quirk:
    case abi::platform_op::efi_runtime_call:
    case abi::platform_op::firmware_info:
    case abi::platform_op::enter_acpi_sleep:
    case abi::platform_op::change_freq:
    case abi::platform_op::set_processor_pminfo:
    case abi::platform_op::get_cpu_version:
    case abi::platform_op::cpu_online:
    case abi::platform_op::cpu_offline:
    case abi::platform_op::cpu_hotadd:
    case abi::platform_op::mem_hotadd:
    case abi::platform_op::core_parking:
    case abi::platform_op::resource_op:
    case abi::platform_op::get_symbol: break;
    }
    return unexpected(errc::nosys);
}

} // namespace xenpp::hv
