// SPDX-License-Identifier: Apache-2.0
// The state in which an hvm vCPU starts, from what VCPUOP_initialise says; checked, pure.
#pragma once

#include <xenpp/abi/hvm/hvm_vcpu.hpp>
#include <xenpp/abi/hvm/save.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>

#include <cstdint>

namespace xenpp::hv {

namespace detail {

// Segment attributes as the VMCB packs them (public hvm_vcpu.h): type 3..0, s 4, dpl 6..5, p 7,
// avl 8, l 9, db 10, g 11.
inline constexpr std::uint16_t ar_accessed = 1U << 0;
inline constexpr std::uint16_t ar_writable = 1U << 1; ///< of code: readable
inline constexpr std::uint16_t ar_code = 1U << 3;
inline constexpr std::uint16_t ar_system = 1U << 4; ///< clear: a system segment
inline constexpr std::uint16_t ar_present = 1U << 7;
inline constexpr std::uint16_t ar_long = 1U << 9;
inline constexpr std::uint16_t ar_unused = 0xf000;

inline constexpr std::uint64_t start_cr0_pe = 1U << 0;
inline constexpr std::uint64_t start_cr0_et = 1U << 4;
inline constexpr std::uint64_t start_cr0_pg = 1U << 31;
inline constexpr std::uint64_t start_cr4_pae = 1U << 5;
inline constexpr std::uint64_t start_efer_lme = 1U << 8;
inline constexpr std::uint64_t start_efer_lma = 1U << 10;

enum class start_segment : std::uint8_t {
    code,
    stack,
    data
};

/// Whether attributes suit the use: code must be code, a stack writable, data not unreadable code.
/// Only a data segment may be absent.
constexpr bool segment_is_good(std::uint16_t ar, start_segment use) noexcept {
    if ((ar & ar_unused) != 0) {
        return false;
    }
    if ((ar & ar_present) == 0) {
        return use == start_segment::data;
    }
    if ((ar & ar_system) == 0) {
        return false;
    }
    bool const is_code = (ar & ar_code) != 0;
    bool const second = (ar & ar_writable) != 0;
    switch (use) {
    case start_segment::code: return is_code;
    case start_segment::stack: return !is_code && second;
    case start_segment::data: return !is_code || second;
    }
    return false;
}

/// A task segment: a present TSS of 16 (3, 11) or 32 bits, which is then busy.
constexpr bool task_is_good(std::uint16_t ar) noexcept {
    std::uint16_t const type = ar & 0xf;
    return (ar & (ar_unused | ar_system)) == 0 && (ar & ar_present) != 0 &&
           (type == 1 || type == 3 || type == 9 || type == 11);
}

/// What every start has in common: no debugging, no FPU state, empty tables.
inline abi::hvm_hw_cpu start_common() noexcept {
    abi::hvm_hw_cpu s{};
    s.dr6 = 0xffff0ff0;
    s.dr7 = 0x400;
    s.ldtr_arbytes = 0x82;
    return s;
}

} // namespace detail

/// The state of a 64-bit start. `inval`: paging, PAE or long mode is not on.
inline expected<abi::hvm_hw_cpu, errc> start_state(abi::vcpu_hvm_x86_64 const& r) noexcept {
    using namespace detail;
    std::uint64_t const paged = start_cr0_pe | start_cr0_pg;
    std::uint64_t const long_mode = start_efer_lme | start_efer_lma;
    if ((r.cr0 & paged) != paged || (r.cr4 & start_cr4_pae) == 0 ||
        (r.efer & long_mode) != long_mode) {
        return unexpected(errc::inval);
    }
    auto s = start_common();
    s.rax = r.rax;
    s.rcx = r.rcx;
    s.rdx = r.rdx;
    s.rbx = r.rbx;
    s.rsp = r.rsp;
    s.rbp = r.rbp;
    s.rsi = r.rsi;
    s.rdi = r.rdi;
    s.rip = r.rip;
    s.rflags = r.rflags | 2;
    s.cr0 = r.cr0 | start_cr0_et;
    s.cr3 = r.cr3;
    s.cr4 = r.cr4;
    s.msr_efer = r.efer;
    s.cs_limit = s.ds_limit = s.es_limit = s.ss_limit = 0xffffffff;
    s.cs_arbytes = 0xa9b;
    s.ds_arbytes = s.es_arbytes = s.ss_arbytes = 0xc93;
    s.tr_limit = 0x67;
    s.tr_arbytes = 0x8b;
    return s;
}

/// The state of a 32-bit start. `inval`: a segment that does not suit its use, 64-bit code in
/// compatibility mode, or padding that is not zero.
inline expected<abi::hvm_hw_cpu, errc> start_state(abi::vcpu_hvm_x86_32 const& r) noexcept {
    using namespace detail;
    // A task segment left out altogether means the usual one.
    bool const has_task = r.tr_ar != 0;
    bool const is_good = r.pad1 == 0 && (r.pad2[0] | r.pad2[1] | r.pad2[2]) == 0 &&
                         segment_is_good(r.cs_ar, start_segment::code) &&
                         segment_is_good(r.ss_ar, start_segment::stack) &&
                         segment_is_good(r.ds_ar, start_segment::data) &&
                         segment_is_good(r.es_ar, start_segment::data) &&
                         (!has_task || task_is_good(r.tr_ar)) && (r.cs_ar & ar_long) == 0;
    if (!is_good) {
        return unexpected(errc::inval);
    }
    auto const accessed = [](std::uint16_t ar) -> std::uint32_t {
        return (ar & ar_present) != 0 ? ar | ar_accessed : ar;
    };
    auto s = start_common();
    s.rax = r.eax;
    s.rcx = r.ecx;
    s.rdx = r.edx;
    s.rbx = r.ebx;
    s.rsp = r.esp;
    s.rbp = r.ebp;
    s.rsi = r.esi;
    s.rdi = r.edi;
    s.rip = r.eip;
    s.rflags = r.eflags | 2;
    s.cr0 = r.cr0 | start_cr0_et;
    s.cr3 = r.cr3;
    s.cr4 = r.cr4;
    s.msr_efer = r.efer;
    s.cs_base = r.cs_base;
    s.ds_base = r.ds_base;
    s.ss_base = r.ss_base;
    s.es_base = r.es_base;
    s.tr_base = r.tr_base;
    s.cs_limit = r.cs_limit;
    s.ds_limit = r.ds_limit;
    s.ss_limit = r.ss_limit;
    s.es_limit = r.es_limit;
    s.tr_limit = has_task ? r.tr_limit : 0x67;
    s.cs_arbytes = accessed(r.cs_ar);
    s.ds_arbytes = accessed(r.ds_ar);
    s.ss_arbytes = accessed(r.ss_ar);
    s.es_arbytes = accessed(r.es_ar);
    s.tr_arbytes = has_task ? r.tr_ar | 2U : 0x8b;
    return s;
}

/// Either of them; `inval` for a mode that does not exist.
inline expected<abi::hvm_hw_cpu, errc> start_state(abi::vcpu_hvm_context const& c) noexcept {
    if (c.pad != 0) {
        return unexpected(errc::inval);
    }
    if (c.mode == abi::vcpu_hvm_mode_32b) {
        return start_state(c.cpu_regs.x86_32);
    }
    if (c.mode == abi::vcpu_hvm_mode_64b) {
        return start_state(c.cpu_regs.x86_64);
    }
    return unexpected(errc::inval);
}

} // namespace xenpp::hv
