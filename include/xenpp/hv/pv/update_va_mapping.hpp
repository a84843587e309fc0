// SPDX-License-Identifier: Apache-2.0
// Hypercalls 14 and 22, update_va_mapping: the entry that maps an address, and what to flush then.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/hv/pv/mmu_call.hpp>
#include <xenpp/hv/pv/page_table_write.hpp>
#include <xenpp/hv/pv/root.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

/// What the flags of an update ask for. `fault`: the mask of vCPUs cannot be read.
template <class P>
expected<void, errc>
flush_after_update(vcpu<P>& v, std::uint64_t va, std::uint64_t flags) noexcept {
    auto const what = flags & abi::uvmf_flushtype_mask;
    auto const whose = flags & ~std::uint64_t{abi::uvmf_flushtype_mask};
    if (what == abi::uvmf_none) {
        return {};
    }
    if (whose == abi::uvmf_local) {
        if (what == abi::uvmf_invlpg) {
            v.dom.hv.platform.flush_local_page(va);
        } else {
            flush_here(v.dom.hv);
        }
        return {};
    }
    flush_cpus(v.dom.hv,
               whose == abi::uvmf_all ? cpus_of(v.dom) : XENPP_TRY(cpus_of_vcpus(v, whose)));
    return {};
}

template <class P>
hypercall_result update_va(vcpu<P>& v, hypercall_args const& args) noexcept {
    auto const va = args.arg[0];
    {
        table_work<P> w(v.dom);
        XENPP_TRY(finish_unfinished(w));
        auto* const slot = find_l1_entry(w, kernel_root(v), va);
        if (slot == nullptr) {
            return unexpected(errc::inval);
        }
        XENPP_TRY(write_l1(v.dom, *slot, args.arg[1]));
    }
    if (args.arg[2] != 0) {
        XENPP_TRY(flush_after_update(v, va, args.arg[2]));
    }
    return std::uint64_t{0};
}

/// arg[0]: a virtual address, arg[1]: the entry that is to map it, arg[2]: uvmf_* and perhaps the
/// address of a mask of vCPUs. Errors: `inval`: no table covers the address, or the entry may not
/// be so; `fault`.
template <class P>
hypercall_result do_update_va_mapping(vcpu<P>& v, hypercall_args& args) noexcept {
    return update_va(v, args);
}

/// The same with arg[3], the owner of the frame: the caller itself, for who could be served
/// otherwise has no page tables here. `perm`.
template <class P>
hypercall_result do_update_va_mapping_otherdomain(vcpu<P>& v, hypercall_args& args) noexcept {
    domid const owner(static_cast<std::uint16_t>(args.arg[3]));
    if (owner != domid_self && owner != v.dom.id) {
        return unexpected(errc::perm);
    }
    return update_va(v, args);
}

} // namespace xenpp::hv::pv
