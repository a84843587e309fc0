// SPDX-License-Identifier: Apache-2.0
// What a PV kernel finds at its first instruction: start_info and the registers of its vCPU.
#pragma once

#include <xenpp/abi/arch_x86.hpp>
#include <xenpp/abi/xen.hpp>
#include <xenpp/builder/pv_layout.hpp>

namespace xenpp::builder {

/// What a plan does not know: the domain's machine frames and ports.
struct pv_start_values {
    mfn shared_info;
    mfn xenstore;
    mfn console;
    evtchn_port store_port;
    evtchn_port console_port;
};

abi::start_info make_start_info(pv_plan const& plan, pv_start_values const& values) noexcept;

/// The registers of vCPU 0: in kernel mode at the entry, rsi the address of start_info, on the boot
/// stack, events enabled by rflags but for the mask in its vcpu_info.
abi::vcpu_guest_context make_boot_registers(pv_plan const& plan, mfn root_table) noexcept;

} // namespace xenpp::builder
