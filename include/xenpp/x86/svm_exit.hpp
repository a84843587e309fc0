// SPDX-License-Identifier: Apache-2.0
// SVM exit codes, and pure functions from the exit information to a view (APM2 15, app. C).
#pragma once

#include <xenpp/base/strong.hpp>
#include <xenpp/x86/exception.hpp>
#include <xenpp/x86/exit_view.hpp>
#include <xenpp/x86/register_value.hpp>

#include <cstdint>
#include <optional>

namespace xenpp::x86 {

// clang-format off
/// EXITCODE, sign-extended where a processor writes 32 bits only; see `decode_svm_exit`. Codes with
/// a register or vector number in them are given by their first; `index_in` tells the number.
enum class svm_exit : std::uint64_t {
    cr0_read              = 0x000, // to 0x00f
    cr15_read             = 0x00f,
    cr0_write             = 0x010, // to 0x01f
    cr15_write            = 0x01f,
    dr0_read              = 0x020, // to 0x02f
    dr15_read             = 0x02f,
    dr0_write             = 0x030, // to 0x03f
    dr15_write            = 0x03f,
    exception0            = 0x040, // to 0x05f
    exception31           = 0x05f,
    intr                  = 0x060,
    nmi                   = 0x061,
    smi                   = 0x062,
    init                  = 0x063,
    vintr                 = 0x064,
    cr0_selective_write   = 0x065,
    idtr_read             = 0x066,
    gdtr_read             = 0x067,
    ldtr_read             = 0x068,
    tr_read               = 0x069,
    idtr_write            = 0x06a,
    gdtr_write            = 0x06b,
    ldtr_write            = 0x06c,
    tr_write              = 0x06d,
    rdtsc                 = 0x06e,
    rdpmc                 = 0x06f,
    pushf                 = 0x070,
    popf                  = 0x071,
    cpuid                 = 0x072,
    rsm                   = 0x073,
    iret                  = 0x074,
    software_int          = 0x075,
    invd                  = 0x076,
    pause                 = 0x077,
    hlt                   = 0x078,
    invlpg                = 0x079,
    invlpga               = 0x07a,
    ioio                  = 0x07b,
    msr                   = 0x07c,
    task_switch           = 0x07d,
    ferr_freeze           = 0x07e,
    shutdown              = 0x07f,
    vmrun                 = 0x080,
    vmmcall               = 0x081,
    vmload                = 0x082,
    vmsave                = 0x083,
    stgi                  = 0x084,
    clgi                  = 0x085,
    skinit                = 0x086,
    rdtscp                = 0x087,
    icebp                 = 0x088,
    wbinvd                = 0x089,
    monitor               = 0x08a,
    mwait                 = 0x08b,
    mwait_armed           = 0x08c,
    xsetbv                = 0x08d,
    rdpru                 = 0x08e,
    efer_write_trap       = 0x08f,
    cr0_write_trap        = 0x090, // to 0x09f
    cr15_write_trap       = 0x09f,
    invlpgb               = 0x0a0,
    invlpgb_illegal       = 0x0a1,
    invpcid               = 0x0a2,
    mcommit               = 0x0a3,
    tlbsync               = 0x0a4,
    bus_lock              = 0x0a5,
    idle_hlt              = 0x0a6,
    npf                   = 0x400,
    avic_incomplete_ipi   = 0x401,
    avic_noaccel          = 0x402,
    vmgexit               = 0x403,
    invalid               = ~0ull,      // VMRUN refused the state
    busy                  = ~0ull - 1,
    idle_required         = ~0ull - 2,
    invalid_pmc           = ~0ull - 3,
};

// clang-format on

/// The exit code of a VMCB. The negative codes are known by their low half: some processors and
/// emulators write 32 bits only.
constexpr svm_exit decode_svm_exit(std::uint64_t exit_code) noexcept {
    auto const low = static_cast<std::uint32_t>(exit_code);
    bool const is_negative = low >= 0xffff'fffc;
    return static_cast<svm_exit>(is_negative ? 0xffff'ffff'0000'0000 | low : exit_code);
}

constexpr bool is_between(svm_exit code, svm_exit first, svm_exit last) noexcept {
    return code >= first && code <= last;
}

/// How far `code` is from the first of its range: the register or vector number.
constexpr std::uint8_t index_in(svm_exit code, svm_exit first) noexcept {
    return static_cast<std::uint8_t>(static_cast<std::uint64_t>(code) -
                                     static_cast<std::uint64_t>(first));
}

/// The intercepted exception, if `code` is one.
constexpr std::optional<exception> svm_exception(svm_exit code) noexcept {
    if (!is_between(code, svm_exit::exception0, svm_exit::exception31)) {
        return std::nullopt;
    }
    return static_cast<exception>(index_in(code, svm_exit::exception0));
}

/// EXITINFO1 of `ioio`; EXITINFO2 is the address of the next instruction.
namespace svm_ioio {
// clang-format off
using value = register_value<struct tag>;
inline constexpr value in{1u << 0};
inline constexpr value string{1u << 2};
inline constexpr value rep{1u << 3};
inline constexpr register_field<value> size{4, 3};          ///< in bytes
inline constexpr register_field<value> address_size{7, 3};  ///< 1, 2, 4: 16, 32, 64 bits
inline constexpr register_field<value> segment{10, 3};
inline constexpr register_field<value> port{16, 16};
// clang-format on
} // namespace svm_ioio

constexpr io_exit decode_svm_ioio(std::uint64_t exit_info1) noexcept {
    svm_ioio::value const info(exit_info1);
    return {
        .port = static_cast<std::uint16_t>(svm_ioio::port.get(info)),
        .size = static_cast<std::uint8_t>(svm_ioio::size.get(info)),
        .address_size = static_cast<std::uint8_t>(svm_ioio::address_size.get(info) * 2),
        .is_in = info.has(svm_ioio::in),
        .is_string = info.has(svm_ioio::string),
        .is_rep = info.has(svm_ioio::rep),
        .segment = static_cast<segment_register>(svm_ioio::segment.get(info)),
    };
}

/// EXITINFO1 of `npf`: a page-fault error code below, and which walk it was above.
namespace svm_npf {
// clang-format off
using value = register_value<struct tag>;
inline constexpr value present{1u << 0};
inline constexpr value write{1u << 1};
inline constexpr value user{1u << 2};       ///< always set: nested walks are user accesses
inline constexpr value reserved{1u << 3};
inline constexpr value fetch{1u << 4};
inline constexpr value shadow_stack{1u << 6};
inline constexpr value final_address{1ull << 32}; ///< translating the guest's own access
inline constexpr value guest_walk{1ull << 33};    ///< translating the address of a guest page table
// clang-format on
} // namespace svm_npf

constexpr npf_exit decode_svm_npf(std::uint64_t exit_info1, std::uint64_t exit_info2) noexcept {
    svm_npf::value const info(exit_info1);
    return {
        .address = gpa(exit_info2),
        .is_present = info.has(svm_npf::present),
        .is_write = info.has(svm_npf::write),
        .is_fetch = info.has(svm_npf::fetch),
        .is_reserved_bit = info.has(svm_npf::reserved),
        .is_guest_walk = info.has(svm_npf::guest_walk),
    };
}

constexpr msr_exit decode_svm_msr(std::uint64_t exit_info1) noexcept {
    return {.is_write = (exit_info1 & 1) != 0};
}

/// The length in bytes of an intercepted instruction that has one encoding, for processors that
/// do not save the next rIP. True for an instruction without prefixes beyond its own, which is
/// what compilers and kernels emit; nothing if the bytes must be decoded.
constexpr std::optional<std::uint8_t> plain_instruction_length(svm_exit code) noexcept {
    using enum svm_exit;
    switch (code) {
    case hlt:
    case icebp: return 1;
    case rdtsc:
    case rdpmc:
    case cpuid:
    case rsm:
    case invd:
    case pause:
    case msr:
    case wbinvd: return 2;
    case invlpga:
    case vmrun:
    case vmmcall:
    case vmload:
    case vmsave:
    case stgi:
    case clgi:
    case skinit:
    case rdtscp:
    case monitor:
    case mwait:
    case mwait_armed:
    case xsetbv:
    case rdpru:
    case invlpgb:
    case invlpgb_illegal:
    case tlbsync: return 3;
    case mcommit: return 4;
    default: return std::nullopt; // ranges, events and instructions with operands
    }
}

static_assert(decode_svm_exit(0xffff'ffff) == svm_exit::invalid);
static_assert(decode_svm_exit(~0ull) == svm_exit::invalid);
static_assert(decode_svm_exit(0x400) == svm_exit::npf);
static_assert(svm_exception(decode_svm_exit(0x4e)) == exception::page_fault);

} // namespace xenpp::x86
