// SPDX-License-Identifier: Apache-2.0
// Checking the demands of a PV kernel (Xen: public/elfnote.h, public/features.h).
#include "builder/pv_entry_flags.hpp"

#include <xenpp/abi/features.hpp>
#include <xenpp/builder/pv_kernel.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace xenpp::builder {

namespace {

constexpr std::string_view operation = "load kernel";

/// Features by the names that a FEATURES note uses, and whether a domain of ours has them.
struct feature {
    std::string_view name;
    bool is_offered;
};

// clang-format off
constexpr std::array features{
    feature{"writable_page_tables",      true}, // by emulating the write
    feature{"pae_pgdir_above_4gb",       true},
    feature{"writable_descriptor_tables", false},
    feature{"auto_translated_physmap",   false},
    feature{"supervisor_mode_kernel",    false},
    feature{"dom0",                      false},
};

// clang-format on

/// FEATURES lists names between bars; what a kernel cannot do without has an exclamation mark.
result<void> check_features(std::string_view list) {
    while (!list.empty()) {
        auto const bar = list.find('|');
        auto const word = list.substr(0, bar);
        list = bar == std::string_view::npos ? std::string_view() : list.substr(bar + 1);
        if (!word.starts_with('!')) {
            continue;
        }
        auto const name = word.substr(1);
        auto const it = std::ranges::find(features, name, &feature::name);
        if (it == features.end() || !it->is_offered) {
            return fail(operation,
                        fmt::format("the kernel cannot do without \"{}\", which a PV domain does "
                                    "not have here",
                                    name));
        }
    }
    return {};
}

result<void> check_kind(kernel_image const& kernel) {
    auto const& notes = kernel.elf().notes;
    if (!notes.entry && !notes.virt_base && notes.xen_version.empty()) {
        return fail(operation,
                    notes.phys32_entry
                        ? "the kernel is made for PVH alone: type = \"pvh\" (for Linux, PV takes "
                          "CONFIG_XEN_PV)"
                        : "the kernel has no Xen ELF notes, so it cannot run as a PV guest (for "
                          "Linux enable CONFIG_XEN_PV)");
    }
    if (!notes.entry && notes.phys32_entry) {
        return fail(operation, "the kernel has no PV entry (ELF note ENTRY), only a PVH one: type "
                               "= \"pvh\"");
    }
    if (kernel.elf().bits != elf_class::elf64) {
        return fail(operation, "the kernel is a 32-bit PV kernel; only 64-bit ones are supported");
    }
    if (!notes.xen_version.empty() && notes.xen_version != "xen-3.0") {
        return fail(operation, fmt::format("the kernel wants the guest interface \"{}\"; there is "
                                           "only \"xen-3.0\"",
                                           notes.xen_version));
    }
    if (auto const p = notes.l1_mfn_valid; p && (pv_page_flags & p->mask) != p->value) {
        return fail(operation,
                    fmt::format("the kernel marks valid page-table entries by {:#x} of {:#x}, "
                                "which those of its builder do not carry",
                                p->value, p->mask));
    }
    return check_features(notes.features);
}

result<void> check_addresses(pv_kernel const& k, std::uint64_t start) {
    auto const is_page = [](gva a) { return a.raw() % page_size == 0; };
    if (!is_page(k.virt_base) || k.paddr_offset % page_size != 0 || (k.p2m && !is_page(*k.p2m)) ||
        (k.hypercall_page && !is_page(*k.hypercall_page))) {
        return fail(operation, "the kernel is damaged: an address in its Xen ELF notes is not that "
                               "of a page");
    }
    auto const holds = [&](gva a, std::uint64_t size) {
        auto const at = a.raw() - k.virt_base.raw();
        return a >= k.virt_base && at >= start && at <= k.end && size <= k.end - at;
    };
    if (!holds(k.entry, 1)) {
        return fail(operation, fmt::format("the kernel is damaged: its PV entry {:#x} lies in no "
                                           "segment",
                                           k.entry.raw()));
    }
    if (k.hypercall_page && !holds(*k.hypercall_page, page_size)) {
        return fail(operation, fmt::format("the kernel is damaged: its hypercall page {:#x} lies "
                                           "in no segment",
                                           k.hypercall_page->raw()));
    }
    return {};
}

std::optional<gva> to_gva(std::optional<std::uint64_t> address) noexcept {
    return address ? std::optional(gva(*address)) : std::nullopt;
}

} // namespace

result<pv_kernel> read_pv_kernel(kernel_image const& kernel) {
    XENPP_TRY(check_kind(kernel));
    auto const& elf = kernel.elf();
    auto const& notes = elf.notes;
    pv_kernel k;
    k.virt_base = gva(notes.virt_base.value_or(0));
    k.paddr_offset = notes.paddr_offset.value_or(0);
    k.entry = notes.entry ? gva(*notes.entry) : elf.entry;
    k.hypercall_page = to_gva(notes.hypercall_page);
    k.p2m = to_gva(notes.init_p2m);
    k.is_ramdisk_by_pfn = notes.mod_start_pfn;
    auto const first = elf.segments.front().paddr.raw();
    if (first < k.paddr_offset) {
        return fail(operation, fmt::format("the kernel is damaged: a segment at {:#x} lies below "
                                           "its PADDR_OFFSET {:#x}",
                                           first, k.paddr_offset));
    }
    k.end = elf.segments.back().end().raw() - k.paddr_offset;
    XENPP_TRY(check_addresses(k, first - k.paddr_offset));
    return k;
}

} // namespace xenpp::builder
