// SPDX-License-Identifier: Apache-2.0
// Hypercall 18, console_io: the emergency console.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/guest_console.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/hypervisor.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace xenpp::hv {

/// The handler: arg[0] read or write, arg[1] a count, arg[2] a buffer. The control domain writes to
/// the serial console as it is; a guest only where the option `guest_console` lets it, else `perm`
/// (as Xen's release builds). Nothing is ever there to be read. `nosys` otherwise.
template <class P>
hypercall_result do_console_io(vcpu<P>& v, hypercall_args& args) noexcept {
    auto& hv = v.dom.hv;
    if (!v.dom.is_privileged() &&
        !(hv.guest_console &&
          args.arg[0] == static_cast<std::uint64_t>(abi::console_io_op::write))) {
        return unexpected(errc::perm);
    }
    switch (static_cast<abi::console_io_op>(args.arg[0])) {
    case abi::console_io_op::read: return std::uint64_t{0};
    case abi::console_io_op::write: break;
    default: return unexpected(errc::nosys);
    }
    constexpr unsigned turns = 8;
    std::array<char, 128> text{};
    for (unsigned n = 0; args.arg[1] != 0; ++n) {
        if (n == turns) {
            return unexpected(errc::restart);
        }
        auto const count = args.arg[1] < text.size() ? args.arg[1] : text.size();
        XENPP_TRY(copy_from_guest(v, text.data(), args.arg[2], count));
        if (v.dom.is_privileged()) {
            hv.console.append({text.data(), count});
            hv.platform.console_write({text.data(), count});
        } else {
            for (std::size_t i = 0; i != count; ++i) {
                guest_console_put(v.dom, text[i]);
            }
        }
        args.arg[1] -= count;
        args.arg[2] += count;
    }
    return std::uint64_t{0};
}

} // namespace xenpp::hv
