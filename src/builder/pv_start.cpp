// SPDX-License-Identifier: Apache-2.0
// Start of day of a PV domain (Xen: public/xen.h, "start-of-day memory layout").
#include <xenpp/builder/pv_start.hpp>

#include <algorithm>
#include <string_view>

namespace xenpp::builder {

namespace {

constexpr std::uint64_t interrupts_enabled = 1U << 9; // rflags.IF
constexpr std::uint64_t dr6_at_reset = 0xffff'0ff0;
constexpr std::uint64_t dr7_at_reset = 0x400;

} // namespace

abi::start_info make_start_info(pv_plan const& plan, pv_start_values const& values) noexcept {
    abi::start_info s{};
    std::ranges::copy(std::string_view("xen-3.0-x86_64"), s.magic);
    s.nr_pages = plan.pages;
    s.shared_info = to_maddr(values.shared_info).raw();
    s.store_mfn = values.xenstore.raw();
    s.store_evtchn = values.store_port.raw();
    s.console.domU.mfn = values.console.raw();
    s.console.domU.evtchn = values.console_port.raw();
    s.pt_base = plan.address_of(plan.kernel_tables.start).raw();
    s.nr_pt_frames = plan.kernel_tables.count;
    s.mfn_list = plan.p2m_address().raw();
    if (plan.kernel.p2m) {
        s.first_p2m_pfn = plan.p2m.start.raw();
        s.nr_p2m_frames = plan.p2m.count + plan.p2m_tables.count;
    }
    if (plan.ramdisk_bytes != 0) {
        bool const by_pfn = plan.kernel.is_ramdisk_by_pfn;
        s.flags = by_pfn ? abi::sif_mod_start_pfn : 0;
        s.mod_start = by_pfn ? plan.ramdisk.start.raw() : plan.address_of(plan.ramdisk.start).raw();
        s.mod_len = plan.ramdisk_bytes;
    }
    std::ranges::transform(plan.command_line, s.cmd_line,
                           [](char c) { return static_cast<std::int8_t>(c); });
    return s;
}

abi::vcpu_guest_context make_boot_registers(pv_plan const& plan, mfn root_table) noexcept {
    abi::vcpu_guest_context c{};
    c.flags = abi::vgcf_in_kernel | abi::vgcf_online;
    auto& r = c.user_regs;
    r.rip = plan.kernel.entry.raw();
    r.rsi = plan.address_of(plan.start_info).raw();
    r.rsp = plan.address_of(plan.stack).raw() + page_size;
    r.rflags = interrupts_enabled;
    r.cs = abi::flat_kernel_cs;
    r.ss = abi::flat_kernel_ss;
    r.ds = r.es = abi::flat_kernel_ds;
    c.kernel_ss = abi::flat_kernel_ss;
    c.kernel_sp = r.rsp;
    c.ctrlreg[3] = to_maddr(root_table).raw();
    c.debugreg[6] = dr6_at_reset;
    c.debugreg[7] = dr7_at_reset;
    return c;
}

} // namespace xenpp::builder
