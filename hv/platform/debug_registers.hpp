// SPDX-License-Identifier: Apache-2.0
// DR0 to DR3 and DR6 as functions; DR7 is switched by the processor.
#pragma once

#include <array>
#include <cstdint>

namespace xenpp::image {

inline std::array<std::uint64_t, 4> read_debug_registers() noexcept {
    std::array<std::uint64_t, 4> dr{};
    asm volatile("mov %%dr0, %0" : "=r"(dr[0]));
    asm volatile("mov %%dr1, %0" : "=r"(dr[1]));
    asm volatile("mov %%dr2, %0" : "=r"(dr[2]));
    asm volatile("mov %%dr3, %0" : "=r"(dr[3]));
    return dr;
}

inline void write_debug_registers(std::array<std::uint64_t, 4> const& dr) noexcept {
    asm volatile("mov %0, %%dr0" ::"r"(dr[0]));
    asm volatile("mov %0, %%dr1" ::"r"(dr[1]));
    asm volatile("mov %0, %%dr2" ::"r"(dr[2]));
    asm volatile("mov %0, %%dr3" ::"r"(dr[3]));
}

inline std::uint64_t read_dr6() noexcept {
    std::uint64_t v = 0;
    asm volatile("mov %%dr6, %0" : "=r"(v));
    return v;
}

inline void write_dr6(std::uint64_t v) noexcept {
    asm volatile("mov %0, %%dr6" ::"r"(v));
}

} // namespace xenpp::image
