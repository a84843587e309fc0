// SPDX-License-Identifier: Apache-2.0
// The hypercall page that older kernels ask for by MSR 0x40000000.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/own_page.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace xenpp::hv {

/// One entry of 32 bytes: mov $number, %eax; the vendor's call instruction; ret.
constexpr std::array<std::uint8_t, 9> hypercall_stub(std::uint32_t number,
                                                     std::uint8_t opcode3) noexcept {
    return {0xb8,
            static_cast<std::uint8_t>(number),
            static_cast<std::uint8_t>(number >> 8),
            0,
            0,
            0x0f,
            0x01,
            opcode3,
            0xc3};
}

/// Fills a page with the entries of all hypercalls and traps behind each. `opcode3` is the last
/// byte of VMMCALL (0xd9) or VMCALL (0xc1).
inline void fill_hypercall_page(std::byte* page, std::uint8_t opcode3) noexcept {
    std::memset(page, 0xcc, page_size);
    for (unsigned n = 0; n < page_size / 32; ++n) {
        auto const stub = hypercall_stub(n, opcode3);
        std::memcpy(page + 32 * n, stub.data(), stub.size());
    }
}

/// Fills a page for a PV guest, whose hypercalls are SYSCALLs: those lose rcx and r11, which each
/// entry keeps. `iret` ends an entry that never returns: it leaves rax, r11 and rcx on the stack in
/// the order of abi::iret_context, above what the caller has pushed.
inline void fill_pv_hypercall_page(std::byte* page) noexcept {
    std::memset(page, 0xcc, page_size);
    for (unsigned n = 0; n < page_size / 32; ++n) {
        auto const low = static_cast<std::uint8_t>(n);
        // push %rcx; push %r11; mov $n, %eax; syscall; pop %r11; pop %rcx; ret
        std::array<std::uint8_t, 14> const call{0x51, 0x41, 0x53, 0xb8, low,  0,    0,
                                                0,    0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3};
        // push %rcx; push %r11; push %rax; mov $n, %eax; syscall
        std::array<std::uint8_t, 11> const iret{0x51, 0x41, 0x53, 0x50, 0xb8, low,
                                                0,    0,    0,    0x0f, 0x05};
        bool const is_iret = n == static_cast<unsigned>(abi::hypercall::iret);
        std::memcpy(page + 32 * n, is_iret ? iret.data() : call.data(),
                    is_iret ? iret.size() : call.size());
    }
}

/// Fills the page at guest-physical `value` (its low twelve bits select page 0). `V::call_opcode`
/// is the vendor's.
template <class V, class P>
expected<void, errc> write_hypercall_page(vcpu<P>& v, std::uint64_t value) noexcept {
    if ((value & (page_size - 1)) != 0) {
        return unexpected(errc::inval); // there is one page, index 0
    }
    auto const page = own_page(v.dom, to_gfn(gpa(value)));
    if (!page) {
        return unexpected(errc::inval);
    }
    fill_hypercall_page(page.map(), V::call_opcode);
    return {};
}

} // namespace xenpp::hv
