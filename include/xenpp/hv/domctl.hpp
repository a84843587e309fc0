// SPDX-License-Identifier: Apache-2.0
// Hypercall 36, domctl: the table of what the control domain does to one domain.
#pragma once

#include <xenpp/abi/domctl.hpp>
#include <xenpp/hv/domctl_call.hpp>
#include <xenpp/hv/domctl_cpuid.hpp>
#include <xenpp/hv/domctl_hvm_context.hpp>
#include <xenpp/hv/domctl_life.hpp>
#include <xenpp/hv/domctl_memory.hpp>
#include <xenpp/hv/domctl_vcpu.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/print.hpp>
#include <xenpp/hv/pv/context.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv {

template <class P>
struct domctl_row {
    abi::domctl_op cmd;
    domctl_result (*handler)(domctl_call<P> const&) noexcept;
};

// clang-format off
/// createdomain stands apart: it has no domain yet. What is missing here does not exist: devices of
/// the machine, debugging, access events, tracing, cache allocation.
template <class P>
inline constexpr std::array domctl_rows{
    domctl_row<P>{abi::domctl_op::destroydomain,           domctl_destroydomain<P>},
    domctl_row<P>{abi::domctl_op::pausedomain,             domctl_pausedomain<P>},
    domctl_row<P>{abi::domctl_op::unpausedomain,           domctl_unpausedomain<P>},
    domctl_row<P>{abi::domctl_op::resumedomain,            domctl_resumedomain<P>},
    domctl_row<P>{abi::domctl_op::getdomaininfo,           domctl_getdomaininfo<P>},
    domctl_row<P>{abi::domctl_op::getvcpuinfo,             domctl_getvcpuinfo<P>},
    domctl_row<P>{abi::domctl_op::setvcpucontext,          domctl_setvcpucontext<P>},
    domctl_row<P>{abi::domctl_op::getvcpucontext,          domctl_getvcpucontext<P>},
    domctl_row<P>{abi::domctl_op::max_vcpus,               domctl_max_vcpus<P>},
    domctl_row<P>{abi::domctl_op::setvcpuaffinity,         domctl_setvcpuaffinity<P>},
    domctl_row<P>{abi::domctl_op::getvcpuaffinity,         domctl_getvcpuaffinity<P>},
    domctl_row<P>{abi::domctl_op::scheduler_op,            domctl_scheduler_op<P>},
    domctl_row<P>{abi::domctl_op::setdomainhandle,         domctl_setdomainhandle<P>},
    domctl_row<P>{abi::domctl_op::settimeoffset,           domctl_settimeoffset<P>},
    domctl_row<P>{abi::domctl_op::sendtrigger,             domctl_sendtrigger<P>},
    domctl_row<P>{abi::domctl_op::max_mem,                 domctl_max_mem<P>},
    domctl_row<P>{abi::domctl_op::shadow_op,               domctl_shadow_op<P>},
    domctl_row<P>{abi::domctl_op::get_paging_mempool_size, domctl_get_paging_mempool_size<P>},
    domctl_row<P>{abi::domctl_op::set_paging_mempool_size, domctl_set_paging_mempool_size<P>},
    domctl_row<P>{abi::domctl_op::getpageframeinfo3,       domctl_getpageframeinfo3<P>},
    domctl_row<P>{abi::domctl_op::hypercall_init,          domctl_hypercall_init<P>},
    domctl_row<P>{abi::domctl_op::setnodeaffinity,         domctl_setnodeaffinity<P>},
    domctl_row<P>{abi::domctl_op::getnodeaffinity,         domctl_getnodeaffinity<P>},
    domctl_row<P>{abi::domctl_op::set_address_size,        domctl_set_address_size<P>},
    domctl_row<P>{abi::domctl_op::get_address_size,        domctl_get_address_size<P>},
    domctl_row<P>{abi::domctl_op::gethvmcontext,           domctl_gethvmcontext<P>},
    domctl_row<P>{abi::domctl_op::sethvmcontext,           domctl_sethvmcontext<P>},
    domctl_row<P>{abi::domctl_op::gethvmcontext_partial,   domctl_gethvmcontext_partial<P>},
    domctl_row<P>{abi::domctl_op::get_cpu_policy,          domctl_get_cpu_policy<P>},
    domctl_row<P>{abi::domctl_op::set_cpu_policy,          domctl_set_cpu_policy<P>},
    domctl_row<P>{abi::domctl_op::gettscinfo,              domctl_gettscinfo<P>},
    domctl_row<P>{abi::domctl_op::settscinfo,              domctl_settscinfo<P>},
};

// clang-format on

namespace detail {

/// The row of an operation, or null.
template <class P>
domctl_row<P> const* find_domctl(std::uint32_t cmd) noexcept {
    for (auto const& row : domctl_rows<P>) {
        if (static_cast<std::uint32_t>(row.cmd) == cmd) {
            return &row;
        }
    }
    return nullptr;
}

} // namespace detail

/// The handler: arg[0] the structure. Errors: `perm` for others than the control domain; `acces`
/// for another interface version, said on the console; `nosys` for an operation without a row;
/// `srch` without such a domain (getdomaininfo takes the next one); else as the operation's.
template <class P>
hypercall_result do_domctl(vcpu<P>& v, hypercall_args& args) noexcept {
    if (!v.dom.is_privileged()) {
        return unexpected(errc::perm);
    }
    auto& hv = v.dom.hv;
    auto const at = args.arg[0];
    auto op = XENPP_TRY(read_guest<abi::domctl>(v, at));
    if (op.interface_version != abi::domctl_interface_version) {
        print(hv, "domctl ", op.cmd, ": the caller speaks interface version ",
              hex{op.interface_version}, ", this hypervisor ", hex{abi::domctl_interface_version});
        return unexpected(errc::acces);
    }
    if (op.cmd == static_cast<std::uint32_t>(abi::domctl_op::createdomain)) {
        op.domain = XENPP_TRY(domctl_create(hv, op)).raw();
        XENPP_TRY(write_guest(v, at, op));
        return std::uint64_t{0};
    }
    auto const* const row = detail::find_domctl<P>(op.cmd);
    if (row == nullptr) {
        return unexpected(errc::nosys);
    }
    auto const d = row->cmd == abi::domctl_op::getdomaininfo ? find_domain_from(hv, op.domain)
                                                             : find_domain(v, domid(op.domain));
    if (!d) {
        return unexpected(errc::srch);
    }
    auto const answer = XENPP_TRY(row->handler({v, *d, op, args}));
    if (answer == domctl_answer::copy_back) {
        XENPP_TRY(write_guest(v, at, op));
    }
    return std::uint64_t{0};
}

} // namespace xenpp::hv
