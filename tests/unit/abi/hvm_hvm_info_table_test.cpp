// SPDX-License-Identifier: Apache-2.0
// hvm/hvm_info_table.hpp against the installed xen/hvm/hvm_info_table.h.
#include "same.hpp"

#include <xenpp/abi/hvm/hvm_info_table.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/xen.h>
#include <xen/hvm/hvm_info_table.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(hvm_info_table, hvm_info_table),
    XENPP_SAME_MEMBER(hvm_info_table, hvm_info_table, signature),
    XENPP_SAME_MEMBER(hvm_info_table, hvm_info_table, length),
    XENPP_SAME_MEMBER(hvm_info_table, hvm_info_table, checksum),
    XENPP_SAME_MEMBER(hvm_info_table, hvm_info_table, apic_mode),
    XENPP_SAME_MEMBER(hvm_info_table, hvm_info_table, nr_vcpus),
    XENPP_SAME_MEMBER(hvm_info_table, hvm_info_table, low_mem_pgend),
    XENPP_SAME_MEMBER(hvm_info_table, hvm_info_table, reserved_mem_pgstart),
    XENPP_SAME_MEMBER(hvm_info_table, hvm_info_table, high_mem_pgend),
    XENPP_SAME_MEMBER(hvm_info_table, hvm_info_table, vcpu_online),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(HVM_INFO_PFN, hvm_info_pfn),
    XENPP_SAME_NUMBER(HVM_INFO_OFFSET, hvm_info_offset),
    XENPP_SAME_NUMBER(HVM_INFO_PADDR, hvm_info_paddr),
    XENPP_SAME_NUMBER(HVM_MAX_VCPUS, hvm_max_vcpus),
};
// clang-format on

} // namespace

TEST_CASE("abi.hvm_hvm_info_table has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.hvm_hvm_info_table has the numbers of the public header") {
    check(numbers);
}
