// SPDX-License-Identifier: Apache-2.0
// Interrupts on the virtual-APIC page: given to the processor for a stay, taken back after it
// (SDM3 29.1 and 29.2).
#pragma once

#include <xenpp/hv/vlapic.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace xenpp::hv::vmx {

namespace detail {

/// A register of the page: 32 bits at 16 times its number.
inline std::uint32_t& page_register(std::byte* page, unsigned number) noexcept {
    return *reinterpret_cast<std::uint32_t*>(page + std::size_t{16} * number);
}

inline void put_vectors(std::byte* page, unsigned first, std::uint64_t vectors) noexcept {
    page_register(page, first) = static_cast<std::uint32_t>(vectors);
    page_register(page, first + 1) = static_cast<std::uint32_t>(vectors >> 32);
}

inline std::uint64_t take_vectors(std::byte* page, unsigned first) noexcept {
    auto const vectors =
        std::uint64_t{page_register(page, first + 1)} << 32 | page_register(page, first);
    put_vectors(page, first, 0);
    return vectors;
}

/// The highest of 64 vectors, or `otherwise`.
constexpr unsigned highest_of(std::uint64_t vectors, unsigned n, unsigned otherwise) noexcept {
    return vectors == 0 ? otherwise
                        : n * 64 + 63 - static_cast<unsigned>(std::countl_zero(vectors));
}

} // namespace detail

/// Moves what waits and what is in service from `apic` to the page, whose registers of both are
/// clear. Says what the guest interrupt status is then: the highest waiting, and above it the
/// highest in service.
inline std::uint16_t give_interrupts(vlapic& apic, std::byte* page) noexcept {
    if (apic.is_idle()) {
        return 0;
    }
    unsigned waiting = 0;
    unsigned in_service = 0;
    for (unsigned n = 0; n != 4; ++n) {
        auto const v = apic.take(n);
        detail::put_vectors(page, apic_reg::irr + 2 * n, v.waiting);
        detail::put_vectors(page, apic_reg::isr + 2 * n, v.in_service);
        waiting = detail::highest_of(v.waiting, n, waiting);
        in_service = detail::highest_of(v.in_service, n, in_service);
    }
    return static_cast<std::uint16_t>(in_service << 8 | waiting);
}

/// Moves both back to `apic`, where others may have requested more meanwhile.
inline void take_interrupts(vlapic& apic, std::byte* page) noexcept {
    for (unsigned n = 0; n != 4; ++n) {
        apic.put_back(n, {.waiting = detail::take_vectors(page, apic_reg::irr + 2 * n),
                          .in_service = detail::take_vectors(page, apic_reg::isr + 2 * n)});
    }
}

} // namespace xenpp::hv::vmx
