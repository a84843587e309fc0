// SPDX-License-Identifier: Apache-2.0
// VMX as the run loop uses it; the same as svm_vcpu.hpp.
#pragma once

#include "machine.hpp"

#include <xenpp/hv/exit_action.hpp>

#include <cstdint>

namespace xenpp::image {

/// Why VMX cannot be used here, or null.
char const* vmx_missing() noexcept;
/// The tables that all vCPUs share. Once, after `vmx_missing` gave null.
expected<void, errc> vmx_init(hypervisor& m) noexcept;
/// Switches VMX on for this CPU; the frame is for VMXON. After its descriptor tables.
void vmx_init_cpu(percpu& here, mfn vmxon_region) noexcept;
/// Whether vCPUs with an x2APIC have their interrupts delivered without exits.
bool vmx_delivers_interrupts() noexcept;
/// The format of EPT on this processor.
mm::second_level vmx_second_level() noexcept;

/// What the run loop calls, and the platform for a vCPU that does not run.
struct vmx {
    static void switch_in(vcpu& v) noexcept;
    static void switch_out(vcpu& v) noexcept;
    static void reset_state(vcpu& v, std::uint8_t sipi_vector) noexcept;
    static hv::exit_action enter(vcpu& v) noexcept;
    static bool skip(vcpu& v) noexcept;
    static void inject(vcpu& v, hv::exit_action const& a) noexcept;

    static expected<void, errc> create(vcpu& v) noexcept;
    static void destroy(vcpu& v) noexcept;
    static expected<void, errc> load(vcpu& v, abi::hvm_hw_cpu const& state) noexcept;
    static abi::hvm_hw_cpu save(vcpu& v) noexcept;
    static bool* flush_flag(vcpu& v) noexcept;
    static void print_exit(vcpu& v) noexcept;
};

} // namespace xenpp::image
