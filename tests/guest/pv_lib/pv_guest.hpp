// SPDX-License-Identifier: Apache-2.0
// What a PV test guest has: hypercalls, faults that it survives, its page tables, a console.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/base/strong.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace guest {

namespace abi = xenpp::abi;

/// The test itself; every guest defines it.
void test() noexcept;

/// What a second vCPU does (see `start_vcpu`); guests with one vCPU define it empty.
void second_test(std::uint64_t argument) noexcept;

// --- console and end ---

void print(std::string_view text) noexcept;
void print(std::uint64_t number) noexcept;
void print_signed(std::int64_t number) noexcept;

/// The kernel's command line.
std::string_view command_line() noexcept;

[[noreturn]] void power_off() noexcept;

/// System time in nanoseconds, the clock of timers and time-outs.
std::uint64_t now_ns() noexcept;

// --- hypercalls ---

inline std::int64_t raw_hypercall(std::uint64_t number,
                                  std::uint64_t a1 = 0,
                                  std::uint64_t a2 = 0,
                                  std::uint64_t a3 = 0,
                                  std::uint64_t a4 = 0,
                                  std::uint64_t a5 = 0) noexcept {
    std::int64_t result = 0;
    register std::uint64_t r10 asm("r10") = a4;
    register std::uint64_t r8 asm("r8") = a5;
    asm volatile("syscall"
                 : "=a"(result), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                 : "0"(number)
                 : "rcx", "r11", "r9", "memory");
    return result;
}

/// An argument of any kind as a register's content.
template <class T>
std::uint64_t to_argument(T const& v) noexcept {
    if constexpr (std::is_pointer_v<T>) {
        return reinterpret_cast<std::uint64_t>(v);
    } else {
        return static_cast<std::uint64_t>(v);
    }
}

template <class... Argument>
std::int64_t hypercall(abi::hypercall number, Argument... argument) noexcept {
    return raw_hypercall(static_cast<std::uint64_t>(number), to_argument(argument)...);
}

// --- faults ---

struct trap_frame {
    std::uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    std::uint64_t vector, error_code, rip, cs, rflags, rsp, ss;
};

/// A fault that ended a `guarded` call.
struct fault {
    std::uint64_t vector = 0;
    std::uint64_t error_code = 0;
    std::uint64_t rip = 0;
    std::uint64_t rflags = 0;
    std::uint64_t address = 0; ///< of a page fault
};

/// The last fault; vector 0xffff: none.
extern fault last_fault;
inline constexpr std::uint64_t no_fault = 0xffff;

/// CS of an iret to the kernel: by its two low bits the hypervisor tells kernel from process.
inline constexpr std::uint64_t return_to_kernel = abi::flat_kernel_cs & ~3U;

/// Takes traps that no guarded call is there for: true when the frame may be returned to.
using trap_hook = bool (*)(trap_frame&) noexcept;
extern trap_hook on_trap;

extern "C" bool run_guarded(void (*f)(void*), void* argument);
extern "C" [[noreturn]] void do_iret();

/// Calls `f`; false, and `last_fault` says which, when a fault ended it.
template <class F>
bool guarded(F f) noexcept {
    last_fault = {};
    last_fault.vector = no_fault;
    return run_guarded([](void* p) { (*static_cast<F*>(p))(); }, &f);
}

extern "C" std::byte trap_stubs[], event_stub[], failsafe_stub[], syscall_stub[];

/// The gates of the guest: 32 exceptions and int 0x80.
void register_traps() noexcept;

// --- memory ---

abi::start_info const& start_info() noexcept;
abi::shared_info& shared() noexcept;

inline constexpr std::uint64_t virt_base = 0xffffffff80000000;

/// The machine frame of a pseudo-physical one, and of an address in the kernel's mapping.
xenpp::mfn mfn_of(xenpp::pfn f) noexcept;
xenpp::mfn mfn_of(void const* address) noexcept;
/// What the machine-to-physical table says of a frame; all ones where it has no entry.
std::uint64_t pfn_of(xenpp::mfn f) noexcept;
/// Whether a frame is memory of ours.
bool is_memory(xenpp::mfn f) noexcept;
/// Where a frame of ours is mapped; null if it is none of the kernel's mapping.
std::uint64_t* address_of(xenpp::mfn f) noexcept;

/// A zeroed page of memory, mapped writable, not used for anything else; halts when there is none.
std::uint64_t* new_page() noexcept;
/// A frame of ours that is not mapped anywhere.
xenpp::mfn unmapped_frame() noexcept;

inline constexpr std::uint64_t pte_present = 1;
inline constexpr std::uint64_t pte_write = 2;
inline constexpr std::uint64_t pte_user = 4;
inline constexpr std::uint64_t pte_accessed = 0x20;
inline constexpr std::uint64_t pte_dirty = 0x40;
inline constexpr std::uint64_t pte_large = 0x80;
inline constexpr std::uint64_t pte_global = 0x100;
inline constexpr std::uint64_t pte_nx = std::uint64_t{1} << 63;
inline constexpr std::uint64_t pte_rw =
    pte_present | pte_write | pte_user | pte_accessed | pte_dirty;
inline constexpr std::uint64_t pte_ro = pte_rw & ~pte_write;

constexpr std::uint64_t make_entry(xenpp::mfn f, std::uint64_t flags) noexcept {
    return f.raw() << xenpp::page_shift | flags;
}

/// The machine address of the entry of `level` (4 to 1) that translates `address`; 0: no table.
std::uint64_t entry_address(std::uint64_t address, unsigned level) noexcept;
/// That entry itself.
std::uint64_t entry_of(std::uint64_t address, unsigned level) noexcept;
/// The frame of the kernel's root table.
xenpp::mfn root_table() noexcept;

std::int64_t mmu_update(std::uint64_t entry_machine_address,
                        std::uint64_t value,
                        std::uint64_t command = abi::mmu_normal_pt_update,
                        std::uint64_t domain = abi::domid_self) noexcept;
std::int64_t update_va(void const* address,
                       std::uint64_t value,
                       std::uint64_t flags = abi::uvmf_invlpg) noexcept;
std::int64_t mmuext(abi::mmuext_cmd cmd, std::uint64_t arg1, std::uint64_t arg2 = 0) noexcept;
std::int64_t mmuext(abi::mmuext_cmd cmd, xenpp::mfn f, std::uint64_t arg2 = 0) noexcept;

/// Maps a page of ours read-only or writable again.
std::int64_t set_writable(void const* page, bool is_writable) noexcept;

/// Where a page may be mapped that is none of ours at first: an address with an L1 table, and
/// nothing there.
void* window() noexcept;

// --- other vCPUs ---

/// Starts vCPU `id` in `second_test(argument)`, on a stack of its own.
std::int64_t start_vcpu(std::uint32_t id, std::uint64_t argument) noexcept;
[[noreturn]] void stop_vcpu() noexcept;

} // namespace guest
