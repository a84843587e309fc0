// SPDX-License-Identifier: Apache-2.0
// Port I/O: a PVH domain has no device behind any port. Reads answer ones, writes vanish.
#pragma once

#include <xenpp/hv/exit_action.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/guest_console.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/x86/exit_view.hpp>

#include <cstdint>

namespace xenpp::hv {

namespace port {
inline constexpr std::uint16_t pit_channel2 = 0x42;
inline constexpr std::uint16_t debug_console = 0xe9;
} // namespace port

/// What a read of `p` gives. The PIT's channel 2 reads zero, not ones: Linux's quick calibration
/// polls it until the high byte changes and gives up after one look at zeroes, but only after
/// 100000 exits at ones.
constexpr std::uint32_t read_absent_port(std::uint16_t p) noexcept {
    return p == port::pit_channel2 ? 0 : 0xffffffff;
}

namespace detail {

/// `value` written to the low `size` bytes of rax, as IN does.
constexpr std::uint64_t merge_in(std::uint64_t rax, std::uint32_t value, unsigned size) noexcept {
    switch (size) {
    case 1: return (rax & ~std::uint64_t{0xff}) | (value & 0xff);
    case 2: return (rax & ~std::uint64_t{0xffff}) | (value & 0xffff);
    default: return value; // a 32-bit result clears the upper half
    }
}

constexpr std::uint64_t address_mask(unsigned address_size) noexcept {
    return address_size >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * address_size)) - 1;
}

/// INS and OUTS: as many elements as fit in the rest of the page at most, so that the work is
/// bounded; the instruction is executed again for the rest.
template <class P>
exit_action string_io(vcpu<P>& v, x86::io_exit const& io) noexcept {
    auto& c = v.context;
    std::uint64_t const mask = address_mask(io.address_size);
    std::uint64_t const wanted = io.is_rep ? c.rcx & mask : 1;
    std::uint64_t& index = io.is_in ? c.rdi : c.rsi;
    bool const down = (c.rflags & (1U << 10)) != 0;
    constexpr std::uint64_t most = 512;
    std::uint64_t const n = wanted < most ? wanted : most;
    // A process that was given ports may use them, not write to its kernel through them.
    auto const rights = rights_of(v);
    for (std::uint64_t i = 0; i < n; ++i) {
        if (io.is_in) {
            std::uint32_t const value = read_absent_port(io.port);
            if (!copy_to_guest(v, index & mask, &value, io.size, rights)) {
                return exit_action::inject(x86::exception::general_protection, 0);
            }
        }
        std::uint64_t const next = down ? index - io.size : index + io.size;
        index = (index & ~mask) | (next & mask);
        if (io.is_rep) {
            c.rcx = (c.rcx & ~mask) | ((c.rcx - 1) & mask);
        }
    }
    return n == wanted ? exit_action::skip() : exit_action::resume();
}

} // namespace detail

/// Carries out an IN or OUT and says how to go on.
template <class P>
exit_action handle_io(vcpu<P>& v, x86::io_exit const& io) noexcept {
    if (io.is_string) {
        return detail::string_io(v, io);
    }
    if (io.is_in) {
        v.context.rax = detail::merge_in(v.context.rax, read_absent_port(io.port), io.size);
    } else if (io.port == port::debug_console && io.size == 1) {
        guest_console_put(v.dom, static_cast<char>(v.context.rax));
    }
    return exit_action::skip();
}

} // namespace xenpp::hv
