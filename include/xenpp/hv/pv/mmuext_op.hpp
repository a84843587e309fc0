// SPDX-License-Identifier: Apache-2.0
// Hypercall 26, mmuext_op: pinning, roots, flushes, the LDT, pages to clear and copy.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/hv/pv/descriptor_page.hpp>
#include <xenpp/hv/pv/mmu_call.hpp>
#include <xenpp/hv/pv/root.hpp>
#include <xenpp/hv/pv/validate.hpp>

#include <cstdint>
#include <cstring>

namespace xenpp::hv::pv {

/// Keeps `f` of type `t` until it is unpinned. `inval`: it cannot be, or is pinned already.
template <class P>
expected<void, errc> pin_table(table_work<P>& w, mfn f, page_type t) noexcept {
    XENPP_TRY(get_page_and_type(w, f, t));
    auto& page = w.info(f);
    auto const now = type_of(page);
    if (now.has(type_word::pinned)) {
        put_page_and_type(w, f);
        return unexpected(errc::inval);
    }
    atomic_store(page.type_info, now.raw | type_word::pinned);
    return {};
}

/// `inval`: it is not pinned.
template <class P>
expected<void, errc> unpin_table(table_work<P>& w, mfn f) noexcept {
    auto* const page = w.d.hv.frames.find(f);
    if (page == nullptr || !is_memory_of(*page, w.d.id) || atomic_load(page->count) == 0) {
        return unexpected(errc::inval);
    }
    auto const now = type_of(*page);
    if (!now.has(type_word::pinned)) {
        return unexpected(errc::inval);
    }
    atomic_store(page->type_info, now.raw & ~type_word::pinned);
    put_page_and_type(w, f);
    return {};
}

/// Zeroes a page, or copies frame `from` over it. `inval`: one is not the domain's, or may not be
/// written.
template <class P>
expected<void, errc> fill_page(domain<P>& d, mfn f, mfn const* from) noexcept {
    auto const page = get_page(d, gfn(f.raw()), true);
    if (!page) {
        return unexpected(errc::inval);
    }
    if (from == nullptr) {
        std::memset(page->map(), 0, page_size);
        return {};
    }
    auto const source = get_page(d, gfn(from->raw()), false);
    if (!source) {
        return unexpected(errc::inval);
    }
    std::memmove(page->map(), source->map(), page_size);
    return {};
}

inline constexpr int flush_cost = 64; ///< of waiting for other CPUs, in entries looked at

/// One command of the caller's own address space.
template <class P>
expected<void, errc> own_command(table_work<P>& w, vcpu<P>& v, abi::mmuext_op const& op) noexcept {
    auto& hv = v.dom.hv;
    if (&v.dom != &w.d) {
        return unexpected(errc::perm);
    }
    switch (static_cast<abi::mmuext_cmd>(op.cmd)) {
    case abi::mmuext_cmd::new_baseptr:
        if (op.arg1.mfn == 0) {
            return unexpected(errc::inval);
        }
        return set_kernel_root(w, v, mfn(op.arg1.mfn), true);
    case abi::mmuext_cmd::new_user_baseptr: return set_user_root(w, v, mfn(op.arg1.mfn));
    case abi::mmuext_cmd::tlb_flush_local: flush_here(hv); return {};
    case abi::mmuext_cmd::invlpg_local:
        if (is_guest_address(op.arg1.linear_addr)) {
            hv.platform.flush_local_page(op.arg1.linear_addr);
        }
        return {};
    case abi::mmuext_cmd::tlb_flush_multi:
    case abi::mmuext_cmd::invlpg_multi:
        w.left -= flush_cost;
        flush_cpus(hv, XENPP_TRY(cpus_of_vcpus(v, op.arg2.vcpumask.p)));
        return {};
    case abi::mmuext_cmd::tlb_flush_all:
    case abi::mmuext_cmd::invlpg_all:
        w.left -= flush_cost;
        flush_cpus(hv, cpus_of(v.dom));
        return {};
    case abi::mmuext_cmd::flush_cache: return unexpected(errc::acces); // it has no device
    case abi::mmuext_cmd::flush_cache_global: return unexpected(errc::inval);
    case abi::mmuext_cmd::set_ldt:
        XENPP_TRY(set_ldt(w, v, op.arg1.linear_addr, op.arg2.nr_ents));
        hv.platform.pv_load_tables(v);
        return {};
    case abi::mmuext_cmd::pin_l1_table:
    case abi::mmuext_cmd::pin_l2_table:
    case abi::mmuext_cmd::pin_l3_table:
    case abi::mmuext_cmd::pin_l4_table:
    case abi::mmuext_cmd::unpin_table:
    case abi::mmuext_cmd::clear_page:
    case abi::mmuext_cmd::copy_page:
    case abi::mmuext_cmd::mark_super:
    case abi::mmuext_cmd::unmark_super: break;
    }
    return unexpected(errc::nosys);
}

template <class P>
expected<void, errc> carry_out(table_work<P>& w, vcpu<P>& v, abi::mmuext_op const& op) noexcept {
    mfn const f(op.arg1.mfn);
    switch (static_cast<abi::mmuext_cmd>(op.cmd)) {
    case abi::mmuext_cmd::pin_l1_table: return pin_table(w, f, page_type::l1);
    case abi::mmuext_cmd::pin_l2_table: return pin_table(w, f, page_type::l2);
    case abi::mmuext_cmd::pin_l3_table: return pin_table(w, f, page_type::l3);
    case abi::mmuext_cmd::pin_l4_table: return pin_table(w, f, page_type::l4);
    case abi::mmuext_cmd::unpin_table: return unpin_table(w, f);
    case abi::mmuext_cmd::clear_page: w.left -= 64; return fill_page(w.d, f, nullptr);
    case abi::mmuext_cmd::copy_page: {
        mfn const from(op.arg2.src_mfn);
        w.left -= 64;
        return fill_page(w.d, f, &from);
    }
    case abi::mmuext_cmd::new_baseptr:
    case abi::mmuext_cmd::new_user_baseptr:
    case abi::mmuext_cmd::tlb_flush_local:
    case abi::mmuext_cmd::invlpg_local:
    case abi::mmuext_cmd::tlb_flush_multi:
    case abi::mmuext_cmd::invlpg_multi:
    case abi::mmuext_cmd::tlb_flush_all:
    case abi::mmuext_cmd::invlpg_all:
    case abi::mmuext_cmd::flush_cache:
    case abi::mmuext_cmd::flush_cache_global:
    case abi::mmuext_cmd::set_ldt:
    case abi::mmuext_cmd::mark_super:
    case abi::mmuext_cmd::unmark_super: break;
    }
    return own_command(w, v, op);
}

/// arg[0]: an array of mmuext_op, arg[1]: how many, arg[2]: where to say how many were done (0:
/// nowhere), arg[3]: whose memory. The control domain may pin, unpin, clear and copy for others.
/// Stops at the first error: `inval`, `perm`, `acces` (no device: nothing to flush a cache for),
/// `nosys`, `fault`.
template <class P>
hypercall_result do_mmuext_op(vcpu<P>& v, hypercall_args& args) noexcept {
    auto const target = XENPP_TRY(mmu_target<P>::find(v, static_cast<std::uint32_t>(args.arg[3])));
    mmu_batch<P> batch(v, args);
    auto const count = batch.count();
    std::uint32_t done = 0;
    expected<void, errc> result;
    {
        table_work<P> w(*target);
        result = finish_unfinished(w);
        while (result && done != count) {
            auto const op = read_guest<abi::mmuext_op>(v, args.arg[0], done);
            result = op ? carry_out(w, v, *op) : expected<void, errc>(unexpected(op.error()));
            --w.left;
            if (result) {
                ++done;
                if (w.d.pv_memory.has_unfinished() || (w.left <= 0 && done != count)) {
                    result = unexpected(errc::restart);
                }
            }
        }
    }
    return batch.end(done, sizeof(abi::mmuext_op), result);
}

} // namespace xenpp::hv::pv
