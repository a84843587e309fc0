// SPDX-License-Identifier: Apache-2.0
// Hypercall 35, sysctl: the table of what the control domain does to the machine.
#pragma once

#include <xenpp/abi/sysctl.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/print.hpp>
#include <xenpp/hv/sysctl_call.hpp>
#include <xenpp/hv/sysctl_cpupool.hpp>
#include <xenpp/hv/sysctl_domains.hpp>
#include <xenpp/hv/sysctl_machine.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv {

template <class P>
struct sysctl_row {
    abi::sysctl_op cmd;
    sysctl_result (*handler)(sysctl_call<P> const&) noexcept;
};

// clang-format off
/// What is missing here does not exist: trace buffers, counters, power management, hot-plug, cache
/// monitoring, coverage, live patches.
template <class P>
inline constexpr std::array sysctl_rows{
    sysctl_row<P>{abi::sysctl_op::readconsole,            sysctl_readconsole<P>},
    sysctl_row<P>{abi::sysctl_op::physinfo,               sysctl_physinfo<P>},
    sysctl_row<P>{abi::sysctl_op::sched_id,               sysctl_sched_id<P>},
    sysctl_row<P>{abi::sysctl_op::getdomaininfolist,      sysctl_getdomaininfolist<P>},
    sysctl_row<P>{abi::sysctl_op::debug_keys,             sysctl_debug_keys<P>},
    sysctl_row<P>{abi::sysctl_op::getcpuinfo,             sysctl_getcpuinfo<P>},
    sysctl_row<P>{abi::sysctl_op::availheap,              sysctl_availheap<P>},
    sysctl_row<P>{abi::sysctl_op::cputopoinfo,            sysctl_cputopoinfo<P>},
    sysctl_row<P>{abi::sysctl_op::numainfo,               sysctl_numainfo<P>},
    sysctl_row<P>{abi::sysctl_op::cpupool_op,             sysctl_cpupool_op<P>},
    sysctl_row<P>{abi::sysctl_op::scheduler_op,           sysctl_scheduler_op<P>},
    sysctl_row<P>{abi::sysctl_op::pcitopoinfo,            sysctl_pcitopoinfo<P>},
    sysctl_row<P>{abi::sysctl_op::get_cpu_levelling_caps, sysctl_get_cpu_levelling_caps<P>},
    sysctl_row<P>{abi::sysctl_op::get_cpu_featureset,     sysctl_get_cpu_featureset<P>},
    sysctl_row<P>{abi::sysctl_op::get_cpu_policy,         sysctl_get_cpu_policy<P>},
};

// clang-format on

/// The handler: arg[0] the structure. Errors: `perm` for others than the control domain; `acces`
/// for another interface version, said on the console; `nosys` for an operation without a row; else
/// as the operation's.
template <class P>
hypercall_result do_sysctl(vcpu<P>& v, hypercall_args& args) noexcept {
    if (!v.dom.is_privileged()) {
        return unexpected(errc::perm);
    }
    auto const at = args.arg[0];
    auto op = XENPP_TRY(read_guest<abi::sysctl>(v, at));
    if (op.interface_version != abi::sysctl_interface_version) {
        print(v.dom.hv, "sysctl ", op.cmd, ": the caller speaks interface version ",
              hex{op.interface_version}, ", this hypervisor ", hex{abi::sysctl_interface_version});
        return unexpected(errc::acces);
    }
    for (auto const& row : sysctl_rows<P>) {
        if (static_cast<std::uint32_t>(row.cmd) != op.cmd) {
            continue;
        }
        if (XENPP_TRY(row.handler({v, op, args})) == sysctl_answer::copy_back) {
            XENPP_TRY(write_guest(v, at, op));
        }
        return std::uint64_t{0};
    }
    return unexpected(errc::nosys);
}

} // namespace xenpp::hv
