// SPDX-License-Identifier: Apache-2.0
// The direct map: 1 GiB pages where the processor has them, else 2 MiB.
#include "boot/direct_map.hpp"

#include "platform/cpu.hpp"
#include "platform/layout.hpp"

#include <array>
#include <cstdint>

extern "C" {
extern std::uint64_t boot_pml4[512]; // NOLINT: entry.S
}

namespace xenpp::image {

namespace {

using table = std::array<std::uint64_t, 512>;

constexpr std::uint64_t present = 1, writable = 2, large = 1U << 7, global = 1U << 8,
                        no_execute = std::uint64_t{1} << 63;
constexpr unsigned gib_tables = 64; // 2 MiB pages reach this many GiB

alignas(4096) table upper;                         // 512 GiB
alignas(4096) std::array<table, gib_tables> lower; // used only without 1 GiB pages

bool map_gib(std::uint64_t n) noexcept {
    if ((upper[n] & present) != 0) {
        return true;
    }
    std::uint64_t const at = n << 30;
    if ((cpuid(0x80000001).d >> 26 & 1) != 0) {
        upper[n] = at | present | writable | large | global | no_execute;
        return true;
    }
    if (n >= gib_tables) {
        return false;
    }
    for (std::uint64_t i = 0; i < 512; ++i) {
        lower[n][i] = (at + (i << 21)) | present | writable | large | global | no_execute;
    }
    upper[n] = image_physical(&lower[n]) | present | writable;
    return true;
}

} // namespace

void direct_map_init() noexcept {
    for (std::uint64_t n = 0; n < 4; ++n) {
        map_gib(n);
    }
    boot_pml4[direct_map_base >> 39 & 511] = image_physical(&upper) | present | writable;
    write_cr3(read_cr3());
}

bool direct_map_extend(unsigned long end) noexcept {
    std::uint64_t const gib = (end + (1UL << 30) - 1) >> 30;
    if (gib > 512) {
        return false;
    }
    for (std::uint64_t n = 0; n < gib; ++n) {
        if (!map_gib(n)) {
            return false;
        }
    }
    return true;
}

void identity_map_remove() noexcept {
    boot_pml4[0] = 0;
    write_cr3(read_cr3());
}

} // namespace xenpp::image
