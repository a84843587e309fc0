// SPDX-License-Identifier: Apache-2.0
// The plan of a PV domain: which pseudo-physical frame is for what, and how it is mapped at start.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/builder/placement.hpp>
#include <xenpp/builder/pv_kernel.hpp>
#include <xenpp/builder/pv_page_tables.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::builder {

namespace pv {
/// The longest command line, without its ending zero.
inline constexpr std::size_t max_command_line = abi::max_guest_cmdline - 1;
/// The most memory, in MiB: 16 TiB, whose p2m array is 32 GiB.
inline constexpr std::uint64_t max_memory_mib = std::uint64_t{16} << 20;
/// MAX_VIRT_CPUS of Xen 4.17.
inline constexpr std::uint32_t max_vcpus = 8192;
/// The mapping made for a kernel ends at a multiple of this (bytes), and this far behind the last
/// thing in it at least (xen.h, "start of day").
inline constexpr std::uint64_t region_alignment = std::uint64_t{4} << 20;
inline constexpr std::uint64_t region_padding = std::uint64_t{512} << 10;
} // namespace pv

/// What a domain is to be. Kernel and ramdisk must outlive the plan, which refers to their bytes.
struct pv_request {
    kernel_image const* kernel = nullptr; ///< never null
    std::span<std::byte const> ramdisk{}; ///< empty for none; handed on as it is
    std::string_view command_line{};
    std::uint64_t memory_mib = 0;
    std::uint32_t vcpus = 1;     ///< online at start
    std::uint32_t max_vcpus = 1; ///< at least `vcpus`
};

/// All that building a PV domain takes but machine frames. Frames 0 to `pages` - 1 are RAM; the
/// first `mapped_pages` of them are mapped from the kernel's base on.
struct pv_plan {
    pv_kernel kernel;
    std::string command_line;
    std::uint64_t pages = 0;
    std::uint64_t mapped_pages = 0;
    std::vector<placement> placements; ///< disjoint; kernel and ramdisk
    pfn_run ramdisk;
    std::uint64_t ramdisk_bytes = 0; ///< 0: there is none
    pfn start_info;
    pfn xenstore;
    pfn console;
    pfn_run kernel_tables; ///< the tables of the kernel's mapping, the root first
    pfn stack;
    pfn_run p2m;        ///< the array
    pfn_run p2m_tables; ///< the tables of its own mapping; none: it lies in the kernel's
    pv_page_tables tables;

    /// Where the kernel sees a frame of its mapping.
    gva address_of(pfn f) const noexcept { return kernel.virt_base + (f.raw() << page_shift); }

    /// Where it sees the p2m array.
    gva p2m_address() const noexcept { return kernel.p2m.value_or(address_of(p2m.start)); }
};

/// Plans a domain, its parts in the order of Xen's tools: kernel, ramdisk and p2m array if they
/// are to be mapped, start_info, xenstore, console, page tables, stack; behind the mapping the
/// ramdisk and the p2m array with its tables, if they are not. Errors, in words: those of
/// `read_pv_kernel`; what does not fit the memory, and how much would do; addresses that the
/// hypervisor needs for itself, or that there are none of; a command line that is too long or holds
/// a zero; too much memory; numbers of vCPUs that do not go together.
result<pv_plan> plan_pv(pv_request const& request);

} // namespace xenpp::builder
