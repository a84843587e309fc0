// SPDX-License-Identifier: Apache-2.0
// Privileged instructions of a PV guest's kernel, which fault because it runs in ring 3.
#pragma once

#include <xenpp/hv/exit_action.hpp>
#include <xenpp/hv/exit_io.hpp>
#include <xenpp/hv/exit_processor.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/pv/cpu_op.hpp>
#include <xenpp/hv/pv/msr.hpp>
#include <xenpp/hv/pv/trap_bounce.hpp>
#include <xenpp/x86/descriptor.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv::pv {

/// Instruction bytes as far as they can be read, zeroes behind them.
struct code_bytes {
    std::array<std::uint8_t, 16> byte{};
    unsigned count = 0;
};

/// The longest instruction at `rip`; up to the end of the page where the next one is not there.
template <class P>
code_bytes fetch(vcpu<P>& v, std::uint64_t rip) noexcept {
    constexpr unsigned longest = 16; // one more than there is, and two plain reads
    code_bytes code;
    auto const here = page_size - rip % page_size;
    auto const first = here < longest ? static_cast<unsigned>(here) : longest;
    if (copy_from_guest(v, code.byte.data(), rip, first)) {
        code.count = first;
        if (first != longest &&
            copy_from_guest(v, code.byte.data() + first, rip + first, longest - first)) {
            code.count = longest;
        }
    }
    return code;
}

/// Whether the guest's code segment is 64-bit code. Others are not emulated for.
template <class P>
bool is_long_code(vcpu<P>& v) noexcept {
    x86::selector const cs{static_cast<std::uint16_t>(v.context.cs)};
    if (cs.raw == abi::flat_ring3_cs64) {
        return true;
    }
    auto const& s = state_of(v);
    unsigned const frame = cs.index() / 512;
    if (cs.is_ldt() || cs.index() >= s.gdt_entries || frame >= guest_gdt_frames) {
        return false;
    }
    auto const* const table =
        reinterpret_cast<std::uint64_t const*>(v.dom.hv.platform.map(s.gdt_frames[frame]));
    x86::segment_descriptor const d{atomic_load(table[cs.index() % 512])};
    return d.is_code() && (d.attributes() & x86::segment_attribute::long_mode) != 0;
}

