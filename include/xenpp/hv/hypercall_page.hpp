// SPDX-License-Identifier: Apache-2.0
// The hypercall page that older kernels ask for by MSR 0x40000000.
#pragma once

#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/p2m.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace xenpp::hv {

/// One entry of 32 bytes: mov $number, %eax; the vendor's call instruction; ret.
constexpr std::array<std::uint8_t, 9> hypercall_stub(std::uint32_t number,
                                                     std::uint8_t opcode3) noexcept {
    return {0xb8, static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(number >> 8), 0, 0,
            0x0f, 0x01, opcode3, 0xc3};
}

/// Fills the page at guest-physical `value` (its low twelve bits select page 0). `V::call_opcode`
/// is the last byte of VMMCALL or VMCALL.
template <class V, class P>
expected<void, errc> write_hypercall_page(vcpu<P>& v, std::uint64_t value) noexcept {
    if ((value & (page_size - 1)) != 0) {
        return unexpected(errc::inval); // there is one page, index 0
    }
    auto const page = XENPP_TRY(get_page(v.dom, to_gfn(gpa(value))));
    std::byte* const to = page.map();
    std::memset(to, 0xcc, page_size);
    constexpr unsigned entries = page_size / 32;
    for (unsigned n = 0; n < entries; ++n) {
        auto const stub = hypercall_stub(n, V::call_opcode);
        std::memcpy(to + 32 * n, stub.data(), stub.size());
    }
    return {};
}

} // namespace xenpp::hv
