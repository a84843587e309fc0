// SPDX-License-Identifier: Apache-2.0
// The ACPI tables of a PVH domain: RSDP, XSDT, FADT, MADT, DSDT and, if asked for, FACS (ACPI 6.3).
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace xenpp::builder {

/// What hardware the tables claim.
enum class acpi_profile {
    /// Hardware-reduced ACPI: no PM and GPE registers, no FACS, no SCI, no 8259 pair. That is the
    /// truth about a PVH domain, and a kernel that believes it programs nothing that is not there.
    reduced,
    /// What Xen's own tools claim: PM1a and GPE0 blocks at 0xb000 and 0xafe0, SCI 9, an 8259 pair.
    /// For a kernel without hardware-reduced support; the ports answer all ones.
    legacy,
};

/// The local APIC id of a vCPU, as Xen numbers them; CPUID must agree.
constexpr std::uint32_t apic_id_of(vcpu_id v) noexcept {
    return v.raw() * 2;
}

struct acpi_request {
    gpa base{};                   ///< where the tables will lie; page aligned
    std::uint32_t vcpus_online{}; ///< enabled in the MADT: vCPUs 0 to vcpus_online - 1
    std::uint32_t vcpus{};        ///< all; the others can be brought online later
    acpi_profile profile = acpi_profile::reduced;
};

struct acpi_tables {
    gpa rsdp;                     ///< where the search starts; for start_info.rsdp_paddr
    std::vector<std::byte> bytes; ///< all tables, to be written at the requested base
};

/// The most vCPUs that one set of tables can describe.
inline constexpr std::uint32_t acpi_max_vcpus = 4096;

/// Makes the tables, checksums included. vCPUs with an APIC id above 254 get x2APIC entries.
/// Errors: no vCPU, more than `acpi_max_vcpus`, more online than there are, a base that is not
/// page aligned or leaves no room below 4 GiB.
result<acpi_tables> make_acpi_tables(acpi_request const& request);

} // namespace xenpp::builder
