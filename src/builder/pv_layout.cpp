// SPDX-License-Identifier: Apache-2.0
// Planning a PV domain: one frame after the other, upward from the kernel.
#include "builder/little_endian.hpp"

#include <xenpp/abi/arch_x86.hpp>
#include <xenpp/base/checked.hpp>
#include <xenpp/builder/pv_layout.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace xenpp::builder {

namespace {

constexpr std::string_view operation = "plan domain";
constexpr std::uint64_t pages_per_mib = (std::uint64_t{1} << 20) >> page_shift;
/// No address of a mapping, nor a size, comes near this: sums of them cannot overflow.
constexpr std::uint64_t size_limit = std::uint64_t{1} << 46;

constexpr std::uint64_t to_pages_up(std::uint64_t bytes) noexcept {
    return bytes / page_size + (bytes % page_size != 0 ? 1 : 0);
}

constexpr std::uint64_t to_mib_up(std::uint64_t pages) noexcept {
    return (pages + pages_per_mib - 1) / pages_per_mib;
}

result<void> check(pv_request const& r) {
    if (r.vcpus == 0 || r.vcpus > r.max_vcpus || r.max_vcpus > pv::max_vcpus) {
        return fail(
            operation,
            fmt::format("vcpus={} and maxvcpus={} do not go together: 1 <= vcpus <= maxvcpus <= {}",
                        r.vcpus, r.max_vcpus, pv::max_vcpus));
    }
    if (r.memory_mib == 0 || r.memory_mib > pv::max_memory_mib) {
        return fail(operation, fmt::format("memory={} MiB is not possible: 1 to {} MiB are",
                                           r.memory_mib, pv::max_memory_mib));
    }
    if (r.command_line.size() > pv::max_command_line) {
        return fail(operation,
                    fmt::format("the command line has {} characters; a PV guest takes at most {}",
                                r.command_line.size(), pv::max_command_line));
    }
    if (r.command_line.find('\0') != std::string_view::npos) {
        return fail(operation, "the command line holds a zero character");
    }
    return {};
}

/// Whether all of a mapping is in one half of the addresses and off the hypervisor's.
bool is_mappable(pv_mapping const& m) noexcept {
    constexpr std::uint64_t half = std::uint64_t{1} << 47;
    auto const begin = m.at.raw();
    auto const size = m.frames.count << page_shift;
    auto const end = checked_add(begin, size);
    if (!end) {
        return false;
    }
    return *end <= half || begin >= abi::hypervisor_virt_end;
}

bool overlap(pv_mapping const& a, pv_mapping const& b) noexcept {
    auto const size = [](pv_mapping const& m) { return m.frames.count << page_shift; };
    return a.at < b.at + size(b) && b.at < a.at + size(a);
}

/// Hands out frames upward.
class frame_stack {
public:
    explicit frame_stack(std::uint64_t first) noexcept : next_(first) {}

    pfn_run take(std::uint64_t count) noexcept {
        pfn_run const run{pfn(next_), count};
        next_ += count;
        return run;
    }

    pfn take() noexcept { return take(1).start; }

