// SPDX-License-Identifier: Apache-2.0
// Hypercall 1, mmu_update: a list of entries to change, or of pages to name in the m2p.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/hv/pv/mmu_call.hpp>
#include <xenpp/hv/pv/page_table_write.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv::pv {

/// `f` is `pfn` of its owner from now on.
template <class P>
expected<void, errc> set_machphys(domain<P>& d, mfn f, std::uint64_t pfn) noexcept {
    auto const* const page = d.hv.frames.find(f);
    if (page == nullptr || !is_memory_of(*page, d.id) || atomic_load(page->count) == 0) {
        return unexpected(errc::inval);
    }
    d.hv.m2p.set(f, pfn);
    return {};
}

template <class P>
expected<void, errc> carry_out(table_work<P>& w, abi::mmu_update const& r) noexcept {
    constexpr std::uint64_t command = 3;
    maddr const at(r.ptr & ~command);
    switch (static_cast<std::uint32_t>(r.ptr & command)) {
    case abi::mmu_machphys_update: return set_machphys(w.d, to_mfn(at), r.val);
    case abi::mmu_pt_update_preserve_ad: return write_entry(w, at, r.val, ad_bits::keep);
    default: return write_entry(w, at, r.val, ad_bits::replace);
    }
}

/// arg[0]: an array of mmu_update, arg[1]: how many, arg[2]: where to say how many were done (0:
/// nowhere), arg[3]: whose tables (pv/mmu_call.hpp). Stops at the first error: `inval`, `fault`.
/// Those of the control domain may be another's.
template <class P>
hypercall_result do_mmu_update(vcpu<P>& v, hypercall_args& args) noexcept {
    constexpr std::uint32_t at_once = 8;
    constexpr int cost = 16; // of a request, in entries looked at
    auto const target = XENPP_TRY(mmu_target<P>::find(v, static_cast<std::uint32_t>(args.arg[3])));
    mmu_batch<P> batch(v, args);
    auto const count = batch.count();
    std::uint32_t done = 0;
    expected<void, errc> result;
    {
        table_work<P> w(*target);
        result = finish_unfinished(w);
        std::array<abi::mmu_update, at_once> request;
        while (result && done != count) {
            if (w.left <= 0 || w.d.pv_memory.has_unfinished()) {
                result = unexpected(errc::restart);
                break;
            }
            auto const part = count - done < at_once ? count - done : at_once;
            auto const from = args.arg[0] + done * sizeof request[0];
            result = part == 1 ? read_guest_inline(v, request[0], from)
                               : copy_from_guest(v, request.data(), from, part * sizeof request[0]);
            for (std::uint32_t i = 0; result && i != part && !w.d.pv_memory.has_unfinished(); ++i) {
                result = carry_out(w, request[i]);
                done += result ? 1U : 0U;
                w.left -= cost; // not before: however short a turn, it gets somewhere
            }
        }
        if (result && w.d.pv_memory.has_unfinished()) {
            result = unexpected(errc::restart); // the last one left something behind
        }
    }
    return batch.end(done, sizeof(abi::mmu_update), result);
}

} // namespace xenpp::hv::pv
