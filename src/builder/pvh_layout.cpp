// SPDX-License-Identifier: Apache-2.0
// Planning a PVH domain: memory, then kernel, start_info and ramdisk upward, firmware in the hole.
#include "builder/little_endian.hpp"

#include <xenpp/abi/hvm/params.hpp>
#include <xenpp/base/checked.hpp>
#include <xenpp/builder/pvh_layout.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace xenpp::builder {

namespace {

constexpr std::string_view operation = "plan domain";
constexpr std::uint64_t mib = std::uint64_t{1} << 20;

constexpr std::uint64_t to_mib_up(std::uint64_t bytes) noexcept {
    return bytes / mib + (bytes % mib != 0 ? 1 : 0);
}

constexpr std::uint64_t page_up(std::uint64_t address) noexcept {
    return align_up(address, std::uint64_t{page_size});
}

result<void> check(pvh_request const& r) {
    if (r.vcpus == 0 || r.vcpus > r.max_vcpus || r.max_vcpus > pvh::max_vcpus) {
        return fail(
            operation,
            fmt::format("vcpus={} and maxvcpus={} do not go together: 1 <= vcpus <= maxvcpus <= {}",
                        r.vcpus, r.max_vcpus, pvh::max_vcpus));
    }
    if (r.memory_mib == 0 || r.memory_mib > pvh::max_memory_mib) {
        return fail(operation, fmt::format("memory={} MiB is not possible: 1 to {} MiB are",
                                           r.memory_mib, pvh::max_memory_mib));
    }
    if (r.command_line.size() > pvh::max_command_line) {
        return fail(operation,
                    fmt::format("the command line has {} characters; at most {} are possible",
                                r.command_line.size(), pvh::max_command_line));
    }
    if (r.command_line.find('\0') != std::string_view::npos) {
        return fail(operation, "the command line holds a zero character");
    }
    return {};
}

/// RAM up to the MMIO hole, and what is left of it from 4 GiB on.
std::vector<gfn_range> split_ram(std::uint64_t memory_mib) {
    auto const bytes = memory_mib * mib;
    auto const low = std::min(bytes, pvh::mmio_hole_start.raw());
    std::vector<gfn_range> out = {{gfn(0), low >> page_shift}};
    if (bytes > low) {
        out.push_back({to_gfn(pvh::mmio_hole_end), (bytes - low) >> page_shift});
    }
    return out;
}

memory_map_entry map_entry(gfn_range r, memory_kind kind) {
    return {to_gpa(r.start), r.count << page_shift, kind};
}

std::vector<memory_map_entry> map_memory(std::span<gfn_range const> ram, gfn_range acpi) {
    std::vector<memory_map_entry> out;
    for (auto const& r : ram) {
        out.push_back(map_entry(r, memory_kind::ram));
    }
    out.push_back(map_entry(acpi, memory_kind::acpi));
    out.push_back(map_entry(pvh::special_pages, memory_kind::reserved));
    std::sort(out.begin(), out.end(),
              [](auto const& a, auto const& b) { return a.start < b.start; });
    return out;
}

/// Page tables that map the first 4 GiB one to one by 4 MiB pages: a processor without
/// unrestricted guest runs the unpaged guest on them.
std::vector<std::byte> identity_page_table() {
    constexpr std::uint32_t entries = 1024;
    constexpr std::uint32_t present_writable_user_accessed_dirty_large = 0xe7;
    std::vector<std::byte> out;
    byte_writer w(out);
    for (std::uint32_t i = 0; i < entries; ++i) {
        w.u32((i << 22) | present_writable_user_accessed_dirty_large);
    }
    return out;
}

/// Where start_info and ramdisk go: one after the other above the kernel.
struct stack_up {
    std::uint64_t start_info, ramdisk, end;
};

result<stack_up>
arrange(pvh_request const& r, std::size_t start_info_bytes, std::uint64_t low_ram_end) {
    auto const kernel_end = r.kernel->elf().segments.back().end().raw();
    auto const ramdisk_mib = to_mib_up(r.ramdisk.size());
    auto const what = r.ramdisk.empty()
                          ? fmt::format("the kernel (it ends at {} MiB)", to_mib_up(kernel_end))
                          : fmt::format("the kernel (it ends at {} MiB) and the ramdisk ({} MiB)",
                                        to_mib_up(kernel_end), ramdisk_mib);
    auto const hole = pvh::mmio_hole_start.raw();
    stack_up s{};
    // Nothing beyond the hole is added up, so no sum below can overflow.
    bool fits = kernel_end <= hole && r.ramdisk.size() <= hole;
    if (fits) {
        s.start_info = page_up(kernel_end);
        s.ramdisk = page_up(s.start_info + start_info_bytes);
        s.end = s.ramdisk + page_up(r.ramdisk.size());
        fits = s.end <= hole;
    }
    if (!fits) {
        return fail(operation, fmt::format("{} must lie below {} MiB, and that is not enough room",
                                           what, hole / mib));
    }
    if (s.end > low_ram_end) {
        return fail(operation,
                    fmt::format("memory={} MiB is too small for {}: at least {} MiB are needed",
                                r.memory_mib, what, to_mib_up(s.end)));
    }
    return s;
}

void place_start_info(pvh_plan& plan, pvh_request const& r, stack_up const& at) {
    start_module const ramdisk{gpa(at.ramdisk), r.ramdisk.size()};
    start_info_contents const contents{
        .command_line = r.command_line,
        .modules = std::span(&ramdisk, r.ramdisk.empty() ? 0 : 1),
        .memory_map = plan.memory_map,
        .rsdp = plan.rsdp,
    };
    plan.start_info = gpa(at.start_info);
    plan.start_info_bytes.resize(start_info_size(contents));
    write_start_info(plan.start_info_bytes, plan.start_info, contents);
    plan.placements.push_back(
        {"start_info", plan.start_info, at.ramdisk - at.start_info, plan.start_info_bytes});
    if (!r.ramdisk.empty()) {
        plan.placements.push_back({"ramdisk", ramdisk.at, at.end - at.ramdisk, r.ramdisk});
    }
}

std::uint64_t count_pages(std::span<gfn_range const> ranges) noexcept {
    return std::accumulate(ranges.begin(), ranges.end(), std::uint64_t{0},
                           [](auto n, auto const& r) { return n + r.count; });
}

} // namespace

