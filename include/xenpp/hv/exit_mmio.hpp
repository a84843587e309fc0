// SPDX-License-Identifier: Apache-2.0
// Accesses that nested paging refused: the xAPIC's registers, and memory that is not there.
#pragma once

#include <xenpp/hv/exit_action.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/interrupt.hpp>
#include <xenpp/x86/exit_view.hpp>
#include <xenpp/x86/mov_instruction.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace xenpp::hv {

namespace detail {

/// The bytes at rip as far as they can be read, and zeroes.
struct instruction_bytes {
    std::array<std::uint8_t, 15> bytes{};
    std::size_t count = 0; ///< so many were there
};

template <class P>
instruction_bytes fetch_instruction(vcpu<P>& v) noexcept {
    instruction_bytes code;
    auto const& c = v.context;
    // The next page may be absent: the bytes before it are kept.
    auto const copy = [&code](std::byte const* from, std::size_t at, std::size_t n) {
        copy_once(code.bytes.data() + at, from, n);
        code.count = at + n;
    };
    static_cast<void>(
        for_guest_range(v, c.cs_base + c.rip, code.bytes.size(), false, copy, rights_of(v)));
    return code;
}

template <class P>
void complete_load(vcpu<P>& v, x86::mov_instruction const& m, std::uint64_t value) noexcept {
    auto& reg = v.context.reg(m.reg);
    if (m.size < 8) {
        value &= (std::uint64_t{1} << (8 * m.size)) - 1;
        if (m.sign_extend && ((value >> (8 * m.size - 1)) & 1) != 0) {
            value |= ~std::uint64_t{0} << (8 * m.size);
        }
    }
    switch (m.register_size) {
    case 8: reg = value; break;
    case 4: reg = value & 0xffffffff; break;
    case 2: reg = (reg & ~std::uint64_t{0xffff}) | (value & 0xffff); break;
    default:
        if (m.high_byte) {
            reg = (reg & ~std::uint64_t{0xff00}) | ((value & 0xff) << 8);
        } else {
            reg = (reg & ~std::uint64_t{0xff}) | (value & 0xff);
        }
    }
}

template <class P>
std::uint64_t store_operand(vcpu<P>& v, x86::mov_instruction const& m) noexcept {
    if (m.is_immediate) {
        return m.immediate;
    }
    std::uint64_t const reg = v.context.reg(m.reg);
    return m.high_byte ? reg >> 8 & 0xff : reg;
}

/// The xAPIC's page: registers are 32 bits wide on 16-byte boundaries; errors read as zero.
template <class P>
bool is_xapic(vcpu<P> const& v, gpa address) noexcept {
    return (address.raw() & page_mask) == apic_base::address && v.lapic.hardware_enabled() &&
           !v.lapic.is_x2apic();
}

template <class P>
std::uint64_t load_device(vcpu<P>& v, gpa address) noexcept {
    if (!is_xapic(v, address)) {
        return ~std::uint64_t{0};
    }
    auto const reg = static_cast<unsigned>((address.raw() & 0xfff) >> 4);
    return v.lapic.read(reg).value_or(0);
}

template <class P>
void store_device(vcpu<P>& v, gpa address, std::uint64_t value) noexcept {
    if (!is_xapic(v, address)) {
        return; // nothing is there, or it is read-only
    }
    auto const reg = static_cast<unsigned>((address.raw() & 0xfff) >> 4);
    if (auto const effect = v.lapic.write(reg, value & 0xffffffff)) {
        apply(v, *effect);
    }
}

} // namespace detail

/// An access outside the domain's memory. Data reads give ones, writes vanish; what cannot be
/// emulated ends the domain.
template <class P>
exit_action handle_nested_fault(vcpu<P>& v, x86::npf_exit const& f) noexcept {
    if (f.is_reserved_bit) {
        return exit_action::crash("a malformed nested page table entry");
    }
    // Another vCPU may have put the page there since.
    if (auto const now = p2m_lookup(v.dom, to_gfn(f.address));
        now && (!f.is_write || now->attributes.write)) {
        return exit_action::resume();
    }
    if (f.is_guest_walk) {
        return exit_action::crash("a page table outside of the domain's memory");
    }
    if (f.is_fetch) {
        return exit_action::crash("execution outside of the domain's memory");
    }
    auto const m = x86::decode_mov(detail::fetch_instruction(v).bytes, v.context.long_code);
    if (!m || m->is_store != f.is_write || (!v.context.long_code && !v.context.code32)) {
        return exit_action::inject(x86::exception::general_protection, 0);
    }
    if (m->is_store) {
        detail::store_device(v, f.address, detail::store_operand(v, *m));
    } else {
        detail::complete_load(v, *m, detail::load_device(v, f.address));
    }
    v.context.rip += m->length;
    return exit_action::resume();
}

} // namespace xenpp::hv
