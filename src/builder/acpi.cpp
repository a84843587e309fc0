// SPDX-License-Identifier: Apache-2.0
// The bytes of the ACPI tables; chapter and table numbers are those of ACPI 6.3.
#include "builder/aml.hpp"

#include <xenpp/base/checked.hpp>
#include <xenpp/builder/acpi.hpp>

#include <fmt/format.h>

#include <numeric>

namespace xenpp::builder {

namespace {

constexpr std::string_view operation = "make ACPI tables";
constexpr std::string_view oem_id = "xenpp "; // 6 characters
constexpr std::string_view oem_table_id = "PVH     ";
constexpr std::uint32_t local_apic_address = 0xfee00000;

std::uint8_t checksum(bytes_view bytes) noexcept {
    auto const sum = std::accumulate(bytes.begin(), bytes.end(), 0U, [](unsigned s, std::byte b) {
        return s + std::to_integer<unsigned>(b);
    });
    return static_cast<std::uint8_t>(0U - sum);
}

/// A table from its contents: the common header (5.2.6) before it, checksum set.
std::vector<std::byte>
table(std::string_view signature, std::uint8_t revision, bytes_view contents) {
    constexpr std::size_t header_size = 36;
    constexpr std::size_t checksum_at = 9;
    std::vector<std::byte> out;
    byte_writer(out)
        .text(signature)
        .u32(static_cast<std::uint32_t>(header_size + contents.size()))
        .u8(revision)
        .u8(0)
        .text(oem_id)
        .text(oem_table_id)
        .u32(1)
        .text("xnpp") // creator
        .u32(1)
        .bytes(contents);
    out[checksum_at] = std::byte{checksum(out)};
    return out;
}

/// 5.2.5.3; the RSDT address stays 0: every kernel with a PVH entry reads the XSDT.
std::vector<std::byte> rsdp(gpa xsdt) {
    constexpr std::size_t first_part = 20;
    constexpr std::size_t checksum_at = 8;
    constexpr std::size_t extended_checksum_at = 32;
    std::vector<std::byte> out;
    byte_writer(out)
        .text("RSD PTR ")
        .u8(0)
        .text(oem_id)
        .u8(2) // revision
        .u32(0)
        .u32(36) // length
        .u64(xsdt.raw())
        .u8(0)
        .zeros(3);
    out[checksum_at] = std::byte{checksum(bytes_view(out).first(first_part))};
    out[extended_checksum_at] = std::byte{checksum(out)};
    return out;
}

/// 5.2.10: nothing in it is used, but a kernel that is not hardware-reduced wants one.
std::vector<std::byte> facs() {
    std::vector<std::byte> out;
    byte_writer(out).text("FACS").u32(64).zeros(24).u8(2).zeros(31);
    return out;
}

/// Processor devices (8.4): one per vCPU; those not online are not present.
std::vector<std::byte> dsdt(acpi_request const& r) {
    aml::code devices;
    byte_writer w(devices);
    for (std::uint32_t n = 0; n < r.vcpus; ++n) {
        constexpr std::uint32_t present_and_working = 0xf;
        aml::code body;
        byte_writer(body)
            .bytes(aml::name("_HID", aml::string("ACPI0007")))
            .bytes(aml::name("_UID", aml::integer(n)))
            .bytes(aml::name("_STA", aml::integer(n < r.vcpus_online ? present_and_working : 0)));
        w.bytes(aml::device(fmt::format("C{:03X}", n), body));
    }
    return table("DSDT", 2, aml::root_scope("_SB_", devices));
}

/// 5.2.12. Flags of an entry: enabled, or else online capable.
std::vector<std::byte> madt(acpi_request const& r) {
    constexpr std::uint32_t highest_xapic_id = 254; // 255 addresses all
    constexpr std::uint32_t enabled = 1U << 0;
    constexpr std::uint32_t online_capable = 1U << 1;
    constexpr std::uint32_t pcat_compat = 1U << 0;
    std::vector<std::byte> out;
    byte_writer w(out);
    w.u32(local_apic_address).u32(r.profile == acpi_profile::legacy ? pcat_compat : 0);
    for (std::uint32_t n = 0; n < r.vcpus; ++n) {
        auto const id = apic_id_of(vcpu_id(n));
        auto const flags = n < r.vcpus_online ? enabled : online_capable;
        if (id <= highest_xapic_id) { // 5.2.12.2
            w.u8(0)
                .u8(8)
                .u8(static_cast<std::uint8_t>(n))
                .u8(static_cast<std::uint8_t>(id))
                .u32(flags);
        } else { // 5.2.12.12
            w.u8(9).u8(16).u16(0).u32(id).u32(flags).u32(n);
        }
    }
    return table("APIC", 5, out);
}

// clang-format off
/// A register block of the FADT in I/O space.
struct io_block { std::uint16_t port; std::uint8_t bytes; };
constexpr io_block no_block{0, 0};

/// What the FADT says of the fixed hardware (5.2.9).
struct fixed_hardware {
    io_block pm1a_event, pm1a_control, gpe0;
    std::uint16_t sci;
    std::uint32_t flags;
};

constexpr std::uint32_t fadt_wbinvd        = 1U << 0;
constexpr std::uint32_t fadt_proc_c1       = 1U << 2;
constexpr std::uint32_t fadt_pwr_button    = 1U << 4;  // set: no fixed power button
constexpr std::uint32_t fadt_slp_button    = 1U << 5;  // set: no fixed sleep button
constexpr std::uint32_t fadt_fix_rtc       = 1U << 6;  // set: no RTC wake in fixed hardware
constexpr std::uint32_t fadt_hw_reduced    = 1U << 20;
constexpr std::uint32_t fadt_common_flags  = fadt_wbinvd | fadt_proc_c1 | fadt_pwr_button
                                           | fadt_slp_button | fadt_fix_rtc;

constexpr fixed_hardware reduced_hardware{no_block, no_block, no_block, 0,
                                          fadt_common_flags | fadt_hw_reduced};
constexpr fixed_hardware legacy_hardware{{0xb000, 4}, {0xb004, 2}, {0xafe0, 4}, 9, fadt_common_flags};

// clang-format on

/// A generic address structure (5.2.3.2) in I/O space; all zero for a block that is not there.
void put_address(byte_writer& w, io_block b) {
    if (b.bytes == 0) {
        w.zeros(12);
        return;
    }
    w.u8(1).u8(static_cast<std::uint8_t>(b.bytes * 8)).u8(0).u8(0).u64(b.port);
}

std::vector<std::byte> fadt(fixed_hardware const& hw, gpa facs_at, gpa dsdt_at) {
    constexpr std::uint16_t no_vga = 1U << 2;
    constexpr std::uint16_t no_cmos_rtc = 1U << 5;
    constexpr std::uint16_t no_deep_idle = 0xfff; // P_LVLx latencies beyond what counts as support
    std::vector<std::byte> out;
    byte_writer w(out);
    w.u32(static_cast<std::uint32_t>(facs_at.raw()));
    w.u32(static_cast<std::uint32_t>(dsdt_at.raw()));
    w.u8(0).u8(0).u16(hw.sci).u32(0); // profile unspecified, no SMI command port
    w.zeros(4);
    w.u32(hw.pm1a_event.port).u32(0).u32(hw.pm1a_control.port).u32(0); // PM1b, PM2: none
    w.u32(0).u32(0).u32(hw.gpe0.port).u32(0);                          // PM timer, GPE1: none
    w.u8(hw.pm1a_event.bytes).u8(hw.pm1a_control.bytes).u8(0).u8(0);
    w.u8(hw.gpe0.bytes).zeros(3);
    w.u16(no_deep_idle).u16(no_deep_idle);
    w.zeros(9); // flush size to century
    w.u16(no_vga | no_cmos_rtc).u8(0).u32(hw.flags);
    w.zeros(13).u16(0).u8(3);    // no reset register; minor version 3
    w.u64(0).u64(dsdt_at.raw()); // the FACS has its 32-bit address alone
    put_address(w, hw.pm1a_event);
    put_address(w, no_block);
    put_address(w, hw.pm1a_control);
    put_address(w, no_block);
    put_address(w, no_block);
    put_address(w, no_block);
    put_address(w, hw.gpe0);
    put_address(w, no_block);
    w.zeros(24);        // no sleep registers
    w.text("XenVMMXe"); // hypervisor vendor: the start of its CPUID signature
    return table("FACP", 6, out);
}

/// Tables one after the other from a base; each starts at a multiple of 64.
class table_area {
public:
    explicit table_area(gpa base) : base_(base) {}

