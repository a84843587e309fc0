// SPDX-License-Identifier: Apache-2.0
// Privileged instructions as functions.
#pragma once

#include <xenpp/x86/cpuid.hpp>
#include <xenpp/x86/descriptor.hpp>
#include <xenpp/x86/msr.hpp>

#include <cstdint>

namespace xenpp::image {

[[gnu::always_inline]] inline void outb(std::uint16_t port, std::uint8_t v) noexcept {
    asm volatile("outb %0, %1" ::"a"(v), "Nd"(port) : "memory");
}

[[gnu::always_inline]] inline std::uint8_t inb(std::uint16_t port) noexcept {
    std::uint8_t v;
    asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

[[gnu::always_inline]] inline void outw(std::uint16_t port, std::uint16_t v) noexcept {
    asm volatile("outw %0, %1" ::"a"(v), "Nd"(port) : "memory");
}

[[gnu::always_inline]] inline std::uint64_t read_msr(x86::msr m) noexcept {
    std::uint32_t low;
    std::uint32_t high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(x86::raw(m)) : "memory");
    return (std::uint64_t{high} << 32) | low;
}

[[gnu::always_inline]] inline void write_msr(x86::msr m, std::uint64_t v) noexcept {
    asm volatile("wrmsr" ::"c"(x86::raw(m)), "a"(static_cast<std::uint32_t>(v)),
                 "d"(static_cast<std::uint32_t>(v >> 32))
                 : "memory");
}

[[gnu::always_inline]] inline std::uint64_t read_tsc() noexcept {
    std::uint32_t low;
    std::uint32_t high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (std::uint64_t{high} << 32) | low;
}

[[gnu::always_inline]] inline x86::cpuid_leaf cpuid(std::uint32_t leaf,
                                                    std::uint32_t sub = 0) noexcept {
    x86::cpuid_leaf r{};
    asm volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
}

#define XENPP_CONTROL_REGISTER(n)                                                                  \
    [[gnu::always_inline]] inline std::uint64_t read_cr##n() noexcept {                            \
        std::uint64_t v;                                                                           \
        asm volatile("mov %%cr" #n ", %0" : "=r"(v) : : "memory");                                 \
        return v;                                                                                  \
    }                                                                                              \
    [[gnu::always_inline]] inline void write_cr##n(std::uint64_t v) noexcept {                     \
        asm volatile("mov %0, %%cr" #n ::"r"(v) : "memory");                                       \
    }
XENPP_CONTROL_REGISTER(0)
XENPP_CONTROL_REGISTER(2)
XENPP_CONTROL_REGISTER(3)
XENPP_CONTROL_REGISTER(4)
XENPP_CONTROL_REGISTER(8)
#undef XENPP_CONTROL_REGISTER

[[gnu::always_inline]] inline void write_xcr0(std::uint64_t v) noexcept {
    asm volatile("xsetbv" ::"c"(0), "a"(static_cast<std::uint32_t>(v)),
                 "d"(static_cast<std::uint32_t>(v >> 32)));
}

[[gnu::always_inline]] inline std::uint64_t read_xcr0() noexcept {
    std::uint32_t low;
    std::uint32_t high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (std::uint64_t{high} << 32) | low;
}

[[gnu::always_inline]] inline void load_gdt(x86::table_pointer const& p) noexcept {
    asm volatile("lgdt %0" ::"m"(p));
}

[[gnu::always_inline]] inline void load_idt(x86::table_pointer const& p) noexcept {
    asm volatile("lidt %0" ::"m"(p));
}

[[gnu::always_inline]] inline void load_tr(std::uint16_t selector) noexcept {
    asm volatile("ltr %0" ::"r"(selector));
}

/// Whether a flag or word that others change is not 0: loaded and compared by one instruction,
/// which no atomic_load becomes.
template <class T>
[[gnu::always_inline]] inline bool is_set(T const& word) noexcept {
    static_assert(sizeof(word) == 1 || sizeof(word) == 4);
    bool result;
    if constexpr (sizeof word == 1) {
        asm volatile("cmpb $0, %1" : "=@ccnz"(result) : "m"(word) : "memory");
    } else {
        asm volatile("cmpl $0, %1" : "=@ccnz"(result) : "m"(word) : "memory");
    }
    return result;
}

/// Lets pending interrupts in, for one moment.
[[gnu::always_inline]] inline void interrupt_window() noexcept {
    asm volatile("sti; nop; cli" ::: "memory");
}

/// Sleeps until an interrupt; comes back with interrupts off.
[[gnu::always_inline]] inline void halt_until_interrupt() noexcept {
    asm volatile("sti; hlt; cli" ::: "memory");
}

[[noreturn]] inline void halt_forever() noexcept {
    for (;;) {
        asm volatile("cli; hlt");
    }
}

} // namespace xenpp::image
