// SPDX-License-Identifier: Apache-2.0
// What a 64-bit PV kernel asks of its builder, from its ELF notes.
#pragma once

#include <xenpp/base/strong.hpp>
#include <xenpp/builder/kernel_image.hpp>

#include <cstdint>
#include <optional>

namespace xenpp::builder {

/// A PV kernel's demands, checked. Its pseudo-physical address p is seen at virtual address
/// `virt_base` + p; segments lie at their paddr less `paddr_offset`.
struct pv_kernel {
    gva virt_base;
    std::uint64_t paddr_offset = 0;
    gva entry;
    std::uint64_t end = 0;             ///< pseudo-physical, bytes: the end of its last segment
    std::optional<gva> hypercall_page; ///< a page of its own, to be filled for it
    std::optional<gva> p2m;            ///< where it wants the p2m array; none: behind itself
    bool is_ramdisk_by_pfn = false;    ///< the ramdisk need not be mapped
};

/// Reads the demands of a kernel. Errors, in one sentence: no PV kernel at all, and which type to
/// choose if it is a PVH kernel; a 32-bit PV kernel; a guest interface or feature that there is
/// not; page-table entries marked in another way than ours; addresses that do not go together.
result<pv_kernel> read_pv_kernel(kernel_image const& kernel);

} // namespace xenpp::builder
