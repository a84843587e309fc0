// SPDX-License-Identifier: Apache-2.0
// What a test guest has: the processor's instructions, hypercalls, a console, and an end.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/base/strong.hpp>

#include <cstdint>
#include <string_view>

namespace guest {

/// Finds the hypervisor, its hypercall page and the first console. A guest without a hypervisor
/// ends here, by an undefined instruction.
void start() noexcept;

/// The test itself; every guest defines it. It begins with interrupts off and without an IDT, where
/// an exception is the end of the domain.
void test() noexcept;

/// Writes to the console, and waits while its ring is full.
void print(std::string_view text) noexcept;
void print(std::uint64_t number) noexcept;

/// Shuts the domain down as powered off.
[[noreturn]] void power_off() noexcept;

long hypercall(xenpp::abi::hypercall number,
               std::uint64_t a1 = 0,
               std::uint64_t a2 = 0,
               std::uint64_t a3 = 0) noexcept;

/// A hypercall whose arguments are an operation and a structure.
template <class Op, class Argument>
long hypercall(xenpp::abi::hypercall number, Op op, Argument& argument) noexcept {
    return hypercall(number, static_cast<std::uint64_t>(op),
                     reinterpret_cast<std::uint64_t>(&argument));
}

struct cpuid_registers {
    std::uint32_t eax, ebx, ecx, edx;
};

inline cpuid_registers cpuid(std::uint32_t leaf) noexcept {
    cpuid_registers r{};
    asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(0));
    return r;
}

inline std::uint64_t rdmsr(std::uint32_t msr) noexcept {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return std::uint64_t{high} << 32 | low;
}

inline void wrmsr(std::uint32_t msr, std::uint64_t v) noexcept {
    asm volatile("wrmsr"
                 :
                 : "c"(msr), "a"(static_cast<std::uint32_t>(v)),
                   "d"(static_cast<std::uint32_t>(v >> 32))
                 : "memory");
}

inline std::uint64_t rdtsc() noexcept {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return std::uint64_t{high} << 32 | low;
}

inline std::uint8_t in8(std::uint16_t port) noexcept {
    std::uint8_t v = 0;
    asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

inline void out8(std::uint16_t port, std::uint8_t v) noexcept {
    asm volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

} // namespace guest
