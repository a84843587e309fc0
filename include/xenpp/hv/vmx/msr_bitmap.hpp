// SPDX-License-Identifier: Apache-2.0
// Which MSRs a guest reads and writes without an exit (SDM3 24.6.9).
#pragma once

#include <xenpp/base/strong.hpp>
#include <xenpp/hv/vlapic.hpp>
#include <xenpp/x86/msr.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace xenpp::hv::vmx {

namespace detail {

/// The guest's own: VM entry, VM exit or the vCPU's switch change them.
inline constexpr x86::msr passed_through[] = {
    x86::msr::ia32_fs_base,      x86::msr::ia32_gs_base,     x86::msr::ia32_kernel_gs_base,
    x86::msr::ia32_star,         x86::msr::ia32_lstar,       x86::msr::ia32_cstar,
    x86::msr::ia32_fmask,        x86::msr::ia32_sysenter_cs, x86::msr::ia32_sysenter_esp,
    x86::msr::ia32_sysenter_eip,
};

/// Registers of the x2APIC whose writes the processor carries out where it delivers interrupts by
/// itself (SDM3 29.5).
inline constexpr unsigned written_by_guest[] = {apic_reg::tpr, apic_reg::eoi, apic_reg::self_ipi};

/// Four maps of a KiB: reads of low and of high numbers, then writes.
inline void permit_msr(std::byte* bitmap, std::uint32_t n, bool is_write) noexcept {
    std::size_t const map = (is_write ? 2048U : 0U) + (n >= 0xc0000000 ? 1024U : 0U);
    bitmap[map + (n & 0x1fff) / 8] &= ~(std::byte{1} << (n % 8));
}

} // namespace detail

/// Fills two pages: `plain`, and `x2apic` for vCPUs whose APIC the processor has.
inline void fill_msr_bitmaps(std::byte* plain, std::byte* x2apic) noexcept {
    std::memset(plain, 0xff, page_size);
    for (auto const m : detail::passed_through) {
        detail::permit_msr(plain, x86::raw(m), false);
        detail::permit_msr(plain, x86::raw(m), true);
    }
    std::memcpy(x2apic, plain, page_size);
    for (auto const r : detail::written_by_guest) {
        detail::permit_msr(x2apic, x86::raw(x86::msr::ia32_x2apic_first) + r, true);
    }
}

} // namespace xenpp::hv::vmx
