// SPDX-License-Identifier: Apache-2.0
// The pages by which a device model serves I/O, and the ACPI ports; public header hvm/ioreq.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// `ioreq::dir`.
inline constexpr std::uint32_t ioreq_read = 1;
inline constexpr std::uint32_t ioreq_write = 0;

/// `ioreq::state`: the hypervisor makes it ready, the device model takes it and answers.
inline constexpr std::uint32_t state_ioreq_none = 0;
inline constexpr std::uint32_t state_ioreq_ready = 1;
inline constexpr std::uint32_t state_ioreq_inprocess = 2;
inline constexpr std::uint32_t state_ioresp_ready = 3;

/// `ioreq::type`.
inline constexpr std::uint32_t ioreq_type_pio = 0;
inline constexpr std::uint32_t ioreq_type_copy = 1;
inline constexpr std::uint32_t ioreq_type_pci_config = 2;
inline constexpr std::uint32_t ioreq_type_timeoffset = 7;
inline constexpr std::uint32_t ioreq_type_invalidate = 8;

/// One access of a vCPU, and its answer.
struct ioreq {
    std::uint64_t addr;
    std::uint64_t data;
    std::uint32_t count;
    std::uint32_t size;
    std::uint32_t vp_eport;
    std::uint16_t _pad0;
    std::uint8_t state : 4;
    std::uint8_t data_is_ptr : 1;
    std::uint8_t dir : 1;
    std::uint8_t df : 1;
    std::uint8_t _pad1 : 1;
    std::uint8_t type;
};

static_assert(sizeof(ioreq) == 32);

/// The synchronous page: one slot per vCPU.
struct shared_iopage {
    ioreq vcpu_ioreq[1];
};

static_assert(sizeof(shared_iopage) == 32);

/// A buffered write; one of 8 bytes takes two slots.
struct buf_ioreq {
    std::uint8_t type;
    std::uint8_t pad : 1;
    std::uint8_t dir : 1;
    std::uint8_t size : 2;
    std::uint32_t addr : 20;
    std::uint32_t data;
};

static_assert(sizeof(buf_ioreq) == 8);

/// Slots of the buffered page.
inline constexpr std::uint32_t ioreq_buffer_slot_num = 511;

/// The buffered page; its pointers run freely.
struct buffered_iopage {
    std::uint32_t read_pointer;
    std::uint32_t write_pointer;
    abi::buf_ioreq buf_ioreq[ioreq_buffer_slot_num];
};

static_assert(sizeof(buffered_iopage) == 4096);

/// The first set of ACPI ports.
inline constexpr std::uint32_t acpi_pm1a_evt_blk_address_v0 = 0x1f40;
inline constexpr std::uint32_t acpi_pm1a_cnt_blk_address_v0 = 0x1f44;
inline constexpr std::uint32_t acpi_pm_tmr_blk_address_v0 = 0x1f48;
inline constexpr std::uint32_t acpi_gpe0_blk_address_v0 = 0x1f68;
inline constexpr std::uint32_t acpi_gpe0_blk_len_v0 = 0x8;

/// The second set of ACPI ports.
inline constexpr std::uint32_t acpi_pm1a_evt_blk_address_v1 = 0xb000;
inline constexpr std::uint32_t acpi_pm1a_cnt_blk_address_v1 = 0xb004;
inline constexpr std::uint32_t acpi_pm_tmr_blk_address_v1 = 0xb008;
inline constexpr std::uint32_t acpi_gpe0_blk_address_v1 = 0xafe0;
inline constexpr std::uint32_t acpi_gpe0_blk_len_v1 = 0x4;

/// The set a guest starts with.
inline constexpr std::uint32_t acpi_pm1a_evt_blk_address = acpi_pm1a_evt_blk_address_v0;
inline constexpr std::uint32_t acpi_pm1a_cnt_blk_address = acpi_pm1a_cnt_blk_address_v0;
inline constexpr std::uint32_t acpi_pm_tmr_blk_address = acpi_pm_tmr_blk_address_v0;
inline constexpr std::uint32_t acpi_gpe0_blk_address = acpi_gpe0_blk_address_v0;
inline constexpr std::uint32_t acpi_gpe0_blk_len = acpi_gpe0_blk_len_v0;

} // namespace xenpp::abi
