// SPDX-License-Identifier: Apache-2.0
// The plan of a PVH domain: what memory it gets, what is written where, how its first vCPU starts.
#pragma once

#include <xenpp/builder/acpi.hpp>
#include <xenpp/builder/kernel_image.hpp>
#include <xenpp/builder/memory_extent.hpp>
#include <xenpp/builder/placement.hpp>
#include <xenpp/builder/start_info.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace xenpp::builder {

/// The guest-physical addresses that every PVH domain has in common, those of Xen's own tools.
namespace pvh {
inline constexpr gpa mmio_hole_start{0xf000'0000}; ///< RAM goes on at 4 GiB
inline constexpr gpa mmio_hole_end{0x1'0000'0000};
inline constexpr gpa acpi_base{0xfc00'0000};

/// The pages that hypervisor, toolstack and guest share.
inline constexpr gfn_range special_pages{gfn(0xf'eff8), 8};
inline constexpr gfn paging_ring{0xf'eff8};
inline constexpr gfn monitor_ring{0xf'eff9};
inline constexpr gfn sharing_ring{0xf'effa};
inline constexpr gfn buffered_ioreq{0xf'effb};
inline constexpr gfn xenstore{0xf'effc};
inline constexpr gfn ioreq{0xf'effd};
inline constexpr gfn ident_pt{0xf'effe};
inline constexpr gfn console{0xf'efff};

/// HVM_MAX_VCPUS of Xen 4.17.
inline constexpr std::uint32_t max_vcpus = 128;
/// The longest command line, without its ending zero.
inline constexpr std::size_t max_command_line = page_size - 1;
/// The most memory, in MiB: what an x86-64 kernel with four-level paging can map.
inline constexpr std::uint64_t max_memory_mib = std::uint64_t{64} << 20;
} // namespace pvh

/// What a domain is to be. Kernel and ramdisk must outlive the plan, which refers to their bytes.
struct pvh_request {
    kernel_image const* kernel = nullptr; ///< never null
    std::span<std::byte const> ramdisk{}; ///< empty for none; handed on as it is
    std::string_view command_line{};
    std::uint64_t memory_mib = 0;
    std::uint32_t vcpus = 1;     ///< online at start
    std::uint32_t max_vcpus = 1; ///< at least `vcpus`
    acpi_profile acpi = acpi_profile::reduced;
};

/// A segment register with its hidden part; attributes as in a VMCB or struct hvm_hw_cpu.
struct boot_segment {
    std::uint64_t base = 0;
    std::uint32_t limit = 0;
    std::uint16_t selector = 0;
    std::uint16_t attributes = 0;
};

/// The registers of vCPU 0 at its first instruction: 32-bit protected mode, flat, no paging (Xen:
/// docs/misc/pvh.pandoc). What is not named is 0.
struct pvh_boot_state {
    std::uint64_t rip = 0;
    std::uint64_t rbx = 0; ///< start_info
    std::uint64_t rflags = 0x2;
    std::uint64_t cr0 = 0x11; ///< PE, ET
    std::uint64_t dr6 = 0xffff'0ff0;
    std::uint64_t dr7 = 0x400;
    boot_segment cs{0, 0xffff'ffff, 0, 0xc9b};
    boot_segment data{0, 0xffff'ffff, 0, 0xc93}; ///< ds, es and ss
    boot_segment fs_gs{};
    boot_segment tr{0, 0x67, 0, 0x8b};
};

/// The memory types every vCPU starts with: all memory write-back.
struct mtrr_boot_state {
    std::uint64_t pat = 0x0007'0406'0007'0406;
    std::uint64_t cap = 0x508;
    std::uint64_t def_type = 0x806; ///< enabled, write-back; no fixed ranges
};

/// One HVMOP_set_param.
struct hvm_param {
    std::uint32_t index = 0; ///< abi::hvm_param_*
    std::uint64_t value = 0;

    friend bool operator==(hvm_param const&, hvm_param const&) = default;
};

/// All that building a PVH domain takes. Move-only: placements refer to bytes the plan owns.
struct pvh_plan {
    std::vector<gfn_range> ram;      ///< to populate, in the largest extents (`orders_for`)
    std::vector<gfn_range> firmware; ///< to populate on top, page by page: special and ACPI pages
    std::vector<memory_map_entry> memory_map; ///< ascending, disjoint; for start_info and Xen
    std::vector<placement> placements;        ///< disjoint, within what is populated
    gpa start_info;
    gpa rsdp;
    pvh_boot_state boot;
    mtrr_boot_state mtrr;

    /// Frames of RAM.
    std::uint64_t ram_pages() const noexcept;
    /// All frames that the domain will own.
    std::uint64_t total_pages() const noexcept;

    // Bytes that placements refer to.
    std::vector<std::byte> start_info_bytes;
    std::vector<std::byte> acpi_bytes;
    std::vector<std::byte> ident_pt_bytes;

    pvh_plan() = default;
    pvh_plan(pvh_plan&&) noexcept = default;
    pvh_plan& operator=(pvh_plan&&) noexcept = default;
    pvh_plan(pvh_plan const&) = delete;
    pvh_plan& operator=(pvh_plan const&) = delete;
    ~pvh_plan() = default;
};

/// Plans a domain. Errors, in words: no PVH entry; the kernel, or kernel and ramdisk, do not fit
/// the memory (and how much would do) or not below the MMIO hole; a command line that is too long
/// or holds a zero; too much memory; numbers of vCPUs that do not go together.
result<pvh_plan> plan_pvh(pvh_request const& request);

/// The HVM parameters of a PVH domain in the order in which Xen's tools set them, but for altp2m:
/// it is off anyway, and Xen 4.20 refuses to be told. The two ports are those that the toolstack
/// allocated for xenstore and console.
std::array<hvm_param, 11> pvh_params(evtchn_port xenstore, evtchn_port console) noexcept;

} // namespace xenpp::builder
