// SPDX-License-Identifier: Apache-2.0
// Each CPU's GDT and LDT at addresses of their own, so that the pages of a guest's tables can be
// put there when a PV vCPU is loaded.
#pragma once

#include <xenpp/base/strong.hpp>
#include <xenpp/x86/descriptor.hpp>

#include <cstdint>

namespace xenpp::image {

/// The hypervisor's selectors: behind the guest's 14 pages, where Xen's ABI has its own.
inline constexpr x86::selector code_selector{0xe008};
inline constexpr x86::selector data_selector{0xe010};
inline constexpr x86::selector tss_selector{0xe040};
inline constexpr x86::selector ldt_selector{0xe050};

/// What stands from the GDT's byte 0xe000 on.
struct alignas(4096) reserved_descriptors {
    std::uint64_t entry[512];

    std::uint64_t& at(x86::selector s) noexcept { return entry[(s.raw - 0xe000) / 8]; }
};

/// Gives CPU `c` its area, with the given entries and no guest's. Once a CPU, before it is used.
void descriptor_area_init(cpu_id c, reserved_descriptors& own) noexcept;
/// Where the GDT and the LDT of CPU `c` are.
std::uint64_t gdt_address(cpu_id c) noexcept;
std::uint64_t ldt_address(cpu_id c) noexcept;
/// Puts a guest's frame at page `n` of this CPU's GDT (0-13) or LDT (0-15); frame 0: an empty page.
void set_gdt_page(cpu_id c, unsigned n, mfn f) noexcept;
void set_ldt_page(cpu_id c, unsigned n, mfn f) noexcept;
/// Makes this CPU, `c`, use that many entries of its LDT; 0: none.
void load_ldt(cpu_id c, std::uint32_t entries) noexcept;

} // namespace xenpp::image
