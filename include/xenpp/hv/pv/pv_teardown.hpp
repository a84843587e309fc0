// SPDX-License-Identifier: Apache-2.0
// The end of a PV domain's memory, in bounded steps.
#pragma once

#include <xenpp/hv/pv/descriptor_page.hpp>
#include <xenpp/hv/pv/reservation.hpp>
#include <xenpp/hv/pv/root.hpp>
#include <xenpp/hv/pv/validate.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

/// A vCPU that has stopped gives up its roots and descriptor tables. `restart`: call again.
template <class P>
expected<void, errc> drop_vcpu_memory(vcpu<P>& v) noexcept {
    {
        table_work<P> w(v.dom);
        XENPP_TRY(finish_unfinished(w));
        drop_ldt(w, v);
        drop_gdt(w, v);
        XENPP_TRY(set_user_root(w, v, mfn()));
    }
    table_work<P> w(v.dom);
    XENPP_TRY(finish_unfinished(w));
    return set_kernel_root(w, v, mfn());
}

namespace detail {

/// The next frame of a dying domain's list, with a reference; nothing at the end.
template <class P>
page_ref<P> next_to_give_up(domain<P>& d) noexcept {
    auto& m = d.pv_memory;
    lock_guard const hold(d.page_lock);
    while (m.teardown_at != page_info::no_page) {
        mfn const f(m.teardown_at);
        auto& page = d.hv.frames.info(f);
        m.teardown_at = page.next;
        if (get_readable(page, 2 * frame_word::most)) { // others stop near the half
            return page_ref<P>(d.hv, f);
        }
    }
    m.is_torn_down = true;
    return {};
}

/// Takes from a frame what the domain itself holds of it; what is not done in this turn is left
/// unfinished.
template <class P>
void drop_own_references(table_work<P>& w, mfn f) noexcept {
    auto& page = w.info(f);
    auto const now = type_of(page);
    if (page.allocated) {
        page.allocated = false;
        put_frame(w.d.hv, f);
    }
    if (now.has(type_word::partial) && !finish_partial(w, f)) {
        w.d.pv_memory.unfinished[static_cast<unsigned>(now.type())] =
            static_cast<std::uint32_t>(f.raw());
    }
    if (now.has(type_word::pinned)) {
        atomic_store(page.type_info, now.raw & ~type_word::pinned);
        put_page_and_type(w, f);
    }
}

} // namespace detail

/// Gives back all that a dying domain, whose vCPUs have no roots any more, has of its memory; what
/// others refer to goes when they let go. False: bounded work was done, call again.
template <class P>
bool teardown(domain<P>& d) noexcept {
    auto& m = d.pv_memory;
    if (m.is_torn_down) {
        return true;
    }
    {
        lock_guard const hold(d.page_lock);
        if (!m.teardown_begun) {
            m.teardown_begun = true;
            m.teardown_at = m.first_page;
        }
    }
    for (int left = d.hv.pv_turn; left > 0;) {
        // Outside the lock when it goes: it may be the domain's last.
        page_ref<P> page;
        table_work<P> w(d);
        w.left = left;
        if (!finish_unfinished(w)) {
            return false;
        }
        page = detail::next_to_give_up(d);
        if (!page) {
            return true;
        }
        detail::drop_own_references(w, page.frame());
        left = w.left - 8;
    }
    return false;
}

} // namespace xenpp::hv::pv
