// SPDX-License-Identifier: Apache-2.0
// Domains that the hypervisor builds itself at boot, from the boot loader's modules (in the spirit
// of Xen's dom0less).
#pragma once

#include <xenpp/abi/hvm/params.hpp>
#include <xenpp/hv/cpu_record.hpp>
#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/elf_kernel.hpp>
#include <xenpp/hv/event_channel_bind.hpp>
#include <xenpp/hv/first_tables.hpp>
#include <xenpp/hv/memory_reservation.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace xenpp::hv {

/// One word of the hypervisor's command line: domain=NAME[,KEY:NUMBER]...
struct first_domain {
    static constexpr unsigned no_module = ~0U;

    std::string_view name;
    unsigned kernel = 0; ///< which module, from 0
    unsigned ramdisk = no_module;
    std::uint64_t memory_mib = 256;
    unsigned vcpus = 1;
};

/// Takes what comes before the next `at` off `rest`, which goes on behind it.
constexpr std::string_view cut(std::string_view& rest, char at) noexcept {
    std::size_t n = 0;
    while (n != rest.size() && rest[n] != at) {
        ++n;
    }
    std::string_view const head(rest.data(), n);
    rest.remove_prefix(n == rest.size() ? n : n + 1);
    return head;
}

/// Reads what follows "domain=". The error is a sentence.
constexpr expected<first_domain, char const*> parse_first_domain(std::string_view text) noexcept {
    first_domain d;
    d.name = cut(text, ',');
    if (d.name.empty()) {
        return unexpected("a domain needs a name");
    }
    while (!text.empty()) {
        auto value = cut(text, ',');
        auto const key = cut(value, ':');
        std::uint64_t n = 0;
        for (char const c : value) {
            if (c < '0' || c > '9' || n > 0xffff'ffff) {
                return unexpected("what follows the colon must be a number");
            }
            n = n * 10 + static_cast<std::uint64_t>(c - '0');
        }
        if (value.empty() || n > 0xffff'ffff) {
            return unexpected("what follows the colon must be a number");
        }
        if (key == "memory") {
            d.memory_mib = n;
        } else if (key == "vcpus") {
            d.vcpus = static_cast<unsigned>(n);
        } else if (key == "kernel") {
            d.kernel = static_cast<unsigned>(n);
        } else if (key == "ramdisk") {
            d.ramdisk = static_cast<unsigned>(n);
        } else {
            return unexpected("the keys are memory (MiB), vcpus, kernel and ramdisk (modules)");
        }
    }
    if (d.memory_mib == 0 || d.memory_mib > 3840 || d.vcpus == 0 ||
        d.vcpus > max_vcpus_per_domain) {
        return unexpected("memory must be from 1 to 3840 MiB, vcpus from 1 to 128");
    }
    return d;
}

/// What the modules hold.
struct first_domain_files {
    std::span<std::byte const> kernel, ramdisk;
    std::string_view command_line; ///< the kernel's
};

