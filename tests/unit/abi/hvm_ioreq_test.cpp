// SPDX-License-Identifier: Apache-2.0
// hvm/ioreq.hpp against the installed xen/hvm/ioreq.h.
#include "same.hpp"

#include <xenpp/abi/hvm/ioreq.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/xen.h>
#include <xen/hvm/ioreq.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(ioreq, ioreq),
    XENPP_SAME_MEMBER(ioreq, ioreq, addr),
    XENPP_SAME_MEMBER(ioreq, ioreq, data),
    XENPP_SAME_MEMBER(ioreq, ioreq, count),
    XENPP_SAME_MEMBER(ioreq, ioreq, size),
    XENPP_SAME_MEMBER(ioreq, ioreq, vp_eport),
    XENPP_SAME_MEMBER(ioreq, ioreq, _pad0),
    XENPP_SAME_MEMBER(ioreq, ioreq, type),
    XENPP_SAME_STRUCT(shared_iopage, shared_iopage),
    XENPP_SAME_MEMBER(shared_iopage, shared_iopage, vcpu_ioreq),
    XENPP_SAME_STRUCT(buf_ioreq, buf_ioreq),
    XENPP_SAME_MEMBER(buf_ioreq, buf_ioreq, type),
    XENPP_SAME_MEMBER(buf_ioreq, buf_ioreq, data),
    XENPP_SAME_STRUCT(buffered_iopage, buffered_iopage),
    XENPP_SAME_MEMBER(buffered_iopage, buffered_iopage, read_pointer),
    XENPP_SAME_MEMBER(buffered_iopage, buffered_iopage, write_pointer),
    XENPP_SAME_MEMBER(buffered_iopage, buffered_iopage, buf_ioreq),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(IOREQ_READ, ioreq_read),
    XENPP_SAME_NUMBER(IOREQ_WRITE, ioreq_write),
    XENPP_SAME_NUMBER(STATE_IOREQ_NONE, state_ioreq_none),
    XENPP_SAME_NUMBER(STATE_IOREQ_READY, state_ioreq_ready),
    XENPP_SAME_NUMBER(STATE_IOREQ_INPROCESS, state_ioreq_inprocess),
    XENPP_SAME_NUMBER(STATE_IORESP_READY, state_ioresp_ready),
    XENPP_SAME_NUMBER(IOREQ_TYPE_PIO, ioreq_type_pio),
    XENPP_SAME_NUMBER(IOREQ_TYPE_COPY, ioreq_type_copy),
    XENPP_SAME_NUMBER(IOREQ_TYPE_PCI_CONFIG, ioreq_type_pci_config),
    XENPP_SAME_NUMBER(IOREQ_TYPE_TIMEOFFSET, ioreq_type_timeoffset),
    XENPP_SAME_NUMBER(IOREQ_TYPE_INVALIDATE, ioreq_type_invalidate),
    XENPP_SAME_NUMBER(IOREQ_BUFFER_SLOT_NUM, ioreq_buffer_slot_num),
    XENPP_SAME_NUMBER(ACPI_PM1A_EVT_BLK_ADDRESS_V0, acpi_pm1a_evt_blk_address_v0),
    XENPP_SAME_NUMBER(ACPI_PM1A_CNT_BLK_ADDRESS_V0, acpi_pm1a_cnt_blk_address_v0),
    XENPP_SAME_NUMBER(ACPI_PM_TMR_BLK_ADDRESS_V0, acpi_pm_tmr_blk_address_v0),
    XENPP_SAME_NUMBER(ACPI_GPE0_BLK_ADDRESS_V0, acpi_gpe0_blk_address_v0),
    XENPP_SAME_NUMBER(ACPI_GPE0_BLK_LEN_V0, acpi_gpe0_blk_len_v0),
    XENPP_SAME_NUMBER(ACPI_PM1A_EVT_BLK_ADDRESS_V1, acpi_pm1a_evt_blk_address_v1),
    XENPP_SAME_NUMBER(ACPI_PM1A_CNT_BLK_ADDRESS_V1, acpi_pm1a_cnt_blk_address_v1),
    XENPP_SAME_NUMBER(ACPI_PM_TMR_BLK_ADDRESS_V1, acpi_pm_tmr_blk_address_v1),
    XENPP_SAME_NUMBER(ACPI_GPE0_BLK_ADDRESS_V1, acpi_gpe0_blk_address_v1),
    XENPP_SAME_NUMBER(ACPI_GPE0_BLK_LEN_V1, acpi_gpe0_blk_len_v1),
    XENPP_SAME_NUMBER(ACPI_PM1A_EVT_BLK_ADDRESS, acpi_pm1a_evt_blk_address),
    XENPP_SAME_NUMBER(ACPI_PM1A_CNT_BLK_ADDRESS, acpi_pm1a_cnt_blk_address),
    XENPP_SAME_NUMBER(ACPI_PM_TMR_BLK_ADDRESS, acpi_pm_tmr_blk_address),
    XENPP_SAME_NUMBER(ACPI_GPE0_BLK_ADDRESS, acpi_gpe0_blk_address),
    XENPP_SAME_NUMBER(ACPI_GPE0_BLK_LEN, acpi_gpe0_blk_len),
};
// clang-format on

} // namespace

TEST_CASE("abi.hvm_ioreq has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.hvm_ioreq has the numbers of the public header") {
    check(numbers);
}
