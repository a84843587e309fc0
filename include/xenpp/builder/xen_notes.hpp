// SPDX-License-Identifier: Apache-2.0
// What a kernel tells its Xen builder in ELF notes of owner "Xen" (Xen: public/elfnote.h).
#pragma once

#include <xenpp/base/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace xenpp::builder {

/// A PV kernel's mask and value that mark a valid entry of an L1 page table.
struct l1_valid_pattern {
    std::uint64_t mask = 0;
    std::uint64_t value = 0;

    friend bool operator==(l1_valid_pattern const&, l1_valid_pattern const&) = default;
};

/// The notes of one kernel, absent ones empty or false. All but `phys32_entry` are for PV builders.
struct xen_notes {
    std::optional<std::uint64_t> phys32_entry;       ///< PVH entry, a guest-physical address
    std::optional<std::uint64_t> entry;              ///< PV entry, a virtual address
    std::optional<std::uint64_t> hypercall_page;     ///< virtual address
    std::optional<std::uint64_t> virt_base;          ///< virtual address of physical address 0
    std::optional<std::uint64_t> paddr_offset;       ///< subtracted from a segment's paddr
    std::optional<std::uint64_t> hv_start_low;       ///< lowest address the hypervisor may take
    std::optional<std::uint64_t> init_p2m;           ///< where to map the p2m array, virtual
    std::optional<std::uint32_t> supported_features; ///< bit n: XENFEAT n
    std::optional<l1_valid_pattern> l1_mfn_valid;
    std::string guest_os;
    std::string guest_version;
    std::string xen_version; ///< the interface wanted, "xen-3.0"
    std::string loader;      ///< "generic"
    std::string features;    ///< "!writable_page_tables|pae_pgdir_above_4gb"
    std::string pae_mode;
    bool bsd_symtab = false;
    bool suspend_cancel = false;
    bool mod_start_pfn = false; ///< the start_info of PV names the ramdisk by frame number
    unsigned count = 0;         ///< Xen notes seen, known or not

    friend bool operator==(xen_notes const&, xen_notes const&) = default;
};

/// Adds the Xen notes of one note segment or section to `notes`; a note that comes twice: the
/// later one holds. Notes of other owners and of unknown types are passed over.
/// Errors, in words: a note that is longer than what holds it, a number of an odd size.
result<void> collect_xen_notes(std::span<std::byte const> bytes, xen_notes& notes);

} // namespace xenpp::builder
