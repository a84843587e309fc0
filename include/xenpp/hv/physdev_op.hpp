// SPDX-License-Identifier: Apache-2.0
// Hypercall 33, physdev_op: physical devices, which no domain has here, and a PV vCPU's ports.
#pragma once

#include <xenpp/abi/physdev.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/pv/vcpu_state.hpp>
#include <xenpp/hv/vcpu.hpp>

#include <cstdint>

namespace xenpp::hv {

/// The handler: arg[0] the operation, arg[1] its structure. `nosys` but for what tells which ports
/// a PV guest's processes may use: so Xen answers guests that have no physical interrupts, and the
/// control domain outside of the machine has none either. `inval` for a level or count beyond what
/// there is.
template <class P>
hypercall_result do_physdev_op(vcpu<P>& v, hypercall_args& args) noexcept {
    constexpr std::uint32_t all_ports = 65536;
    auto const op = static_cast<abi::physdev_op>(args.arg[0]);
    if (v.dom.kind == domain_kind::pv && op == abi::physdev_op::set_iopl) {
        auto const q = XENPP_TRY(read_guest<abi::physdev_set_iopl>(v, args.arg[1]));
        if (q.iopl > 3) {
            return unexpected(errc::inval);
        }
        pv::state_of(v).iopl = static_cast<std::uint8_t>(q.iopl);
        return std::uint64_t{0};
    }
    if (v.dom.kind == domain_kind::pv && op == abi::physdev_op::set_iobitmap) {
        auto const q = XENPP_TRY(read_guest<abi::physdev_set_iobitmap>(v, args.arg[1]));
        if (q.nr_ports > all_ports) {
            return unexpected(errc::inval);
        }
        pv::state_of(v).io_ports = q.bitmap.p;
        pv::state_of(v).io_port_count = q.nr_ports;
        return std::uint64_t{0};
    }
    return unexpected(errc::nosys);
}

} // namespace xenpp::hv
