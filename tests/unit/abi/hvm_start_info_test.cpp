// SPDX-License-Identifier: Apache-2.0
// hvm/start_info.hpp against the installed xen/arch-x86/hvm/start_info.h.
#include "same.hpp"

#include <xenpp/abi/hvm/start_info.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/arch-x86/hvm/start_info.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(hvm_start_info, hvm_start_info),
    XENPP_SAME_MEMBER(hvm_start_info, hvm_start_info, magic),
    XENPP_SAME_MEMBER(hvm_start_info, hvm_start_info, version),
    XENPP_SAME_MEMBER(hvm_start_info, hvm_start_info, flags),
    XENPP_SAME_MEMBER(hvm_start_info, hvm_start_info, nr_modules),
    XENPP_SAME_MEMBER(hvm_start_info, hvm_start_info, modlist_paddr),
    XENPP_SAME_MEMBER(hvm_start_info, hvm_start_info, cmdline_paddr),
    XENPP_SAME_MEMBER(hvm_start_info, hvm_start_info, rsdp_paddr),
    XENPP_SAME_MEMBER(hvm_start_info, hvm_start_info, memmap_paddr),
    XENPP_SAME_MEMBER(hvm_start_info, hvm_start_info, memmap_entries),
    XENPP_SAME_MEMBER(hvm_start_info, hvm_start_info, reserved),
    XENPP_SAME_STRUCT(hvm_modlist_entry, hvm_modlist_entry),
    XENPP_SAME_MEMBER(hvm_modlist_entry, hvm_modlist_entry, paddr),
    XENPP_SAME_MEMBER(hvm_modlist_entry, hvm_modlist_entry, size),
    XENPP_SAME_MEMBER(hvm_modlist_entry, hvm_modlist_entry, cmdline_paddr),
    XENPP_SAME_MEMBER(hvm_modlist_entry, hvm_modlist_entry, reserved),
    XENPP_SAME_STRUCT(hvm_memmap_table_entry, hvm_memmap_table_entry),
    XENPP_SAME_MEMBER(hvm_memmap_table_entry, hvm_memmap_table_entry, addr),
    XENPP_SAME_MEMBER(hvm_memmap_table_entry, hvm_memmap_table_entry, size),
    XENPP_SAME_MEMBER(hvm_memmap_table_entry, hvm_memmap_table_entry, type),
    XENPP_SAME_MEMBER(hvm_memmap_table_entry, hvm_memmap_table_entry, reserved),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(XEN_HVM_START_MAGIC_VALUE, hvm_start_magic_value),
    XENPP_SAME_NUMBER(XEN_HVM_MEMMAP_TYPE_RAM, hvm_memmap_type_ram),
    XENPP_SAME_NUMBER(XEN_HVM_MEMMAP_TYPE_RESERVED, hvm_memmap_type_reserved),
    XENPP_SAME_NUMBER(XEN_HVM_MEMMAP_TYPE_ACPI, hvm_memmap_type_acpi),
    XENPP_SAME_NUMBER(XEN_HVM_MEMMAP_TYPE_NVS, hvm_memmap_type_nvs),
    XENPP_SAME_NUMBER(XEN_HVM_MEMMAP_TYPE_UNUSABLE, hvm_memmap_type_unusable),
    XENPP_SAME_NUMBER(XEN_HVM_MEMMAP_TYPE_DISABLED, hvm_memmap_type_disabled),
    XENPP_SAME_NUMBER(XEN_HVM_MEMMAP_TYPE_PMEM, hvm_memmap_type_pmem),
};
// clang-format on

} // namespace

TEST_CASE("abi.hvm_start_info has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.hvm_start_info has the numbers of the public header") {
    check(numbers);
}
