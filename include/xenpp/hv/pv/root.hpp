// SPDX-License-Identifier: Apache-2.0
// The roots of a vCPU's address spaces, each with a reference to its L4.
#pragma once

#include <xenpp/hv/pv/root_pair.hpp>
#include <xenpp/hv/pv/validate.hpp>
#include <xenpp/hv/pv/vcpu_state.hpp>

namespace xenpp::hv::pv {

/// Makes `f` the L4 of the guest's kernel, 0: none. `v` does not run, or with `is_here` is on this
/// CPU, in its kernel, and goes on with the new root. Errors as `get_page_type`. What is left of
/// the old one may be unfinished.
template <class P>
expected<void, errc>
set_kernel_root(table_work<P>& w, vcpu<P>& v, mfn f, bool is_here = false) noexcept {
    auto const old = kernel_root(v);
    if (f != old && f != mfn()) {
        XENPP_TRY(get_page_and_type(w, f, page_type::l4));
    }
    v.context.cr3 = to_maddr(f).raw();
    // The hypervisor itself runs on the old one, which others may write to once it is let go.
    if (is_here && !switch_within_pair(v, old)) {
        load_root(v);
    }
    if (f != old && old != mfn()) {
        put_page_and_type(w, old);
    }
    return {};
}

/// The same for the L4 that the guest's user mode has.
template <class P>
expected<void, errc> set_user_root(table_work<P>& w, vcpu<P>& v, mfn f) noexcept {
    auto const old = pv::state_of(v).user_root;
    if (f == old) {
        return {};
    }
    if (f != mfn()) {
        XENPP_TRY(get_page_and_type(w, f, page_type::l4));
    }
    pv::state_of(v).user_root = f;
    if (old != mfn()) {
        put_page_and_type(w, old);
    }
    return {};
}

} // namespace xenpp::hv::pv
