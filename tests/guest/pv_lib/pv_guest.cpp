// SPDX-License-Identifier: Apache-2.0
// The start of a PV test guest, its traps, console, page tables and second vCPU.
#include "pv_guest.hpp"

#include <xenpp/abi/callback.hpp>
#include <xenpp/abi/event_channel.hpp>
#include <xenpp/abi/io/console.hpp>
#include <xenpp/abi/sched.hpp>
#include <xenpp/abi/vcpu.hpp>
#include <xenpp/base/atomic.hpp>

using xenpp::mfn;
using xenpp::page_size;
using xenpp::pfn;

namespace guest {

fault last_fault{no_fault, 0, 0, 0, 0};
trap_hook on_trap = nullptr;

extern "C" {
extern std::uint64_t guard_stack;
void guard_return();
void pv_second_entry();
[[noreturn]] void guest_main(abi::start_info const* start) noexcept;
[[noreturn]] void guest_second_main(std::uint64_t argument) noexcept;
void guest_trap(trap_frame* frame) noexcept;
}

namespace {

abi::start_info const* start_page = nullptr;
alignas(page_size) std::array<std::byte, page_size> shared_page;
alignas(page_size) std::array<std::byte, 16384> second_stack;
abi::xencons_interface* console = nullptr;
pfn next_mapped{};
pfn next_unmapped{};
pfn mapped_end{};

std::uint64_t const* p2m() noexcept {
    return reinterpret_cast<std::uint64_t const*>(start_page->mfn_list);
}

void tell_console() noexcept {
    abi::evtchn_send send{.port = start_page->console.domU.evtchn};
    hypercall(abi::hypercall::event_channel_op, abi::evtchn_op::send, &send);
}

/// One gate a vector: the exceptions, and int 0x80 for everybody.
void fill_traps(abi::trap_info* t) noexcept {
    for (unsigned n = 0; n != 33; ++n) {
        t[n] = {.vector = static_cast<std::uint8_t>(n == 32 ? 0x80 : n),
                .flags = static_cast<std::uint8_t>(n == 3 || n == 4 || n == 32 ? 3 : 0),
                .cs = abi::flat_kernel_cs,
                .reserved_ = 0,
                .address = reinterpret_cast<std::uint64_t>(trap_stubs + 32 * n)};
    }
}

} // namespace

abi::start_info const& start_info() noexcept {
    return *start_page;
}

abi::shared_info& shared() noexcept {
    return *reinterpret_cast<abi::shared_info*>(shared_page.data());
}

std::string_view command_line() noexcept {
    return reinterpret_cast<char const*>(start_page->cmd_line);
}

mfn mfn_of(pfn f) noexcept {
    return mfn(p2m()[f.raw()]);
}

mfn mfn_of(void const* address) noexcept {
    return mfn_of(pfn((reinterpret_cast<std::uint64_t>(address) - virt_base) >> xenpp::page_shift));
}

std::uint64_t pfn_of(mfn f) noexcept {
    auto const* const table = reinterpret_cast<std::uint64_t const*>(abi::mach2phys_virt_start);
    auto p = ~std::uint64_t{0};
    guarded([&] { p = *const_cast<std::uint64_t const volatile*>(table + f.raw()); });
    return p;
}

bool is_memory(mfn f) noexcept {
    auto const p = pfn_of(f);
    return p < start_page->nr_pages && mfn_of(pfn(p)) == f;
}

std::uint64_t* address_of(mfn f) noexcept {
    pfn const p(pfn_of(f));
    if (p >= mapped_end || !is_memory(f)) {
        return nullptr;
    }
    return reinterpret_cast<std::uint64_t*>(virt_base + (p.raw() << xenpp::page_shift));
}

std::uint64_t* new_page() noexcept {
    if (next_mapped == mapped_end) {
        print("out of pages\n");
        power_off();
    }
    auto* const page =
        reinterpret_cast<std::uint64_t*>(virt_base + (next_mapped.raw() << xenpp::page_shift));
    ++next_mapped;
    for (unsigned i = 0; i != page_size / sizeof *page; ++i) {
        page[i] = 0;
    }
    return page;
}

mfn unmapped_frame() noexcept {
    if (next_unmapped.raw() == start_page->nr_pages) {
        print("out of frames\n");
        power_off();
    }
    auto const f = mfn_of(next_unmapped);
    ++next_unmapped;
    return f;
}

mfn root_table() noexcept {
    return mfn_of(reinterpret_cast<void const*>(start_page->pt_base));
}

std::uint64_t entry_address(std::uint64_t address, unsigned level) noexcept {
    auto table = root_table();
    for (unsigned l = 4;; --l) {
        auto const index = (address >> (3 + 9 * l)) & 511;
        if (l == level) {
            return (table.raw() << xenpp::page_shift) + 8 * index;
        }
        auto const* const content = address_of(table);
        if (content == nullptr || (content[index] & pte_present) == 0) {
            return 0;
        }
        table = mfn((content[index] & 0x000ffffffffff000) >> xenpp::page_shift);
    }
}

std::uint64_t entry_of(std::uint64_t address, unsigned level) noexcept {
    auto const at = entry_address(address, level);
    return at == 0 ? 0 : address_of(mfn(at >> xenpp::page_shift))[(at & 0xfff) / 8];
}

std::int64_t mmu_update(std::uint64_t entry_machine_address,
                        std::uint64_t value,
                        std::uint64_t command,
                        std::uint64_t domain) noexcept {
    abi::mmu_update u{entry_machine_address | command, value};
    std::uint32_t done = 0;
    return hypercall(abi::hypercall::mmu_update, &u, 1, &done, domain);
}

std::int64_t update_va(void const* address, std::uint64_t value, std::uint64_t flags) noexcept {
    return hypercall(abi::hypercall::update_va_mapping, address, value, flags);
}

std::int64_t mmuext(abi::mmuext_cmd cmd, std::uint64_t arg1, std::uint64_t arg2) noexcept {
    abi::mmuext_op op{};
    op.cmd = static_cast<std::uint32_t>(cmd);
    op.arg1.linear_addr = arg1;
    op.arg2.src_mfn = arg2;
    std::uint32_t done = 0;
    return hypercall(abi::hypercall::mmuext_op, &op, 1, &done, abi::domid_self);
}

std::int64_t mmuext(abi::mmuext_cmd cmd, mfn f, std::uint64_t arg2) noexcept {
    return mmuext(cmd, f.raw(), arg2);
}

std::int64_t set_writable(void const* page, bool is_writable) noexcept {
    return update_va(page, make_entry(mfn_of(page), is_writable ? pte_rw : pte_ro));
}

void* window() noexcept {
    static void* page = nullptr;
    if (page == nullptr) {
        page = new_page();
        update_va(page, 0);
    }
    return page;
}

void print(std::string_view text) noexcept {
    for (char const c : text) {
        auto const at = console->out_prod;
        while (at - xenpp::atomic_load(console->out_cons) == sizeof console->out) {
            tell_console();
            hypercall(abi::hypercall::sched_op, abi::sched_op::yield);
        }
        console->out[at % sizeof console->out] = c;
        xenpp::atomic_store(console->out_prod, at + 1);
    }
    tell_console();
}

void print(std::uint64_t number) noexcept {
    std::array<char, 20> digits{};
    auto first = digits.size();
    do {
        digits[--first] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0);
    print(std::string_view(digits.data() + first, digits.size() - first));
}

void print_signed(std::int64_t number) noexcept {
    if (number < 0) {
        print("-");
        number = -number;
    }
    print(static_cast<std::uint64_t>(number));
}

std::uint64_t now_ns() noexcept {
    auto const& t = shared().vcpu_info[0].time; // it never changes: the clock is a stable one
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    auto ticks = (std::uint64_t{high} << 32 | low) - t.tsc_timestamp;
    ticks = t.tsc_shift < 0 ? ticks >> -t.tsc_shift : ticks << t.tsc_shift;
    __extension__ using wide = unsigned __int128;
    return t.system_time + static_cast<std::uint64_t>(wide{ticks} * t.tsc_to_system_mul >> 32);
}

void power_off() noexcept {
    abi::sched_shutdown how{.reason = abi::shutdown_poweroff};
    hypercall(abi::hypercall::sched_op, abi::sched_op::shutdown, &how);
    __builtin_trap();
}

void register_traps() noexcept {
    std::array<abi::trap_info, 34> traps{}; // the last one, of address 0, ends the table
    fill_traps(traps.data());
    hypercall(abi::hypercall::set_trap_table, traps.data());
    auto const enter = [](std::uint16_t type, std::byte const* at) {
        abi::callback_register r{.type = type,
                                 .flags = abi::callbackf_mask_events,
                                 .reserved_ = 0,
                                 .address = reinterpret_cast<std::uint64_t>(at)};
        hypercall(abi::hypercall::callback_op, abi::callback_op::register_, &r);
    };
    enter(abi::callbacktype_event, event_stub);
    enter(abi::callbacktype_failsafe, failsafe_stub);
    enter(abi::callbacktype_syscall, syscall_stub);
}

std::int64_t start_vcpu(std::uint32_t id, std::uint64_t argument) noexcept {
    static abi::vcpu_guest_context c;
    c = {};
    c.flags = abi::vgcf_in_kernel;
    fill_traps(c.trap_ctxt);
    c.user_regs.rip = reinterpret_cast<std::uint64_t>(&pv_second_entry);
    c.user_regs.rdi = argument;
    c.user_regs.rsp = reinterpret_cast<std::uint64_t>(second_stack.data() + second_stack.size());
    c.user_regs.rflags = 0x200;
    c.user_regs.cs = abi::flat_kernel_cs;
    c.user_regs.ss = abi::flat_kernel_ss;
    c.kernel_ss = abi::flat_kernel_ss;
    c.kernel_sp = c.user_regs.rsp;
    c.ctrlreg[3] = root_table().raw() << xenpp::page_shift;
    c.event_callback_eip = reinterpret_cast<std::uint64_t>(event_stub);
    c.failsafe_callback_eip = reinterpret_cast<std::uint64_t>(failsafe_stub);
    auto const made = hypercall(abi::hypercall::vcpu_op, abi::vcpu_op::initialise, id, &c);
    return made != 0 ? made : hypercall(abi::hypercall::vcpu_op, abi::vcpu_op::up, id);
}

void stop_vcpu() noexcept {
    hypercall(abi::hypercall::vcpu_op, abi::vcpu_op::down, 1);
    __builtin_trap();
}

/// Where common in start.S arrives: events are only acknowledged, faults end the guarded call.
void guest_trap(trap_frame* frame) noexcept {
    if (frame->vector == 0x100) {
        auto& v = shared().vcpu_info[0];
        xenpp::atomic_exchange(v.evtchn_upcall_pending, std::uint8_t{0});
        xenpp::atomic_exchange(v.evtchn_pending_sel, std::uint64_t{0});
        return;
    }
    if (on_trap != nullptr && on_trap(*frame)) {
        return;
    }
    last_fault = {frame->vector, frame->error_code, frame->rip, frame->rflags,
                  shared().vcpu_info[0].arch.cr2};
    if (guard_stack == 0) {
        print("unexpected fault ");
        print(frame->vector);
        print(" code ");
        print(frame->error_code);
        print(" at ");
        print(frame->rip);
        print("\n");
        power_off();
    }
    frame->rip = reinterpret_cast<std::uint64_t>(&guard_return);
    frame->rsp = guard_stack;
    frame->cs = return_to_kernel;
    frame->ss = abi::flat_kernel_ss;
    frame->rflags = 0x200;
}

void guest_main(abi::start_info const* start) noexcept {
    start_page = start;
    auto const stack = (start->pt_base - virt_base) / page_size + start->nr_pt_frames;
    next_mapped = pfn(stack + 1);
    // 4 MiB blocks, and 512 KiB at least behind the stack (xen.h, "start-of-day memory layout").
    mapped_end = pfn((next_mapped.raw() + 128 + 1023) / 1024 * 1024);
    next_unmapped = mapped_end;
    register_traps();
    update_va(shared_page.data(), start->shared_info | pte_rw);
    console = reinterpret_cast<abi::xencons_interface*>(
        virt_base + (pfn_of(mfn(start->console.domU.mfn)) << xenpp::page_shift));
    test();
    power_off();
}

void guest_second_main(std::uint64_t argument) noexcept {
    second_test(argument);
    stop_vcpu();
}

} // namespace guest
