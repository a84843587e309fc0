// SPDX-License-Identifier: Apache-2.0
// The check-list's interrupts and exceptions: what came is counted, and an attempt survives it.
#pragma once

#include <array>
#include <cstdint>

namespace checks {

/// The exception that ended an attempt.
struct trap {
    std::uint64_t vector = none;
    std::uint64_t error = 0;
    std::uint64_t address = 0; ///< CR2
    std::uint64_t rip = 0;

    static constexpr std::uint64_t none = ~std::uint64_t{0};
};

extern trap last_trap;
extern std::uint64_t resume_at; ///< where an exception goes on; 0: it ends the test
extern std::array<std::uint32_t, 256> interrupts; ///< how often each vector came
extern std::uint8_t leave_in_service;    ///< the vector whose end its handler does not tell, or 0
extern std::uint8_t* taken_by_interrupt; ///< the flag that any handler clears, or null
extern std::array<std::uint8_t, 16> sequence; ///< the latest vectors, in their order
extern unsigned sequence_length;

/// Makes the table; then each CPU loads it.
void make_idt() noexcept;
void load_idt() noexcept;

/// Begins an attempt: the label 9 of the assembly that follows is where an exception goes on.
#define CHECKS_ATTEMPT(instruction)                                                                \
    "movq $9f, %[resume]\n\t" instruction "\n9:\n\tmovq $0, %[resume]"

} // namespace checks
