// SPDX-License-Identifier: Apache-2.0
// Page faults of a PV guest: its own, but for stores of its kernel to page tables that it may only
// read, which are carried out for it.
#pragma once

#include <xenpp/hv/pv/emulate.hpp>
#include <xenpp/hv/pv/page_table_write.hpp>
#include <xenpp/hv/pv/root.hpp>
#include <xenpp/hv/pv/trap_bounce.hpp>
#include <xenpp/x86/store_instruction.hpp>

#include <cstdint>
#include <span>

namespace xenpp::hv::pv {

namespace detail {

/// The machine address behind `va` if it is in a live L1 of the domain that the kernel's tables map
/// read-only; else 0.
template <class P>
maddr table_behind(vcpu<P>& v, std::uint64_t va) noexcept {
    table_work<P> w(v.dom);
    auto const* const slot = find_l1_entry(w, kernel_root(v), va);
    auto const e = slot != nullptr ? atomic_load(*slot) : 0;
    if ((e & entry_present) == 0 || (e & entry_write) != 0) {
        return {};
    }
    auto const f = frame_in(e);
    auto const* const page = v.dom.hv.frames.find(f);
    if (page == nullptr || !is_memory_of(*page, v.dom.id) || !type_of(*page).is_live_table(1)) {
        return {};
    }
    return to_maddr(f) + (va & (page_size - 1));
}

/// `value` as the low `size` bytes of a register, as instructions write them.
constexpr std::uint64_t merge(std::uint64_t old, std::uint64_t value, unsigned size) noexcept {
    // A result of 32 bits clears the upper half.
    return size >= 4 ? value & x86::size_mask(size)
                     : (old & ~x86::size_mask(size)) | (value & x86::size_mask(size));
}

/// Writes what XCHG or CMPXCHG read to its register.
inline void
write_back(guest_context& c, x86::store_instruction const& s, std::uint64_t old, bool stored) {
    using kind = x86::store_instruction::kind;
    if (s.what == kind::xchg) {
        auto& r = c.reg(s.reg);
        r = s.high_byte ? (r & ~std::uint64_t{0xff00}) | (old & 0xff) << 8 : merge(r, old, s.size);
    } else if (s.what == kind::cmpxchg && !stored) {
        c.rax = merge(c.rax, old, s.size);
    }
}

/// Carries the store out on the entry that contains `at`. False: it is no such store, or the entry
/// may not become so.
template <class P>
bool store_to_table(vcpu<P>& v, maddr at, x86::store_instruction const& s) noexcept {
    constexpr unsigned most_turns = 8; // the processor sets bits of the entry, other vCPUs write
    auto& c = v.context;
    unsigned const inside = at.raw() & 7;
    if (inside + s.size > 8) {
        return false;
    }
    maddr const entry_at(at.raw() & ~std::uint64_t{7});
    auto const shift = 8 * inside;
    auto const mask = x86::size_mask(s.size) << shift;
    auto const operand = s.is_immediate ? s.immediate
                         : s.high_byte  ? c.reg(s.reg) >> 8
                                        : c.reg(s.reg);
    auto const* const entry = reinterpret_cast<table_entry const*>(
        v.dom.hv.platform.map(to_mfn(entry_at)) + (entry_at.raw() & (page_size - 1)));
    for (unsigned turn = 0; turn != most_turns; ++turn) {
        auto const old = atomic_load(*entry);
        auto const r = x86::compute_store(s, old >> shift, operand, c.rax, c.rflags);
        auto const wanted = (old & ~mask) | r.memory << shift;
        if (r.is_stored) {
            auto const was = compare_exchange_l1_entry(v.dom, entry_at, old, wanted);
            if (!was) {
                return false;
            }
            if (*was != old) {
                continue;
            }
        }
        c.rflags = r.flags;
        write_back(c, s, (old & mask) >> shift, r.is_stored);
        return true;
    }
    return false;
}

} // namespace detail

/// A page fault at `address`. Stores of the guest's kernel to its L1s happen as if they were
/// allowed; all else is the guest's to handle.
template <class P>
exit_action handle_page_fault(vcpu<P>& v, std::uint64_t address, std::uint32_t error) noexcept {
    namespace e = x86::page_fault_error;
    constexpr auto looked_at = e::present | e::write | e::reserved | e::fetch | e::protection_key;
    if (state_of(v).in_kernel && (e::value(error) & looked_at) == (e::present | e::write)) {
        if (auto const at = detail::table_behind(v, address); at != maddr()) {
            auto const code = fetch(v, v.context.rip);
            auto const s =
                x86::decode_store(std::span<std::uint8_t const, 15>(code.byte.data(), 15));
            if (s && s->length <= code.count && is_long_code(v) &&
                detail::store_to_table(v, at, *s)) {
                return detail::finish(v, s->length);
            }
        }
    }
    return raise_page_fault(v, address, error);
}

} // namespace xenpp::hv::pv
