// SPDX-License-Identifier: Apache-2.0
// physdev.hpp against the installed xen/physdev.h.
#include "same.hpp"

#include <xenpp/abi/physdev.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/physdev.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(physdev_eoi, physdev_eoi),
    XENPP_SAME_MEMBER(physdev_eoi, physdev_eoi, irq),
    XENPP_SAME_STRUCT(physdev_pirq_eoi_gmfn, physdev_pirq_eoi_gmfn),
    XENPP_SAME_MEMBER(physdev_pirq_eoi_gmfn, physdev_pirq_eoi_gmfn, gmfn),
    XENPP_SAME_STRUCT(physdev_irq_status_query, physdev_irq_status_query),
    XENPP_SAME_MEMBER(physdev_irq_status_query, physdev_irq_status_query, irq),
    XENPP_SAME_MEMBER(physdev_irq_status_query, physdev_irq_status_query, flags),
    XENPP_SAME_STRUCT(physdev_set_iopl, physdev_set_iopl),
    XENPP_SAME_MEMBER(physdev_set_iopl, physdev_set_iopl, iopl),
    XENPP_SAME_STRUCT(physdev_set_iobitmap, physdev_set_iobitmap),
    XENPP_SAME_MEMBER(physdev_set_iobitmap, physdev_set_iobitmap, bitmap),
    XENPP_SAME_MEMBER(physdev_set_iobitmap, physdev_set_iobitmap, nr_ports),
    XENPP_SAME_STRUCT(physdev_apic, physdev_apic),
    XENPP_SAME_MEMBER(physdev_apic, physdev_apic, apic_physbase),
    XENPP_SAME_MEMBER(physdev_apic, physdev_apic, reg),
    XENPP_SAME_MEMBER(physdev_apic, physdev_apic, value),
    XENPP_SAME_STRUCT(physdev_irq, physdev_irq),
    XENPP_SAME_MEMBER(physdev_irq, physdev_irq, irq),
    XENPP_SAME_MEMBER(physdev_irq, physdev_irq, vector),
    XENPP_SAME_STRUCT(physdev_map_pirq, physdev_map_pirq),
    XENPP_SAME_MEMBER(physdev_map_pirq, physdev_map_pirq, domid),
    XENPP_SAME_MEMBER(physdev_map_pirq, physdev_map_pirq, type),
    XENPP_SAME_MEMBER(physdev_map_pirq, physdev_map_pirq, index),
    XENPP_SAME_MEMBER(physdev_map_pirq, physdev_map_pirq, pirq),
    XENPP_SAME_MEMBER(physdev_map_pirq, physdev_map_pirq, bus),
    XENPP_SAME_MEMBER(physdev_map_pirq, physdev_map_pirq, devfn),
    XENPP_SAME_MEMBER(physdev_map_pirq, physdev_map_pirq, entry_nr),
    XENPP_SAME_MEMBER(physdev_map_pirq, physdev_map_pirq, table_base),
    XENPP_SAME_STRUCT(physdev_unmap_pirq, physdev_unmap_pirq),
    XENPP_SAME_MEMBER(physdev_unmap_pirq, physdev_unmap_pirq, domid),
    XENPP_SAME_MEMBER(physdev_unmap_pirq, physdev_unmap_pirq, pirq),
    XENPP_SAME_STRUCT(physdev_manage_pci, physdev_manage_pci),
    XENPP_SAME_MEMBER(physdev_manage_pci, physdev_manage_pci, bus),
    XENPP_SAME_MEMBER(physdev_manage_pci, physdev_manage_pci, devfn),
    XENPP_SAME_STRUCT(physdev_restore_msi, physdev_restore_msi),
    XENPP_SAME_MEMBER(physdev_restore_msi, physdev_restore_msi, bus),
    XENPP_SAME_MEMBER(physdev_restore_msi, physdev_restore_msi, devfn),
    XENPP_SAME_STRUCT(physdev_manage_pci_ext, physdev_manage_pci_ext),
    XENPP_SAME_MEMBER(physdev_manage_pci_ext, physdev_manage_pci_ext, bus),
    XENPP_SAME_MEMBER(physdev_manage_pci_ext, physdev_manage_pci_ext, devfn),
    XENPP_SAME_MEMBER(physdev_manage_pci_ext, physdev_manage_pci_ext, is_extfn),
    XENPP_SAME_MEMBER(physdev_manage_pci_ext, physdev_manage_pci_ext, is_virtfn),
    XENPP_SAME_MEMBER(physdev_manage_pci_ext, physdev_manage_pci_ext, physfn.bus),
    XENPP_SAME_MEMBER(physdev_manage_pci_ext, physdev_manage_pci_ext, physfn.devfn),
    XENPP_SAME_MEMBER(physdev_manage_pci_ext, physdev_manage_pci_ext, physfn),
    XENPP_SAME_STRUCT(physdev_op, physdev_op_t),
    XENPP_SAME_MEMBER(physdev_op, physdev_op_t, cmd),
    XENPP_SAME_MEMBER(physdev_op, physdev_op_t, u.irq_status_query),
    XENPP_SAME_MEMBER(physdev_op, physdev_op_t, u.set_iopl),
    XENPP_SAME_MEMBER(physdev_op, physdev_op_t, u.set_iobitmap),
    XENPP_SAME_MEMBER(physdev_op, physdev_op_t, u.apic_op),
    XENPP_SAME_MEMBER(physdev_op, physdev_op_t, u.irq_op),
    XENPP_SAME_MEMBER(physdev_op, physdev_op_t, u),
    XENPP_SAME_STRUCT(physdev_setup_gsi, physdev_setup_gsi),
    XENPP_SAME_MEMBER(physdev_setup_gsi, physdev_setup_gsi, gsi),
    XENPP_SAME_MEMBER(physdev_setup_gsi, physdev_setup_gsi, triggering),
    XENPP_SAME_MEMBER(physdev_setup_gsi, physdev_setup_gsi, polarity),
    XENPP_SAME_STRUCT(physdev_get_free_pirq, physdev_get_free_pirq),
    XENPP_SAME_MEMBER(physdev_get_free_pirq, physdev_get_free_pirq, type),
    XENPP_SAME_MEMBER(physdev_get_free_pirq, physdev_get_free_pirq, pirq),
    XENPP_SAME_STRUCT(physdev_pci_mmcfg_reserved, physdev_pci_mmcfg_reserved),
    XENPP_SAME_MEMBER(physdev_pci_mmcfg_reserved, physdev_pci_mmcfg_reserved, address),
    XENPP_SAME_MEMBER(physdev_pci_mmcfg_reserved, physdev_pci_mmcfg_reserved, segment),
    XENPP_SAME_MEMBER(physdev_pci_mmcfg_reserved, physdev_pci_mmcfg_reserved, start_bus),
    XENPP_SAME_MEMBER(physdev_pci_mmcfg_reserved, physdev_pci_mmcfg_reserved, end_bus),
    XENPP_SAME_MEMBER(physdev_pci_mmcfg_reserved, physdev_pci_mmcfg_reserved, flags),
    XENPP_SAME_STRUCT(physdev_pci_device_add, physdev_pci_device_add),
    XENPP_SAME_MEMBER(physdev_pci_device_add, physdev_pci_device_add, seg),
    XENPP_SAME_MEMBER(physdev_pci_device_add, physdev_pci_device_add, bus),
    XENPP_SAME_MEMBER(physdev_pci_device_add, physdev_pci_device_add, devfn),
    XENPP_SAME_MEMBER(physdev_pci_device_add, physdev_pci_device_add, flags),
    XENPP_SAME_MEMBER(physdev_pci_device_add, physdev_pci_device_add, physfn.bus),
    XENPP_SAME_MEMBER(physdev_pci_device_add, physdev_pci_device_add, physfn.devfn),
    XENPP_SAME_MEMBER(physdev_pci_device_add, physdev_pci_device_add, physfn),
    XENPP_SAME_STRUCT(physdev_pci_device, physdev_pci_device),
    XENPP_SAME_MEMBER(physdev_pci_device, physdev_pci_device, seg),
    XENPP_SAME_MEMBER(physdev_pci_device, physdev_pci_device, bus),
    XENPP_SAME_MEMBER(physdev_pci_device, physdev_pci_device, devfn),
    XENPP_SAME_STRUCT(physdev_dbgp_op, physdev_dbgp_op),
    XENPP_SAME_MEMBER(physdev_dbgp_op, physdev_dbgp_op, op),
    XENPP_SAME_MEMBER(physdev_dbgp_op, physdev_dbgp_op, bus),
    XENPP_SAME_MEMBER(physdev_dbgp_op, physdev_dbgp_op, u.pci),
    XENPP_SAME_MEMBER(physdev_dbgp_op, physdev_dbgp_op, u),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(PHYSDEVOP_eoi, physdev_op::eoi),
    XENPP_SAME_NUMBER(PHYSDEVOP_pirq_eoi_gmfn_v1, physdev_op::pirq_eoi_gmfn_v1),
    XENPP_SAME_NUMBER(PHYSDEVOP_pirq_eoi_gmfn_v2, physdev_op::pirq_eoi_gmfn_v2),
    XENPP_SAME_NUMBER(PHYSDEVOP_irq_status_query, physdev_op::irq_status_query),
    XENPP_SAME_NUMBER(PHYSDEVOP_set_iopl, physdev_op::set_iopl),
    XENPP_SAME_NUMBER(PHYSDEVOP_set_iobitmap, physdev_op::set_iobitmap),
    XENPP_SAME_NUMBER(PHYSDEVOP_apic_read, physdev_op::apic_read),
    XENPP_SAME_NUMBER(PHYSDEVOP_apic_write, physdev_op::apic_write),
    XENPP_SAME_NUMBER(PHYSDEVOP_alloc_irq_vector, physdev_op::alloc_irq_vector),
    XENPP_SAME_NUMBER(PHYSDEVOP_free_irq_vector, physdev_op::free_irq_vector),
    XENPP_SAME_NUMBER(PHYSDEVOP_map_pirq, physdev_op::map_pirq),
    XENPP_SAME_NUMBER(PHYSDEVOP_unmap_pirq, physdev_op::unmap_pirq),
    XENPP_SAME_NUMBER(PHYSDEVOP_manage_pci_add, physdev_op::manage_pci_add),
    XENPP_SAME_NUMBER(PHYSDEVOP_manage_pci_remove, physdev_op::manage_pci_remove),
    XENPP_SAME_NUMBER(PHYSDEVOP_restore_msi, physdev_op::restore_msi),
    XENPP_SAME_NUMBER(PHYSDEVOP_manage_pci_add_ext, physdev_op::manage_pci_add_ext),
    XENPP_SAME_NUMBER(PHYSDEVOP_setup_gsi, physdev_op::setup_gsi),
    XENPP_SAME_NUMBER(PHYSDEVOP_get_free_pirq, physdev_op::get_free_pirq),
    XENPP_SAME_NUMBER(PHYSDEVOP_pci_mmcfg_reserved, physdev_op::pci_mmcfg_reserved),
    XENPP_SAME_NUMBER(PHYSDEVOP_pci_device_add, physdev_op::pci_device_add),
    XENPP_SAME_NUMBER(PHYSDEVOP_pci_device_remove, physdev_op::pci_device_remove),
    XENPP_SAME_NUMBER(PHYSDEVOP_restore_msi_ext, physdev_op::restore_msi_ext),
    XENPP_SAME_NUMBER(PHYSDEVOP_prepare_msix, physdev_op::prepare_msix),
    XENPP_SAME_NUMBER(PHYSDEVOP_release_msix, physdev_op::release_msix),
    XENPP_SAME_NUMBER(PHYSDEVOP_dbgp_op, physdev_op::dbgp_op),
    XENPP_SAME_NUMBER(PHYSDEVOP_pirq_eoi_gmfn, physdev_op::pirq_eoi_gmfn),
    XENPP_SAME_NUMBER(_XENIRQSTAT_needs_eoi, xenirqstat_needs_eoi_bit),
    XENPP_SAME_NUMBER(XENIRQSTAT_needs_eoi, xenirqstat_needs_eoi),
    XENPP_SAME_NUMBER(_XENIRQSTAT_shared, xenirqstat_shared_bit),
    XENPP_SAME_NUMBER(XENIRQSTAT_shared, xenirqstat_shared),
    XENPP_SAME_NUMBER(MAP_PIRQ_TYPE_MSI, map_pirq_type_msi),
    XENPP_SAME_NUMBER(MAP_PIRQ_TYPE_GSI, map_pirq_type_gsi),
    XENPP_SAME_NUMBER(MAP_PIRQ_TYPE_UNKNOWN, map_pirq_type_unknown),
    XENPP_SAME_NUMBER(MAP_PIRQ_TYPE_MSI_SEG, map_pirq_type_msi_seg),
    XENPP_SAME_NUMBER(MAP_PIRQ_TYPE_MULTI_MSI, map_pirq_type_multi_msi),
    XENPP_SAME_NUMBER(XEN_PCI_MMCFG_RESERVED, pci_mmcfg_reserved),
    XENPP_SAME_NUMBER(XEN_PCI_DEV_EXTFN, pci_dev_extfn),
    XENPP_SAME_NUMBER(XEN_PCI_DEV_VIRTFN, pci_dev_virtfn),
    XENPP_SAME_NUMBER(XEN_PCI_DEV_PXM, pci_dev_pxm),
    XENPP_SAME_NUMBER(PHYSDEVOP_DBGP_RESET_PREPARE, physdevop_dbgp_reset_prepare),
    XENPP_SAME_NUMBER(PHYSDEVOP_DBGP_RESET_DONE, physdevop_dbgp_reset_done),
    XENPP_SAME_NUMBER(PHYSDEVOP_DBGP_BUS_UNKNOWN, physdevop_dbgp_bus_unknown),
    XENPP_SAME_NUMBER(PHYSDEVOP_DBGP_BUS_PCI, physdevop_dbgp_bus_pci),
    XENPP_SAME_NUMBER(PHYSDEVOP_IRQ_UNMASK_NOTIFY, physdevop_irq_unmask_notify),
};
// clang-format on

} // namespace

TEST_CASE("abi.physdev has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.physdev has the numbers of the public header") {
    check(numbers);
}
