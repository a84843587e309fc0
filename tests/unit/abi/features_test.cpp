// SPDX-License-Identifier: Apache-2.0
// features.hpp against the installed xen/features.h.
#include "same.hpp"

#include <xenpp/abi/features.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/features.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(XENFEAT_writable_page_tables, xenfeat_writable_page_tables),
    XENPP_SAME_NUMBER(XENFEAT_writable_descriptor_tables, xenfeat_writable_descriptor_tables),
    XENPP_SAME_NUMBER(XENFEAT_auto_translated_physmap, xenfeat_auto_translated_physmap),
    XENPP_SAME_NUMBER(XENFEAT_supervisor_mode_kernel, xenfeat_supervisor_mode_kernel),
    XENPP_SAME_NUMBER(XENFEAT_pae_pgdir_above_4gb, xenfeat_pae_pgdir_above_4gb),
    XENPP_SAME_NUMBER(XENFEAT_mmu_pt_update_preserve_ad, xenfeat_mmu_pt_update_preserve_ad),
    XENPP_SAME_NUMBER(XENFEAT_highmem_assist, xenfeat_highmem_assist),
    XENPP_SAME_NUMBER(XENFEAT_gnttab_map_avail_bits, xenfeat_gnttab_map_avail_bits),
    XENPP_SAME_NUMBER(XENFEAT_hvm_callback_vector, xenfeat_hvm_callback_vector),
    XENPP_SAME_NUMBER(XENFEAT_hvm_safe_pvclock, xenfeat_hvm_safe_pvclock),
    XENPP_SAME_NUMBER(XENFEAT_hvm_pirqs, xenfeat_hvm_pirqs),
    XENPP_SAME_NUMBER(XENFEAT_dom0, xenfeat_dom0),
    XENPP_SAME_NUMBER(XENFEAT_memory_op_vnode_supported, xenfeat_memory_op_vnode_supported),
    XENPP_SAME_NUMBER(XENFEAT_ARM_SMCCC_supported, xenfeat_arm_smccc_supported),
    XENPP_SAME_NUMBER(XENFEAT_linux_rsdp_unrestricted, xenfeat_linux_rsdp_unrestricted),
    XENPP_SAME_NUMBER(XENFEAT_not_direct_mapped, xenfeat_not_direct_mapped),
    XENPP_SAME_NUMBER(XENFEAT_direct_mapped, xenfeat_direct_mapped),
    XENPP_SAME_NUMBER(XENFEAT_NR_SUBMAPS, xenfeat_nr_submaps),
};
// clang-format on

} // namespace

TEST_CASE("abi.features has the numbers of the public header") {
    check(numbers);
}
