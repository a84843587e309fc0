// SPDX-License-Identifier: Apache-2.0
// What a PVH kernel is told at its start, made without an allocator: ACPI tables (6.3), start_info.
#pragma once

#include <xenpp/abi/hvm/start_info.hpp>
#include <xenpp/hv/cpuid_policy.hpp>
#include <xenpp/hv/vlapic.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace xenpp::hv {

/// Appends to memory of a fixed size, in which it knows the guest-physical address. What does not
/// fit is dropped and `overflowed` says so.
class table_writer {
public:
    table_writer(std::span<std::byte> room, std::uint64_t address) noexcept
        : room_(room), address_(address) {}

    /// The guest-physical address of what comes next.
    std::uint64_t here() const noexcept { return address_ + used_; }

    std::size_t used() const noexcept { return used_; }

    bool overflowed() const noexcept { return overflowed_; }

    void align(std::size_t to) noexcept {
        while (used_ % to != 0 && !overflowed_) {
            put(std::uint8_t{0});
        }
    }

    void text(std::string_view t) noexcept { bytes(t.data(), t.size()); }

    void zeros(unsigned n) noexcept {
        for (; n != 0; --n) {
            put(std::uint8_t{0});
        }
    }

    template <class T>
    void put(T const& v) noexcept {
        bytes(&v, sizeof v);
    }

    /// The bytes written from `from` on.
    std::span<std::byte> since(std::size_t from) const noexcept {
        return room_.subspan(from, used_ - from);
    }

private:
    void bytes(void const* p, std::size_t n) noexcept {
        if (overflowed_ || room_.size() - used_ < n) {
            overflowed_ = true;
            return;
        }
        std::memcpy(room_.data() + used_, p, n);
        used_ += n;
    }

    std::span<std::byte> room_;
    std::uint64_t address_;
    std::size_t used_ = 0;
    bool overflowed_ = false;
};

namespace detail {

inline std::uint8_t acpi_checksum(std::span<std::byte const> bytes) noexcept {
    unsigned sum = 0;
    for (auto const b : bytes) {
        sum += std::to_integer<unsigned>(b);
    }
    return static_cast<std::uint8_t>(0U - sum);
}

/// A table with the common header (5.2.6); `body` writes the rest. Returns its address.
template <class Body>
std::uint64_t
acpi_table(table_writer& w, std::string_view signature, std::uint8_t revision, Body body) noexcept {
    w.align(16);
    auto const from = w.used();
    auto const at = w.here();
    w.text(signature);
    w.put(std::uint32_t{0}); // its length, below
    w.put(revision);
    w.put(std::uint8_t{0}); // its checksum, below
    w.text("xenpp PVH     ");
    w.put(std::uint32_t{1});
    w.text("xnpp");
    w.put(std::uint32_t{1});
    body();
    if (!w.overflowed()) {
        auto const table = w.since(from);
        auto const length = static_cast<std::uint32_t>(table.size());
        std::memcpy(table.data() + 4, &length, sizeof length);
        table[9] = std::byte{acpi_checksum(table)};
    }
    return at;
}

} // namespace detail

/// The tables of a hardware-reduced machine with that many vCPUs. Returns the root pointer's
/// address.
inline std::uint64_t write_acpi_tables(table_writer& w, unsigned vcpus) noexcept {
    using detail::acpi_table;
    auto const dsdt = acpi_table(w, "DSDT", 2, [] {});
    auto const fadt = acpi_table(w, "FACP", 6, [&] { // 5.2.9
        constexpr std::uint16_t no_deep_idle = 0xfff, no_vga_no_cmos_rtc = 1U << 2 | 1U << 5;
        constexpr std::uint32_t flags = 1U << 0 | 1U << 2 | 1U << 4 | 1U << 5 | 1U << 6 | 1U << 20;
        w.put(std::uint32_t{0});
        w.put(static_cast<std::uint32_t>(dsdt));
        w.zeros(52);
        w.put(no_deep_idle);
        w.put(no_deep_idle);
        w.zeros(9);
        w.put(no_vga_no_cmos_rtc);
        w.put(std::uint8_t{0});
        w.put(flags);
        w.zeros(15);
        w.put(std::uint8_t{3}); // minor version
        w.put(std::uint64_t{0});
        w.put(dsdt);
        w.zeros(120);
        w.text("XenVMMXe");
    });
    auto const madt = acpi_table(w, "APIC", 5, [&] { // 5.2.12
        w.put(std::uint32_t{0xfee00000});
        w.put(std::uint32_t{0});
        for (unsigned n = 0; n != vcpus; ++n) {
            constexpr std::uint32_t enabled = 1;
            auto const id = apic_id_of(n);
            if (id < 255) {
                w.put(std::array<std::uint8_t, 4>{0, 8, static_cast<std::uint8_t>(n),
                                                  static_cast<std::uint8_t>(id)});
                w.put(enabled);
            } else {
                w.put(std::array<std::uint8_t, 4>{9, 16, 0, 0});
                w.put(std::array<std::uint32_t, 3>{id, enabled, n});
            }
        }
    });
    auto const xsdt = acpi_table(w, "XSDT", 1, [&] {
        w.put(fadt);
        w.put(madt);
    });
    w.align(16);
    auto const from = w.used();
    auto const rsdp = w.here();
    w.text("RSD PTR "); // 5.2.5.3
    w.put(std::uint8_t{0});
    w.text("xenpp ");
    w.put(std::uint8_t{2});
    w.put(std::uint32_t{0});
    w.put(std::uint32_t{36});
    w.put(xsdt);
    w.zeros(4);
    if (!w.overflowed()) {
        auto const table = w.since(from);
        table[8] = std::byte{detail::acpi_checksum(table.first(20))};
        table[32] = std::byte{detail::acpi_checksum(table)};
    }
    return rsdp;
}

/// What start_info is to say.
struct first_start_info {
    std::string_view command_line;
    std::uint64_t ramdisk = 0, ramdisk_size = 0; ///< size 0: none
    std::uint64_t rsdp = 0;
    std::span<abi::hvm_memmap_table_entry const> memory_map;
};

/// Returns its address.
inline std::uint64_t write_start_info(table_writer& w, first_start_info const& s) noexcept {
    auto const command_line = w.here();
    w.text(s.command_line);
    w.put('\0');
    w.align(8);
    auto const modules = w.here();
    w.put(abi::hvm_modlist_entry{s.ramdisk, s.ramdisk_size, 0, 0});
    auto const map = w.here();
    for (auto const& e : s.memory_map) {
        w.put(e);
    }
    auto const at = w.here();
    w.put(abi::hvm_start_info{
        .magic = abi::hvm_start_magic_value,
        .version = 1,
        .flags = 0,
        .nr_modules = s.ramdisk_size != 0 ? 1U : 0U,
        .modlist_paddr = s.ramdisk_size != 0 ? modules : 0,
        .cmdline_paddr = command_line,
        .rsdp_paddr = s.rsdp,
        .memmap_paddr = map,
        .memmap_entries = static_cast<std::uint32_t>(s.memory_map.size()),
        .reserved = 0,
    });
    return at;
}

} // namespace xenpp::hv
