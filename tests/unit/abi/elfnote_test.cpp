// SPDX-License-Identifier: Apache-2.0
// elfnote.hpp against the installed xen/elfnote.h.
#include "same.hpp"

#include <xenpp/abi/elfnote.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/elfnote.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(XEN_ELFNOTE_INFO, elfnote_info),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_ENTRY, elfnote_entry),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_HYPERCALL_PAGE, elfnote_hypercall_page),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_VIRT_BASE, elfnote_virt_base),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_PADDR_OFFSET, elfnote_paddr_offset),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_XEN_VERSION, elfnote_xen_version),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_GUEST_OS, elfnote_guest_os),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_GUEST_VERSION, elfnote_guest_version),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_LOADER, elfnote_loader),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_PAE_MODE, elfnote_pae_mode),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_FEATURES, elfnote_features),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_BSD_SYMTAB, elfnote_bsd_symtab),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_HV_START_LOW, elfnote_hv_start_low),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_L1_MFN_VALID, elfnote_l1_mfn_valid),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_SUSPEND_CANCEL, elfnote_suspend_cancel),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_INIT_P2M, elfnote_init_p2m),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_MOD_START_PFN, elfnote_mod_start_pfn),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_SUPPORTED_FEATURES, elfnote_supported_features),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_PHYS32_ENTRY, elfnote_phys32_entry),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_MAX, elfnote_max),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_CRASH_INFO, elfnote_crash_info),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_CRASH_REGS, elfnote_crash_regs),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_DUMPCORE_NONE, elfnote_dumpcore_none),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_DUMPCORE_HEADER, elfnote_dumpcore_header),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_DUMPCORE_XEN_VERSION, elfnote_dumpcore_xen_version),
    XENPP_SAME_NUMBER(XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION, elfnote_dumpcore_format_version),
};
// clang-format on

} // namespace

TEST_CASE("abi.elfnote has the numbers of the public header") {
    check(numbers);
}
