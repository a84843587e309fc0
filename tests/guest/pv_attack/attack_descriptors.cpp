// SPDX-License-Identifier: Apache-2.0
// Attempts on descriptor tables, gates, callbacks, segment bases and the vCPU's context.
#include "attempt.hpp"

#include <xenpp/abi/callback.hpp>
#include <xenpp/abi/vcpu.hpp>

namespace attack {

namespace {

// Descriptors (SDM3 3.4.5, 5.8.3): each would let ring 3 into ring 0.
constexpr std::uint64_t ring0_code = 0x00af9b000000ffff;
constexpr std::uint64_t ring0_data = 0x00cf93000000ffff;
constexpr std::uint64_t call_gate = 0x0000ec000008'0000;
constexpr std::uint64_t task_segment = 0x0000e90000000067;
constexpr std::uint64_t good_data = 0x00cff3000000ffff;

/// A descriptor page of ours, with one entry.
std::uint64_t* descriptors(std::uint64_t entry) noexcept {
    auto* const page = new_page();
    page[1] = entry;
    set_writable(page, false);
    return page;
}

outcome set_gdt(mfn f, std::uint64_t entries) noexcept {
    std::uint64_t frames[16]{};
    for (auto& frame : frames) {
        frame = f.raw();
    }
    auto const r = hypercall(abi::hypercall::set_gdt, static_cast<std::uint64_t*>(frames), entries);
    if (r >= 0) {
        hypercall(abi::hypercall::set_gdt, std::uint64_t{0}, std::uint64_t{0});
    }
    return refused_if_negative(r);
}

/// A GDT of ours that holds `entry`: refused, or the entry is not what it was.
outcome gdt_with(std::uint64_t entry) noexcept {
    return set_gdt(mfn_of(descriptors(entry)), 16);
}

/// A GDT in use, made writable.
outcome gdt_made_writable() noexcept {
    auto* const page = descriptors(good_data);
    std::uint64_t const frame = mfn_of(page).raw();
    if (hypercall(abi::hypercall::set_gdt, &frame, 16) < 0) {
        return {};
    }
    auto const r = set_writable(page, true);
    hypercall(abi::hypercall::set_gdt, std::uint64_t{0}, std::uint64_t{0});
    return refused_if_negative(r);
}

outcome update_descriptor(std::uint64_t machine_address, std::uint64_t entry) noexcept {
    return refused_if_negative(
        hypercall(abi::hypercall::update_descriptor, machine_address, entry));
}

/// In a GDT of ours that is in use: refused, or taken with ring 3 in place of ring 0.
outcome update_live_descriptor(std::uint64_t entry) noexcept {
    constexpr unsigned privilege = 45; // two bits
    auto* const page = descriptors(good_data);
    std::uint64_t const frame = mfn_of(page).raw();
    if (hypercall(abi::hypercall::set_gdt, &frame, 16) < 0) {
        return {};
    }
    auto const o = update_descriptor(make_entry(mfn_of(page), 16), entry);
    auto const taken = *const_cast<std::uint64_t volatile*>(page + 2);
    hypercall(abi::hypercall::set_gdt, std::uint64_t{0}, std::uint64_t{0});
    return o.what == outcome::kind::refused ? o : harmless_if((taken >> privilege & 3) == 3);
}

outcome set_ldt(std::uint64_t base, std::uint64_t entries) noexcept {
    auto const r = mmuext(abi::mmuext_cmd::set_ldt, base, entries);
    if (r >= 0) {
        mmuext(abi::mmuext_cmd::set_ldt, std::uint64_t{0}, 0);
    }
    return refused_if_negative(r);
}

/// An LDT in writable memory with a ring-0 segment: the first use of it faults, to us.
outcome ldt_of_writable_memory() noexcept {
    auto* const page = new_page();
    page[0] = ring0_data;
    auto const r = mmuext(abi::mmuext_cmd::set_ldt, reinterpret_cast<std::uint64_t>(page), 8);
    if (r < 0) {
        return refused_if_negative(r);
    }
    auto const o = faults([] {
        std::uint16_t const selector = 0x7; // entry 0 of the LDT, ring 3
        asm volatile("mov %0, %%es" : : "r"(selector));
    });
    mmuext(abi::mmuext_cmd::set_ldt, std::uint64_t{0}, 0);
    return o;
}

outcome load_selector(std::uint16_t selector) noexcept {
    return faults([selector] {
        asm volatile("mov %0, %%es\n\tmov %1, %%es" : : "r"(selector), "r"(std::uint16_t{0}));
    });
}

outcome trap_table(std::uint64_t address) noexcept {
    abi::trap_info t[2]{};
    t[0].vector = 0x81;
    t[0].flags = 3;
    t[0].cs = abi::flat_kernel_cs;
    t[0].address = address;
    return refused_if_negative(
        hypercall(abi::hypercall::set_trap_table, static_cast<abi::trap_info*>(t)));
}

outcome callback(std::uint16_t type, std::uint64_t address) noexcept {
    abi::callback_register r{.type = type, .flags = 0, .reserved_ = 0, .address = address};
    return refused_if_negative(
        hypercall(abi::hypercall::callback_op, abi::callback_op::register_, &r));
}

outcome segment_base(std::uint32_t which, std::uint64_t value) noexcept {
    auto const r = hypercall(abi::hypercall::set_segment_base, which, value);
    if (r >= 0) {
        hypercall(abi::hypercall::set_segment_base, which, std::uint64_t{0});
    }
    return refused_if_negative(r);
}

/// A second vCPU's context that is good but for what `spoil` changes.
template <class Spoil>
outcome initialise(Spoil spoil, std::uint32_t vcpu = 1) noexcept {
    static abi::vcpu_guest_context c;
    c = {};
    c.flags = abi::vgcf_in_kernel;
    c.user_regs.cs = abi::flat_kernel_cs;
    c.user_regs.ss = abi::flat_kernel_ss;
    c.ctrlreg[3] = root_table().raw() << xenpp::page_shift;
    spoil(c);
    return refused_if_negative(
        hypercall(abi::hypercall::vcpu_op, abi::vcpu_op::initialise, vcpu, &c));
}

constexpr attempt list[] = {
    {"gdt_of_a_foreign_frame", []() noexcept { return set_gdt(foreign_frame(), 16); }},
    {"gdt_of_writable_memory", []() noexcept { return set_gdt(mfn_of(new_page()), 16); }},
    {"gdt_of_a_page_table", []() noexcept { return set_gdt(own_table(1), 16); }},
    {"gdt_over_the_hypervisors_entries",
     []() noexcept { return set_gdt(mfn_of(descriptors(good_data)), 7169); }},
    {"gdt_made_writable", gdt_made_writable},
    {"gdt_with_a_call_gate", []() noexcept { return gdt_with(call_gate); }},
    {"gdt_with_a_task_segment", []() noexcept { return gdt_with(task_segment); }},
    {"descriptor_ring0_code", []() noexcept { return update_live_descriptor(ring0_code); }},
    {"descriptor_ring0_data", []() noexcept { return update_live_descriptor(ring0_data); }},
    {"descriptor_call_gate", []() noexcept { return update_live_descriptor(call_gate); }},
    {"descriptor_task_segment", []() noexcept { return update_live_descriptor(task_segment); }},
    {"descriptor_in_a_foreign_frame",
     []() noexcept { return update_descriptor(make_entry(foreign_frame(), 0), good_data); }},
    {"descriptor_in_a_page_table",
     []() noexcept { return update_descriptor(make_entry(own_table(1), 0), good_data); }},
    {"descriptor_unaligned",
     []() noexcept { return update_descriptor(make_entry(mfn_of(new_page()), 4), good_data); }},
    {"ldt_in_the_hypervisor", []() noexcept { return set_ldt(image_address, 8); }},
    {"ldt_non_canonical", []() noexcept { return set_ldt(non_canonical, 8); }},
    {"ldt_unaligned", []() noexcept { return set_ldt(virt_base + 8, 8); }},
    {"ldt_too_long", []() noexcept { return set_ldt(virt_base, 8193); }},
    {"ldt_of_writable_memory", ldt_of_writable_memory},
    {"load_the_hypervisors_code_selector", []() noexcept { return load_selector(0xe008); }},
    {"load_the_task_register",
     []() noexcept {
         return faults([] { asm volatile("ltr %0" : : "r"(std::uint16_t{0xe040})); });
     }},
    {"load_the_local_table_register",
     []() noexcept {
         return faults([] { asm volatile("lldt %0" : : "r"(std::uint16_t{0xe048})); });
     }},
    {"trap_handler_non_canonical", []() noexcept { return trap_table(non_canonical); }},
    {"callback_non_canonical",
     []() noexcept { return callback(abi::callbacktype_syscall, non_canonical); }},
    {"callback_of_no_type", []() noexcept { return callback(99, virt_base); }},
    {"fs_base_non_canonical",
     []() noexcept { return segment_base(abi::segbase_fs, non_canonical); }},
    {"gs_base_user_non_canonical",
     []() noexcept { return segment_base(abi::segbase_gs_user, non_canonical); }},
    {"gs_base_kernel_non_canonical",
     []() noexcept { return segment_base(abi::segbase_gs_kernel, non_canonical); }},
    {"segment_base_of_no_kind", []() noexcept { return segment_base(9, 0); }},
    {"vcpu_with_cr3_of_memory",
     []() noexcept {
         return initialise([](auto& c) { c.ctrlreg[3] = mfn_of(new_page()).raw() << 12; });
     }},
    {"vcpu_with_cr3_of_a_foreign_frame",
     []() noexcept {
         return initialise([](auto& c) { c.ctrlreg[3] = foreign_frame().raw() << 12; });
     }},
    {"vcpu_with_gdt_of_a_foreign_frame",
     []() noexcept {
         return initialise([](auto& c) {
             c.gdt_frames[0] = foreign_frame().raw();
             c.gdt_ents = 16;
         });
     }},
    {"vcpu_with_gs_base_non_canonical",
     []() noexcept { return initialise([](auto& c) { c.gs_base_kernel = non_canonical; }); }},
    {"vcpu_with_handler_non_canonical",
     []() noexcept { return initialise([](auto& c) { c.event_callback_eip = non_canonical; }); }},
    {"vcpu_with_ldt_in_the_hypervisor",
     []() noexcept {
         return initialise([](auto& c) {
             c.ldt_base = image_address;
             c.ldt_ents = 8;
         });
     }},
    {"vcpu_that_is_not", []() noexcept { return initialise([](auto&) {}, 9999); }},
    {"vcpu_that_runs", []() noexcept { return initialise([](auto&) {}, 0); }},
};

} // namespace

std::span<attempt const> descriptor_attempts() noexcept {
    return list;
}

} // namespace attack