    gpa place(bytes_view t) {
        auto const at = align_up(bytes_.size(), std::size_t{64});
        bytes_.resize(at);
        bytes_.insert(bytes_.end(), t.begin(), t.end());
        return base_ + at;
    }

    /// Overwrites what was placed at `at`.
    void replace(gpa at, bytes_view t) {
        std::copy(t.begin(), t.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(at - base_));
    }

    std::vector<std::byte> take() && { return std::move(bytes_); }

private:
    gpa base_;
    std::vector<std::byte> bytes_;
};

result<void> check(acpi_request const& r) {
    if (r.vcpus_online == 0 || r.vcpus_online > r.vcpus || r.vcpus > acpi_max_vcpus) {
        return fail(operation, errc::inval,
                    fmt::format("{} of {} vCPUs online: 1 to {} are possible", r.vcpus_online,
                                r.vcpus, acpi_max_vcpus));
    }
    // Addresses in the FADT have 32 bits; 1 MiB is more than 4096 vCPUs need.
    constexpr std::uint64_t room = std::uint64_t{1} << 20;
    constexpr std::uint64_t four_gib = std::uint64_t{1} << 32;
    if ((r.base.raw() & ~page_mask) != 0 || r.base.raw() > four_gib - room) {
        return fail(operation, errc::inval,
                    fmt::format("the tables cannot lie at {:#x}", r.base.raw()));
    }
    return {};
}

} // namespace

result<acpi_tables> make_acpi_tables(acpi_request const& request) {
    XENPP_TRY(check(request));
    bool const reduced = request.profile == acpi_profile::reduced;
    table_area area(request.base);
    auto const rsdp_at = area.place(rsdp(gpa(0)));
    auto const facs_at = reduced ? gpa(0) : area.place(facs());
    auto const dsdt_at = area.place(dsdt(request));
    auto const fadt_at =
        area.place(fadt(reduced ? reduced_hardware : legacy_hardware, facs_at, dsdt_at));
    auto const madt_at = area.place(madt(request));
    std::vector<std::byte> entries;
    byte_writer(entries).u64(fadt_at.raw()).u64(madt_at.raw());
    area.replace(rsdp_at, rsdp(area.place(table("XSDT", 1, entries))));
    return acpi_tables{rsdp_at, std::move(area).take()};
}

} // namespace xenpp::builder
