// SPDX-License-Identifier: Apache-2.0
// vm_assist: conveniences that a guest switches on for itself.
#pragma once

#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/hypervisor.hpp>

#include <cstdint>

namespace xenpp::hv {

namespace detail {

/// What a kind of domain may switch, as a set of bits. An HVM domain has one: the update flag in
/// its runstate areas (guest_time.hpp). For a PV domain the segment and page-table conveniences of
/// 32-bit guests mean nothing and are taken; the I/O privilege level in its flags is real.
constexpr std::uint64_t assists_of(domain_kind k) noexcept {
    auto bit = [](std::uint32_t n) { return std::uint64_t{1} << n; };
    auto const common = bit(abi::vmasst_type_runstate_update_flag);
    return k != domain_kind::pv ? common
                                : common | bit(abi::vmasst_type_4gb_segments) |
                                      bit(abi::vmasst_type_4gb_segments_notify) |
                                      bit(abi::vmasst_type_writable_pagetables) |
                                      bit(abi::vmasst_type_pae_extended_cr3) |
                                      bit(abi::vmasst_type_architectural_iopl);
}

} // namespace detail

/// arg[0]: enable or disable, arg[1]: which. `inval` for what the domain does not have.
template <class P>
hypercall_result do_vm_assist(vcpu<P>& v, hypercall_args& a) noexcept {
    auto const type = a.arg[1];
    if (type > 63 || (detail::assists_of(v.dom.kind) >> type & 1) == 0) {
        return unexpected(errc::inval);
    }
    std::uint64_t const bit = std::uint64_t{1} << type;
    switch (static_cast<abi::vm_assist_cmd>(a.arg[0])) {
    case abi::vm_assist_cmd::enable: atomic_fetch_or(v.dom.vm_assist, bit); return std::uint64_t{0};
    case abi::vm_assist_cmd::disable:
        atomic_fetch_and(v.dom.vm_assist, ~bit);
        return std::uint64_t{0};
    }
    return unexpected(errc::nosys);
}

} // namespace xenpp::hv
