// SPDX-License-Identifier: Apache-2.0
// Interrupts, ports and PCI devices of the machine; public header physdev.h.
#pragma once

#include <xenpp/abi/xen.hpp>

#include <cstdint>

namespace xenpp::abi {

/// Sub-operations of `hypercall::physdev_op`.
// clang-format off
enum class physdev_op : std::uint32_t {
    eoi                = 12,
    pirq_eoi_gmfn_v1   = 17,
    pirq_eoi_gmfn_v2   = 28,
    irq_status_query   = 5,
    set_iopl           = 6,
    set_iobitmap       = 7,
    apic_read          = 8,
    apic_write         = 9,
    alloc_irq_vector   = 10,
    free_irq_vector    = 11,
    map_pirq           = 13,
    unmap_pirq         = 14,
    manage_pci_add     = 15,
    manage_pci_remove  = 16,
    restore_msi        = 19,
    manage_pci_add_ext = 20,
    setup_gsi          = 21,
    get_free_pirq      = 23,
    pci_mmcfg_reserved = 24,
    pci_device_add     = 25,
    pci_device_remove  = 26,
    restore_msi_ext    = 27,
    prepare_msix       = 30,
    release_msix       = 31,
    dbgp_op            = 29,
    pirq_eoi_gmfn      = 28,
};

// clang-format on

/// Ends a physical interrupt.
struct physdev_eoi {
    std::uint32_t irq;
};

static_assert(sizeof(physdev_eoi) == 4);

/// Names a page of bits: which interrupts need an explicit end.
struct physdev_pirq_eoi_gmfn {
    pfn_t gmfn;
};

static_assert(sizeof(physdev_pirq_eoi_gmfn) == 8);

/// Asks what an interrupt needs.
struct physdev_irq_status_query {
    std::uint32_t irq;
    std::uint32_t flags;
};

static_assert(sizeof(physdev_irq_status_query) == 8);

/// `physdev_irq_status_query::flags`.
inline constexpr std::uint32_t xenirqstat_needs_eoi_bit = 0;
inline constexpr std::uint32_t xenirqstat_needs_eoi = 1u << xenirqstat_needs_eoi_bit;
inline constexpr std::uint32_t xenirqstat_shared_bit = 1;
inline constexpr std::uint32_t xenirqstat_shared = 1u << xenirqstat_shared_bit;

/// The I/O privilege level of the calling vCPU.
struct physdev_set_iopl {
    std::uint32_t iopl;
};

static_assert(sizeof(physdev_set_iopl) == 4);

/// The I/O permission bitmap of the calling vCPU.
struct physdev_set_iobitmap {
    guest_handle<std::uint8_t> bitmap;
    std::uint32_t nr_ports;
    std::uint32_t reserved_;
};

static_assert(sizeof(physdev_set_iobitmap) == 16);

/// Reads or writes a register of an I/O APIC.
struct physdev_apic {
    std::uint64_t apic_physbase;
    std::uint32_t reg;
    std::uint32_t value;
};

static_assert(sizeof(physdev_apic) == 16);

/// Asks for a vector for an interrupt.
struct physdev_irq {
    std::uint32_t irq;
    std::uint32_t vector;
};

static_assert(sizeof(physdev_irq) == 8);

/// `physdev_map_pirq::type`.
inline constexpr std::uint32_t map_pirq_type_msi = 0x0;
inline constexpr std::uint32_t map_pirq_type_gsi = 0x1;
inline constexpr std::uint32_t map_pirq_type_unknown = 0x2;
inline constexpr std::uint32_t map_pirq_type_msi_seg = 0x3;
inline constexpr std::uint32_t map_pirq_type_multi_msi = 0x4;

/// Gives a domain an interrupt line or MSI; negative `index` or `pirq` lets the hypervisor
/// choose.
struct physdev_map_pirq {
    std::uint16_t domid;
    std::uint16_t reserved_;
    std::int32_t type;
    std::int32_t index;
    std::int32_t pirq;
    std::int32_t bus;
    std::int32_t devfn;
    std::int32_t entry_nr;
    std::uint32_t reserved_2;
    std::uint64_t table_base;
};

static_assert(sizeof(physdev_map_pirq) == 40);

/// Undoes that.
struct physdev_unmap_pirq {
    std::uint16_t domid;
    std::uint16_t reserved_;
    std::int32_t pirq;
};

static_assert(sizeof(physdev_unmap_pirq) == 8);

/// Announces or withdraws a PCI function on segment 0.
struct physdev_manage_pci {
    std::uint8_t bus;
    std::uint8_t devfn;
};

static_assert(sizeof(physdev_manage_pci) == 2);

/// Programs the MSIs of a function again, after a reset.
struct physdev_restore_msi {
    std::uint8_t bus;
    std::uint8_t devfn;
};

static_assert(sizeof(physdev_restore_msi) == 2);

/// Announces an extended or a virtual function on segment 0.
struct physdev_manage_pci_ext {
    std::uint8_t bus;
    std::uint8_t devfn;
    std::uint16_t reserved_;
    std::uint32_t is_extfn;
    std::uint32_t is_virtfn;