namespace detail {

/// What precedes an opcode.
struct prefixes {
    bool operand16 = false;
    bool address32 = false;
    bool repeat = false;
    std::uint8_t rex = 0;
    unsigned length = 0;
};

constexpr prefixes decode_prefixes(code_bytes const& code) noexcept {
    prefixes p;
    for (; p.length < 4; ++p.length) {
        auto const b = code.byte[p.length];
        if (b == 0x66) {
            p.operand16 = true;
        } else if (b == 0x67) {
            p.address32 = true;
        } else if (b == 0xf2 || b == 0xf3) {
            p.repeat = true;
        } else if (b != 0x26 && b != 0x2e && b != 0x36 && b != 0x3e && b != 0x64 && b != 0x65) {
            break;
        }
    }
    if ((code.byte[p.length] & 0xf0) == 0x40) {
        p.rex = code.byte[p.length++];
    }
    return p;
}

/// How many bytes the instructions below have from their opcode, at `at`, on.
constexpr unsigned opcode_length(code_bytes const& code, unsigned at) noexcept {
    auto const op = code.byte[at];
    if (op != 0x0f) {
        return op >= 0xe4 && op <= 0xe7 ? 2 : 1;
    }
    auto const second = code.byte[at + 1];
    return second == 0x01 || (second >= 0x20 && second <= 0x23) ? 3 : 2;
}

template <class P>
[[gnu::noinline]] x86::cpuid_leaf
make_up_cpuid(vcpu<P>& v, std::uint32_t leaf, std::uint32_t subleaf) noexcept {
    return cpuid_query(v, leaf, subleaf);
}

/// CPUID with what its registers ask for.
template <class P>
[[gnu::always_inline]] inline void carry_out_cpuid(vcpu<P>& v) noexcept {
    auto& c = v.context;
    auto const leaf = static_cast<std::uint32_t>(c.rax);
    auto const subleaf = static_cast<std::uint32_t>(c.rcx);
    auto const& answer =
        state_of(v).cpuid.find({v.xcr0, c.cr4, v.dom.tsc_mode}, leaf, subleaf,
                               [&]() noexcept { return make_up_cpuid(v, leaf, subleaf); });
    c.rax = answer.a;
    c.rbx = answer.b;
    c.rcx = answer.c;
    c.rdx = answer.d;
}

/// The instruction of `length` bytes is done.
template <class P>
[[gnu::always_inline]] inline exit_action finish(vcpu<P>& v, unsigned length) noexcept {
    auto& c = v.context;
    c.rip += length;
    c.entry = 0; // any register may have changed
    c.rflags &= ~x86::rflags::resume.raw();
    if ((c.rflags & x86::rflags::trap.raw()) != 0) [[unlikely]] {
        state_of(v).dr6 |= x86::dr6::bs.raw();
        return raise(v, x86::exception::debug);
    }
    return exit_action::resume();
}

template <class P>
exit_action refuse(vcpu<P>& v) noexcept {
    return raise(v, x86::exception::general_protection);
}

/// What the CPUID of the domain offers, as MOV to CR4 may set it.
template <class P>
std::uint64_t settable_cr4(vcpu<P> const& v) noexcept {
    auto const& policy = v.dom.cpuid;
    auto bits = x86::cr4::tsd | x86::cr4::de;
    if (policy.has(x86::cpuid::fsgsbase)) {
        bits |= x86::cr4::fsgsbase;
    }
    if (policy.has(x86::cpuid::xsave)) {
        bits |= x86::cr4::osxsave;
    }
    return bits.raw();
}

template <class P>
bool read_control(vcpu<P>& v, unsigned n, std::uint64_t& value) noexcept {
    auto const& c = v.context;
    switch (n) {
    case 0:
        value = guest_cr0.raw() | (state_of(v).task_switched ? x86::cr0::ts.raw() : 0);
        return true;
    case 2: value = v.info != nullptr ? v.info->arch.cr2 : 0; return true;
    case 3: value = c.cr3; return true;
    case 4: value = c.cr4; return true;
    default: return false;
    }
}

/// CR0 takes a change of TS, CR4 one of what CPUID offers; CR3 is changed by mmuext_op.
template <class P>
bool write_control(vcpu<P>& v, unsigned n, std::uint64_t value) noexcept {
    auto& c = v.context;
    auto& s = state_of(v);
    switch (n) {
    case 0:
        if (((value ^ guest_cr0.raw()) & ~x86::cr0::ts.raw()) != 0) {
            return false;
        }
        s.task_switched = (value & x86::cr0::ts.raw()) != 0;
        break;
    case 2:
        if (v.info != nullptr) {
            v.info->arch.cr2 = value;
        }
        return true;
    case 4: {
        auto const settable = settable_cr4(v);
        if ((value & ~(x86::cr4::all.raw())) != 0) {
            return false;
        }
        // What it cannot have it does not get; it reads back what it has.
        c.cr4 = initial_cr4.raw() | (value & settable);
        break;
    }
    default: return false;
    }
    v.dom.hv.platform.pv_load_controls(v);
    return true;
}

/// MOV to or from a control (20, 22) or debug (21, 23) register.
template <class P>
exit_action move_special(vcpu<P>& v, code_bytes const& code, prefixes const& p) noexcept {
    auto const op = code.byte[p.length + 1];
    auto const modrm = code.byte[p.length + 2];
    auto const n = static_cast<unsigned>((modrm >> 3 & 7) | ((p.rex & 4) << 1));
    auto& general = v.context.reg((modrm & 7U) | ((p.rex & 1U) << 3));
    bool done = false;
    switch (op) {
    case 0x20: done = read_control(v, n, general); break;
    case 0x22: done = write_control(v, n, general); break;
    case 0x21:
        if (auto const value = debug_register(v, n)) {
            general = *value;
            done = true;
        }
        break;
    default: done = static_cast<bool>(set_debug_register(v, n, general)); break;
    }
    return done ? finish(v, p.length + 3) : refuse(v);
}

template <class P>
exit_action move_msr(vcpu<P>& v, bool is_write, unsigned length) noexcept {
    auto& c = v.context;
    auto const m = static_cast<x86::msr>(static_cast<std::uint32_t>(c.rcx));
    if (is_write) {
        auto const value = c.rdx << 32 | (c.rax & 0xffffffff);
        return write_msr(v, m, value) ? finish(v, length) : refuse(v);
    }
    auto const value = read_msr(v, m);
    if (!value) {
        return refuse(v);
    }
    c.rax = *value & 0xffffffff;
    c.rdx = *value >> 32;
    return finish(v, length);
}

template <class P>
exit_action read_clock(vcpu<P>& v, unsigned length) noexcept {
    auto const now = v.dom.hv.platform.tsc();
    v.context.rax = now & 0xffffffff;
    v.context.rdx = now >> 32;
    return finish(v, length);
}

/// XSETBV. CR4.OSXSAVE is always set, whatever the guest reads there.
template <class P>
exit_action set_extended_control(vcpu<P>& v, unsigned length) noexcept {
    auto const& c = v.context;
    auto const value = x86::xcr0::value(c.rdx << 32 | (c.rax & 0xffffffff));
    if (static_cast<std::uint32_t>(c.rcx) != 0 ||
        !x86::xcr0::is_valid(value, x86::xcr0::value(xcr0_offered(v.dom.cpuid)))) {
        return refuse(v);
    }
    v.xcr0 = value.raw();
    v.dom.hv.platform.pv_load_controls(v);
    return finish(v, length);
}

/// Opcodes that begin with 0f, of the kernel.
template <class P>
exit_action two_byte(vcpu<P>& v, code_bytes const& code, prefixes const& p) noexcept {
    auto const length = p.length + 2;
    switch (code.byte[p.length + 1]) {
    case 0x01:
        switch (code.byte[p.length + 2]) {
        case 0xd1: return set_extended_control(v, length + 1);
        case 0xf9: // RDTSCP, where CR4.TSD makes it fault
            v.context.rcx = v.tsc_aux;
            return read_clock(v, length + 1);
        default: return refuse(v);
        }
    case 0x06: // CLTS
        if (state_of(v).task_switched) {
            state_of(v).task_switched = false;
            v.dom.hv.platform.pv_load_controls(v);
        }
        return finish(v, length);
    case 0x08:
    case 0x09: return finish(v, length); // INVD, WBINVD: memory is coherent without it
    case 0x20:
    case 0x21:
    case 0x22:
    case 0x23: return move_special(v, code, p);
    case 0x30: return move_msr(v, true, length);
    case 0x31: return read_clock(v, length);
    case 0x32: return move_msr(v, false, length);
    case 0xa2: carry_out_cpuid(v); return finish(v, length);
    default: return refuse(v);
    }
}

/// Whether the mode that runs may use `size` ports from `port` on: a kernel always, a process by
/// its I/O privilege or the map that its kernel gave.
template <class P>
bool may_use_ports(vcpu<P>& v, std::uint16_t port, unsigned size) noexcept {
    auto const& s = state_of(v);
    if (s.in_kernel || s.iopl == 3) {
        return true;
    }
    if (s.io_ports == 0 || port + size > s.io_port_count) {
        return false;
    }
    set_mode(v, true); // the map lies in the kernel's memory
    bool may = true;
    for (unsigned n = port; n != port + size && may; ++n) {
        auto const bits = read_guest<std::uint8_t>(v, s.io_ports, n / 8);
        may = bits && (*bits >> (n % 8) & 1) == 0;
    }
    set_mode(v, false);
    return may;
}

/// IN, OUT and their string forms. There is no device behind any port.
template <class P>
exit_action port_io(vcpu<P>& v, code_bytes const& code, prefixes const& p) noexcept {
    auto const op = code.byte[p.length];
    bool const is_immediate = op >= 0xe4 && op <= 0xe7;
    bool const is_string = op <= 0x6f;
    unsigned const length = p.length + (is_immediate ? 2 : 1);
    auto const size = static_cast<std::uint8_t>((op & 1) == 0 ? 1 : p.operand16 ? 2 : 4);
    auto const port = is_immediate ? std::uint16_t{code.byte[p.length + 1]}
                                   : static_cast<std::uint16_t>(v.context.rdx);
    if (!may_use_ports(v, port, size)) {
        return refuse(v);
    }
    x86::io_exit io{};
    io.port = port;
    io.size = size;
    io.is_in = (op & 2) == 0;
    io.is_string = is_string;
    io.is_rep = is_string && p.repeat;
    io.address_size = p.address32 ? 4 : 8;
    if (!is_string) {
        if (io.is_in) {
            auto& rax = v.context.rax;
            rax = hv::detail::merge_in(rax, read_absent_port(port), size);
        }
        return finish(v, length);
    }
    auto const done = handle_io(v, io);
    return done.what == exit_action::kind::inject ? refuse(v)
           : done.what == exit_action::kind::skip ? finish(v, length)
                                                  : exit_action::resume();
}

} // namespace detail