    std::uint64_t next() const noexcept { return next_; }

private:
    std::uint64_t next_;
};

/// What is mapped for the kernel when `count` frames from 0 are to be seen; nothing where there are
/// no such addresses.
std::optional<pv_mapping> kernel_mapping(gva base, std::uint64_t count) noexcept {
    auto const end = checked_add(base.raw(), (count << page_shift) + pv::region_padding +
                                                 pv::region_alignment - 1);
    if (!end) {
        return std::nullopt;
    }
    auto const size = align_down(*end, pv::region_alignment) - base.raw();
    pv_mapping const m{base, {pfn(0), size >> page_shift}};
    return is_mappable(m) ? std::optional(m) : std::nullopt;
}

unexpected<error> no_addresses(pv_kernel const& k) {
    return fail(operation, fmt::format("there are not enough addresses for the kernel's mapping "
                                       "at {:#x}",
                                       k.virt_base.raw()));
}

/// The kernel's mapping holds its own tables, and the more it holds the more tables it takes.
result<void> map_kernel(pv_plan& p, frame_stack& next) {
    std::uint64_t tables = 0;
    for (;;) {
        auto const m = kernel_mapping(p.kernel.virt_base, next.next() + tables + 1);
        if (!m) {
            return no_addresses(p.kernel);
        }
        auto const needed = pv_page_tables().missing_for(*m);
        if (needed == tables) {
            p.kernel_tables = next.take(tables);
            p.stack = next.take();
            p.mapped_pages = m->frames.count;
            p.tables.add(*m, p.kernel_tables.start);
            next = frame_stack(p.mapped_pages);
            return {};
        }
        tables = needed;
    }
}

/// The p2m array behind everything, in a mapping of its own.
result<void> map_p2m(pv_plan& p, frame_stack& next, std::uint64_t p2m_pages) {
    p.p2m = next.take(p2m_pages);
    pv_mapping const m{*p.kernel.p2m, p.p2m};
    if (!is_mappable(m) || overlap(m, {p.kernel.virt_base, {pfn(0), p.mapped_pages}})) {
        return fail(operation, fmt::format("the p2m array cannot be mapped at {:#x}, where the "
                                           "kernel wants it",
                                           p.kernel.p2m->raw()));
    }
    p.p2m_tables = next.take(p.tables.missing_for(m));
    p.tables.add(m, p.p2m_tables.start);
    return {};
}

/// Gives everything its place, for a domain of `pages` frames; the frames that takes.
result<std::uint64_t> arrange(pv_plan& p, std::uint64_t pages) {
    auto const p2m_pages = to_pages_up(pages * sizeof(std::uint64_t));
    auto const ramdisk_pages = to_pages_up(p.ramdisk_bytes);
    if (p.kernel.end > size_limit || p.ramdisk_bytes > size_limit) {
        return no_addresses(p.kernel);
    }
    frame_stack next(to_pages_up(p.kernel.end));
    if (!p.kernel.is_ramdisk_by_pfn) {
        p.ramdisk = next.take(ramdisk_pages);
    }
    if (!p.kernel.p2m) {
        p.p2m = next.take(p2m_pages);
    }
    p.start_info = next.take();
    p.xenstore = next.take();
    p.console = next.take();
    XENPP_TRY(map_kernel(p, next));
    if (p.kernel.is_ramdisk_by_pfn) {
        p.ramdisk = next.take(ramdisk_pages);
    }
    if (p.kernel.p2m) {
        XENPP_TRY(map_p2m(p, next, p2m_pages));
    }
    p.pages = pages;
    return next.next();
}

/// The plan without placements, of a kernel and ramdisk whose demands are known.
result<pv_plan> lay_out(pv_kernel const& kernel, std::uint64_t ramdisk, std::uint64_t pages) {
    pv_plan p;
    p.kernel = kernel;
    p.ramdisk_bytes = ramdisk;
    auto needed = XENPP_TRY(arrange(p, pages));
    if (needed <= pages) {
        return p;
    }
    // How much would do is found step by step, for the p2m array grows with the domain.
    auto enough = pages;
    while (enough < needed) {
        enough = align_up(needed, pages_per_mib);
        p.tables = {};
        needed = XENPP_TRY(arrange(p, enough));
    }
    auto const kernel_mib = to_mib_up(to_pages_up(kernel.end));
    auto const what = ramdisk == 0
                          ? fmt::format("the kernel (it ends at {} MiB)", kernel_mib)
                          : fmt::format("the kernel (it ends at {} MiB) and the ramdisk ({} MiB)",
                                        kernel_mib, to_mib_up(to_pages_up(ramdisk)));
    return fail(operation,
                fmt::format("memory={} MiB is too small for {}: at least {} MiB are needed",
                            to_mib_up(pages), what, to_mib_up(enough)));
}

} // namespace

result<pv_plan> plan_pv(pv_request const& r) {
    XENPP_TRY(check(r));
    auto const kernel = XENPP_TRY(read_pv_kernel(*r.kernel));
    auto plan = XENPP_TRY(lay_out(kernel, r.ramdisk.size(), r.memory_mib * pages_per_mib));
    plan.command_line = r.command_line;
    plan.placements = place_kernel(*r.kernel, kernel.paddr_offset);
    if (!r.ramdisk.empty()) {
        plan.placements.push_back({"ramdisk", gpa(plan.ramdisk.start.raw() << page_shift),
                                   plan.ramdisk.count << page_shift, r.ramdisk});
    }
    return plan;
}

} // namespace xenpp::builder
