// SPDX-License-Identifier: Apache-2.0
// Hypercall 33, physdev_op: physical devices, which no domain has here.
#pragma once

#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/vcpu.hpp>

namespace xenpp::hv {

/// The handler. `nosys` for everything: so Xen answers guests with hardware virtualization that
/// have no physical interrupts, and the control domain outside of the machine has none either.
template <class P>
hypercall_result do_physdev_op(vcpu<P>& /*v*/, hypercall_args& /*args*/) noexcept {
    return unexpected(errc::nosys);
}

} // namespace xenpp::hv