    struct {
        std::uint8_t bus;
        std::uint8_t devfn;
    } physfn;

    std::uint16_t reserved_2;
};

static_assert(sizeof(physdev_manage_pci_ext) == 16);

/// The argument of the old hypercall, which carries its operation number inside.
struct physdev_op_t {
    std::uint32_t cmd;
    std::uint32_t reserved_;

    union {
        physdev_irq_status_query irq_status_query;
        physdev_set_iopl set_iopl;
        physdev_set_iobitmap set_iobitmap;
        physdev_apic apic_op;
        physdev_irq irq_op;
    } u;
};

static_assert(sizeof(physdev_op_t) == 24);

/// Trigger mode and polarity of a GSI, as ACPI has them.
struct physdev_setup_gsi {
    std::int32_t gsi;
    std::uint8_t triggering;
    std::uint8_t polarity;
    std::uint16_t reserved_;
};

static_assert(sizeof(physdev_setup_gsi) == 8);

/// Asks for an unused interrupt number.
struct physdev_get_free_pirq {
    std::int32_t type;
    std::uint32_t pirq;
};

static_assert(sizeof(physdev_get_free_pirq) == 8);

/// `physdev_pci_mmcfg_reserved::flags`.
inline constexpr std::uint32_t pci_mmcfg_reserved = 0x1;

/// Says whether firmware reserved a configuration window.
struct physdev_pci_mmcfg_reserved {
    std::uint64_t address;
    std::uint16_t segment;
    std::uint8_t start_bus;
    std::uint8_t end_bus;
    std::uint32_t flags;
};

static_assert(sizeof(physdev_pci_mmcfg_reserved) == 16);

/// `physdev_pci_device_add::flags`.
inline constexpr std::uint32_t pci_dev_extfn = 0x1;
inline constexpr std::uint32_t pci_dev_virtfn = 0x2;
inline constexpr std::uint32_t pci_dev_pxm = 0x4;

/// Announces a PCI function. With `pci_dev_pxm` the proximity domain follows.
struct physdev_pci_device_add {
    std::uint16_t seg;
    std::uint8_t bus;
    std::uint8_t devfn;
    std::uint32_t flags;

    struct {
        std::uint8_t bus;
        std::uint8_t devfn;
    } physfn;

    std::uint16_t reserved_;
    // optarr[]: as many as fit follow.
};

static_assert(sizeof(physdev_pci_device_add) == 12);

/// Names a PCI function.
struct physdev_pci_device {
    std::uint16_t seg;
    std::uint8_t bus;
    std::uint8_t devfn;
};

static_assert(sizeof(physdev_pci_device) == 4);

/// `physdev_dbgp_op::op`.
inline constexpr std::uint32_t physdevop_dbgp_reset_prepare = 1;
inline constexpr std::uint32_t physdevop_dbgp_reset_done = 2;

/// `physdev_dbgp_op::bus`.
inline constexpr std::uint32_t physdevop_dbgp_bus_unknown = 0;
inline constexpr std::uint32_t physdevop_dbgp_bus_pci = 1;

/// Brackets the reset of a USB controller whose debug port the hypervisor uses.
struct physdev_dbgp_op {
    std::uint8_t op;
    std::uint8_t bus;

    union {
        physdev_pci_device pci;
    } u;
};

static_assert(sizeof(physdev_dbgp_op) == 6);

/// An operation of old that does nothing now.
inline constexpr std::uint32_t physdevop_irq_unmask_notify = 4;

} // namespace xenpp::abi
