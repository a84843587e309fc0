// SPDX-License-Identifier: Apache-2.0
// vm_assist: conveniences that a guest switches on for itself.
#pragma once

#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/hypervisor.hpp>

#include <cstdint>

namespace xenpp::hv {

/// arg[0]: enable or disable, arg[1]: which. An HVM domain has one: the update flag in its
/// runstate areas (guest_time.hpp). `inval` for the others, as Xen answers.
template <class P>
hypercall_result do_vm_assist(vcpu<P>& v, hypercall_args& a) noexcept {
    auto const type = a.arg[1];
    if (type != abi::vmasst_type_runstate_update_flag) {
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