std::uint64_t pvh_plan::ram_pages() const noexcept {
    return count_pages(ram);
}

std::uint64_t pvh_plan::total_pages() const noexcept {
    return count_pages(ram) + count_pages(firmware);
}

result<pvh_plan> plan_pvh(pvh_request const& r) {
    XENPP_TRY(check(r));
    auto const entry = XENPP_TRY(r.kernel->pvh_entry());
    auto acpi = XENPP_TRY(make_acpi_tables({.base = pvh::acpi_base,
                                            .vcpus_online = r.vcpus,
                                            .vcpus = r.max_vcpus,
                                            .profile = r.acpi}));
    gfn_range const acpi_pages{to_gfn(pvh::acpi_base), page_up(acpi.bytes.size()) >> page_shift};

    pvh_plan plan;
    plan.ram = split_ram(r.memory_mib);
    plan.firmware = {acpi_pages, pvh::special_pages};
    plan.memory_map = map_memory(plan.ram, acpi_pages);
    plan.rsdp = acpi.rsdp;

    // The size does not depend on where the parts lie.
    start_module const any{};
    auto const start_info_bytes = start_info_size(
        {r.command_line, std::span(&any, r.ramdisk.empty() ? 0 : 1), plan.memory_map, {}});
    auto const at = XENPP_TRY(arrange(r, start_info_bytes, plan.ram[0].count << page_shift));

    plan.placements = place_kernel(*r.kernel);
    place_start_info(plan, r, at);
    plan.acpi_bytes = std::move(acpi.bytes);
    plan.ident_pt_bytes = identity_page_table();
    plan.placements.push_back(
        {"ACPI tables", pvh::acpi_base, acpi_pages.count << page_shift, plan.acpi_bytes});
    plan.placements.push_back(
        {"identity page table", to_gpa(pvh::ident_pt), page_size, plan.ident_pt_bytes});
    plan.boot.rip = entry.raw();
    plan.boot.rbx = plan.start_info.raw();
    return plan;
}

std::array<hvm_param, 11> pvh_params(evtchn_port xenstore, evtchn_port console) noexcept {
    return {{
        {abi::hvm_param_timer_mode, abi::hvmptm_no_delay_for_missed_ticks},
        {abi::hvm_param_store_pfn, pvh::xenstore.raw()},
        {abi::hvm_param_bufioreq_pfn, pvh::buffered_ioreq.raw()},
        {abi::hvm_param_ioreq_pfn, pvh::ioreq.raw()},
        {abi::hvm_param_console_pfn, pvh::console.raw()},
        {abi::hvm_param_paging_ring_pfn, pvh::paging_ring.raw()},
        {abi::hvm_param_monitor_ring_pfn, pvh::monitor_ring.raw()},
        {abi::hvm_param_sharing_ring_pfn, pvh::sharing_ring.raw()},
        {abi::hvm_param_ident_pt, to_gpa(pvh::ident_pt).raw()},
        {abi::hvm_param_console_evtchn, console.raw()},
        {abi::hvm_param_store_evtchn, xenstore.raw()},
    }};
}

} // namespace xenpp::builder
