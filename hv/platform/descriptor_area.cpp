// SPDX-License-Identifier: Apache-2.0
// The area: 32 pages a CPU, GDT then LDT, in the GiB behind the image.
#include "platform/descriptor_area.hpp"

#include "platform/layout.hpp"

#include <xenpp/hv/platform.hpp>

#include <array>

extern "C" {
extern std::uint64_t boot_pdpt_image[512]; // NOLINT: entry.S
}

namespace xenpp::image {

namespace {

using table = std::array<std::uint64_t, 512>;

constexpr std::uint64_t present = 1, writable = 2, no_execute = std::uint64_t{1} << 63;
constexpr unsigned pages_per_cpu = 32, gdt_pages = 16;
constexpr std::uint64_t area_base = image_offset + (std::uint64_t{1} << 30);
constexpr unsigned bottom_tables = hv::max_cpus * pages_per_cpu / 512;

alignas(4096) table middle;
alignas(4096) std::array<table, bottom_tables> bottom;
/// What a selector finds where the guest has given no page. Never written: no entry is present.
alignas(4096) std::array<std::byte, 4096> const no_descriptors{};

std::array<reserved_descriptors*, hv::max_cpus> owns{};

std::uint64_t& entry(cpu_id c, unsigned page) noexcept {
    unsigned const n = c.raw() * pages_per_cpu + page;
    return bottom[n / 512][n % 512];
}

std::uint64_t address(cpu_id c, unsigned page) noexcept {
    return area_base + (std::uint64_t{c.raw()} * pages_per_cpu + page) * page_size;
}

void set(cpu_id c, unsigned page, mfn f) noexcept {
    // Writable, because the processor marks a descriptor that it loads as accessed.
    std::uint64_t const wanted = f.raw() == 0
                                     ? image_physical(&no_descriptors) | present | no_execute
                                     : to_maddr(f).raw() | present | writable | no_execute;
    auto& e = entry(c, page);
    if (e != wanted) {
        e = wanted;
        asm volatile("invlpg (%0)" ::"r"(address(c, page)) : "memory");
    }
}

} // namespace

void descriptor_area_init(cpu_id c, reserved_descriptors& own) noexcept {
    owns[c.raw()] = &own;
    boot_pdpt_image[area_base >> 30 & 511] = image_physical(&middle) | present | writable;
    unsigned const n = c.raw() * pages_per_cpu / 512;
    middle[n] = image_physical(&bottom[n]) | present | writable;
    for (unsigned page = 0; page < pages_per_cpu; ++page) {
        set(c, page, mfn(0));
    }
    entry(c, gdt_pages - 2) = image_physical(&own) | present | writable | no_execute;
}

std::uint64_t gdt_address(cpu_id c) noexcept {
    return address(c, 0);
}

std::uint64_t ldt_address(cpu_id c) noexcept {
    return address(c, gdt_pages);
}

void set_gdt_page(cpu_id c, unsigned n, mfn f) noexcept {
    set(c, n, f);
}

void set_ldt_page(cpu_id c, unsigned n, mfn f) noexcept {
    set(c, gdt_pages + n, f);
}

void load_ldt(cpu_id c, std::uint32_t entries) noexcept {
    std::uint16_t selector = 0;
    if (entries != 0) {
        auto const d = x86::make_system(x86::system_type::ldt, ldt_address(c), entries * 8 - 1);
        owns[c.raw()]->at(ldt_selector) = d.low;
        owns[c.raw()]->at({ldt_selector.raw + 8}) = d.high;
        selector = ldt_selector.raw;
    }
    asm volatile("lldt %0" ::"r"(selector));
}

} // namespace xenpp::image