/// #GP without a selector: carries the instruction out if it is one that the guest may use, else
/// raises #GP in the guest.
template <class P>
exit_action emulate_privileged(vcpu<P>& v) noexcept {
    auto const code = fetch(v, v.context.rip);
    if (code.count == 0 || !is_long_code(v)) {
        return detail::refuse(v);
    }
    auto const p = detail::decode_prefixes(code);
    auto const op = code.byte[p.length];
    if (p.length + detail::opcode_length(code, p.length) > code.count) {
        return detail::refuse(v);
    }
    switch (op) {
    case 0x6c:
    case 0x6d:
    case 0x6e:
    case 0x6f:
    case 0xe4:
    case 0xe5:
    case 0xe6:
    case 0xe7:
    case 0xec:
    case 0xed:
    case 0xee:
    case 0xef: return detail::port_io(v, code, p);
    case 0xfa: // CLI, STI: the guest masks events, these do nothing
    case 0xfb: return state_of(v).in_kernel ? detail::finish(v, p.length + 1) : detail::refuse(v);
    case 0x0f: return state_of(v).in_kernel ? detail::two_byte(v, code, p) : detail::refuse(v);
    default: return detail::refuse(v);
    }
}

/// #UD: ud2, "xen", CPUID is Xen's way to ask for the hypervisor's answer (its forced emulation
/// prefix); anything else is the guest's own.
template <class P>
[[gnu::always_inline]] inline exit_action emulate_forced(vcpu<P>& v) noexcept {
    constexpr std::uint64_t cpuid = 0xa20f'6e65'78'0b0f; // as bytes 0f 0b "xen" 0f a2
    constexpr std::uint64_t all = 0x00ff'ffff'ffff'ffff;
    constexpr unsigned length = 7;
    std::uint64_t code = 0;
    auto const rip = v.context.rip;
    // A word at once, unless the next page might not be there.
    bool const in_page = (rip & (page_size - 1)) <= page_size - sizeof code;
    auto const is_read =
        in_page ? read_guest_inline(v, code, rip) : copy_from_guest(v, &code, rip, length);
    if (is_read && (code & all) == cpuid) {
        detail::carry_out_cpuid(v);
        return detail::finish(v, length);
    }
    return raise(v, x86::exception::invalid_opcode);
}

} // namespace xenpp::hv::pv
