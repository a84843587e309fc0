// SPDX-License-Identifier: Apache-2.0
// hvm/e820.hpp against the installed xen/hvm/e820.h.
#include "same.hpp"

#include <xenpp/abi/hvm/e820.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/hvm/e820.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(HVM_E820_PAGE, hvm_e820_page),
    XENPP_SAME_NUMBER(HVM_E820_NR_OFFSET, hvm_e820_nr_offset),
    XENPP_SAME_NUMBER(HVM_E820_OFFSET, hvm_e820_offset),
    XENPP_SAME_NUMBER(HVM_BELOW_4G_RAM_END, hvm_below_4g_ram_end),
    XENPP_SAME_NUMBER(HVM_BELOW_4G_MMIO_START, hvm_below_4g_mmio_start),
    XENPP_SAME_NUMBER(HVM_BELOW_4G_MMIO_LENGTH, hvm_below_4g_mmio_length),
};
// clang-format on

} // namespace

TEST_CASE("abi.hvm_e820 has the numbers of the public header") {
    check(numbers);
}