namespace detail {

/// Guest-physical addresses as Xen's tools choose them (builder/pvh_layout.hpp has them too).
inline constexpr std::uint64_t first_acpi_base = 0xfc00'0000;
inline constexpr gfn first_console_page{0xf'efff};
inline constexpr std::uint64_t first_acpi_pages = 2;
inline constexpr std::uint64_t first_info_pages = 2;

/// Copies into the memory of a domain that has not run.
template <class P>
bool write_domain(domain<P>& d, std::uint64_t at, std::span<std::byte const> bytes) noexcept {
    while (!bytes.empty()) {
        auto const page = get_page(d, to_gfn(gpa(at)));
        if (!page) {
            return false;
        }
        auto const within = at & (page_size - 1);
        auto const n = bytes.size() < page_size - within ? bytes.size() : page_size - within;
        std::memcpy(page->map() + within, bytes.data(), n);
        bytes = bytes.subspan(n);
        at += n;
    }
    return true;
}

/// Memory from `first` on: large pieces, and small ones where there are none left.
template <class P>
bool populate_first(domain<P>& d, gfn first, std::uint64_t pages) noexcept {
    for (std::uint64_t i = 0; i != pages;) {
        unsigned order = ((first + i).raw() & 511) == 0 && pages - i >= 512 ? 9 : 0;
        if (order != 0 && !populate_extent(d, first + i, order)) {
            order = 0;
        }
        if (order == 0 && !populate_extent(d, first + i, 0)) {
            return false;
        }
        i += std::uint64_t{1} << order;
    }
    return true;
}

/// The registers of vCPU 0 at its first instruction (Xen: docs/misc/pvh.pandoc).
constexpr abi::hvm_hw_cpu first_registers(std::uint64_t entry, std::uint64_t start_info) noexcept {
    abi::hvm_hw_cpu r{};
    r.rip = entry;
    r.rbx = start_info;
    r.rflags = 2;
    r.cr0 = 0x11;
    r.dr6 = x86::dr6::reset.raw();
    r.dr7 = x86::dr7::reset.raw();
    r.cs_limit = r.ds_limit = r.es_limit = r.ss_limit = 0xffff'ffff;
    r.cs_arbytes = 0xc9b;
    r.ds_arbytes = r.es_arbytes = r.ss_arbytes = 0xc93;
    r.tr_limit = 0x67;
    r.tr_arbytes = 0x8b;
    return r;
}

/// Tells the domain its memory map: in start_info now, and when it asks (XENMEM_memory_map).
template <class P>
bool keep_memory_map(domain<P>& d, std::span<abi::hvm_memmap_table_entry const> map) noexcept {
    auto const made = d.hv.frames.template create<guest_memory_map>();
    if (!made) {
        return false;
    }
    d.memory_map = *made;
    for (auto const& e : map) {
        std::byte* const to =
            d.memory_map->entries.data() + d.memory_map->count * guest_memory_map::entry_size;
        std::memcpy(to, &e.addr, 8);
        std::memcpy(to + 8, &e.size, 8);
        std::memcpy(to + 16, &e.type, 4);
        ++d.memory_map->count;
    }
    return true;
}

/// Everything after the empty domain stands; the error is a sentence.
template <class P>
expected<void, char const*> fill_first_domain(domain<P>& d,
                                              first_domain const& what,
                                              first_domain_files const& files) noexcept {
    auto const kernel = XENPP_TRY(read_kernel(files.kernel));
    auto const ram = what.memory_mib << 20;
    auto const info_at = (kernel.end + page_size - 1) & page_mask;
    auto const ramdisk_at = info_at + first_info_pages * page_size;
    if (ramdisk_at + files.ramdisk.size() > ram) {
        return unexpected("its memory is too small for kernel and ramdisk");
    }
    for (unsigned n = 0; n != what.vcpus; ++n) {
        if (!vcpu_create(d, vcpu_id(n))) {
            return unexpected("no memory for its vCPUs");
        }
    }
    if (!populate_first(d, gfn(0), ram >> page_shift) ||
        !populate_first(d, first_console_page, 1) ||
        !populate_first(d, to_gfn(gpa(first_acpi_base)), first_acpi_pages)) {
        return unexpected("not enough memory is free");
    }
    for (unsigned i = 0; i != kernel.part_count; ++i) {
        auto const& p = kernel.parts[i];
        if (!write_domain(d, p.physical, files.kernel.subspan(p.offset, p.size))) {
            return unexpected("its memory is too small for the kernel");
        }
    }
    if (!write_domain(d, ramdisk_at, files.ramdisk)) {
        return unexpected("its memory is too small for the ramdisk");
    }
    static_assert(first_acpi_pages == 2 && first_info_pages == 2);
    auto const scratch = d.hv.frames.allocate(1, domid_xen, page_use::hypervisor);
    if (!scratch) {
        return unexpected("not enough memory is free");
    }
    std::span<std::byte> const room(d.hv.platform.map(*scratch), 2 * page_size);
    table_writer acpi(room, first_acpi_base);
    auto const rsdp = write_acpi_tables(acpi, what.vcpus);
    bool ok = !acpi.overflowed() && write_domain(d, first_acpi_base, acpi.since(0));
    std::array<abi::hvm_memmap_table_entry, 3> const map{{
        {0, ram, abi::hvm_memmap_type_ram, 0},
        {to_gpa(first_console_page).raw(), page_size, abi::hvm_memmap_type_reserved, 0},
        {first_acpi_base, first_acpi_pages * page_size, abi::hvm_memmap_type_acpi, 0},
    }};
    table_writer info(room, info_at);
    auto const start_info = write_start_info(info, {.command_line = files.command_line,
                                                    .ramdisk = ramdisk_at,
                                                    .ramdisk_size = files.ramdisk.size(),
                                                    .rsdp = rsdp,
                                                    .memory_map = map});
    ok = ok && !info.overflowed() && write_domain(d, info_at, info.since(0)) &&
         keep_memory_map(d, map);
    d.hv.frames.free(*scratch, 1);
    auto& first = *d.vcpus[0];
    if (!ok || !d.hv.platform.load_state(first, first_registers(kernel.entry, start_info))) {
        return unexpected("its command line is too long, or no memory is left");
    }
    first.initialised = true;
    atomic_fetch_and(first.pause, ~std::uint32_t{pause_down});
    return {};
}

} // namespace detail

/// Builds domain `id`, paused: `domain_unpause` starts it. The error is a sentence.
template <class P>
expected<domain<P>*, char const*> build_first_domain(hypervisor<P>& hv,
                                                     domid id,
                                                     first_domain const& what,
                                                     first_domain_files const& files) noexcept {
    abi::domctl_createdomain c{};
    c.flags = abi::domctl_cdf_hvm | abi::domctl_cdf_hap;
    c.handle[15] = static_cast<std::uint8_t>(id.raw());
    c.max_vcpus = what.vcpus;
    c.max_evtchn_port = 1023;
    c.max_grant_frames = 64;
    c.max_maptrack_frames = 1024;
    c.grant_opts = 2;
    c.arch.emulation_flags = abi::x86_emu_lapic;
    auto const made = create_domain(hv, id, c);
    if (!made) {
        return unexpected(hv.has_hvm ? "no memory for it"
                                     : "the processor has no hardware virtualization to run it");
    }
    auto& d = **made;
    d.max_pages = (what.memory_mib << 8) + detail::first_acpi_pages + 1;
    d.guest_memory.frames.limit = 256 + what.memory_mib / 2;
    auto const filled = detail::fill_first_domain(d, what, files);
    if (filled) {
        return &d;
    }
    auto const hold = find_domain(hv, id);
    for (auto done = destroy_domain(d); !done && done.error() == errc::restart;) {
        done = destroy_domain(d);
    }
    return unexpected(filled.error());
}

} // namespace xenpp::hv
