// SPDX-License-Identifier: Apache-2.0
// Pages of descriptors: the GDT's frames, the LDT's pages, and changing one descriptor.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/pv/descriptor.hpp>
#include <xenpp/hv/pv/page_table_write.hpp>
#include <xenpp/hv/pv/root.hpp>
#include <xenpp/hv/pv/validate.hpp>
#include <xenpp/hv/pv/vcpu_state.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv::pv {

inline constexpr unsigned descriptors_per_page = page_size / sizeof(x86::segment_descriptor);
inline constexpr unsigned most_gdt_entries = guest_gdt_frames * descriptors_per_page;
inline constexpr unsigned most_ldt_entries = ldt_frame_limit * descriptors_per_page;

/// Gives up the pages of the LDT.
template <class P>
void drop_ldt(table_work<P>& w, vcpu<P>& v) noexcept {
    for (auto& f : state_of(v).ldt_frames) {
        if (f != mfn()) {
            put_page_and_type(w, f);
            f = mfn();
        }
    }
    state_of(v).ldt_entries = 0;
}

/// Makes the `entries` descriptors at `base` in the kernel's address space the LDT of `v`. A page
/// that is not there, or cannot hold descriptors, is left out: using it faults. It is for the
/// caller to load it, here and below. `inval`: too many, or not at a page of the guest's.
template <class P>
expected<void, errc>
set_ldt(table_work<P>& w, vcpu<P>& v, std::uint64_t base, std::uint32_t entries) noexcept {
    if (entries > most_ldt_entries || (base & (page_size - 1)) != 0 ||
        (entries != 0 && (!is_guest_address(base) ||
                          !is_guest_address(base + entries * sizeof(x86::segment_descriptor))))) {
        return unexpected(errc::inval);
    }
    drop_ldt(w, v);
    state_of(v).ldt_base = base;
    state_of(v).ldt_entries = entries;
    for (unsigned i = 0; i * descriptors_per_page < entries; ++i) {
        auto const* const slot = find_l1_entry(w, kernel_root(v), base + i * page_size);
        auto const e = slot != nullptr ? atomic_load(*slot) : 0;
        if ((e & entry_present) != 0 && get_page_and_type(w, frame_in(e), page_type::seg_desc)) {
            state_of(v).ldt_frames[i] = frame_in(e);
        }
    }
    return {};
}

/// Gives up the pages of the GDT.
template <class P>
void drop_gdt(table_work<P>& w, vcpu<P>& v) noexcept {
    for (auto& f : state_of(v).gdt_frames) {
        if (f != mfn()) {
            put_page_and_type(w, f);
            f = mfn();
        }
    }
    state_of(v).gdt_entries = 0;
}

/// Makes `frames` the pages of the GDT of `v`, `entries` long. `inval`: too many, or one cannot
/// hold descriptors; then all is as it was.
template <class P>
expected<void, errc> set_gdt(table_work<P>& w,
                             vcpu<P>& v,
                             std::array<mfn, guest_gdt_frames> const& frames,
                             std::uint32_t entries) noexcept {
    if (entries > most_gdt_entries) {
        return unexpected(errc::inval);
    }
    auto const count = (entries + descriptors_per_page - 1) / descriptors_per_page;
    // Before a turn is spent on pages that the next one would begin with again.
    for (unsigned i = 0; i != count; ++i) {
        XENPP_TRY(finish_if_partial(w, frames[i]));
    }
    for (unsigned i = 0; i != count; ++i) {
        if (auto const got = get_page_and_type(w, frames[i], page_type::seg_desc); !got) {
            while (i-- > 0) {
                put_page_and_type(w, frames[i]);
            }
            return got;
        }
    }
    drop_gdt(w, v);
    for (unsigned i = 0; i != count; ++i) {
        state_of(v).gdt_frames[i] = frames[i];
    }
    state_of(v).gdt_entries = entries;
    return {};
}

/// arg[0]: an array of frame numbers, arg[1]: how many descriptors. Errors: `inval`, `fault`.
template <class P>
hypercall_result do_set_gdt(vcpu<P>& v, hypercall_args& args) noexcept {
    auto const entries = static_cast<std::uint32_t>(args.arg[1]);
    if (entries > most_gdt_entries) {
        return unexpected(errc::inval);
    }
    std::array<mfn, guest_gdt_frames> frames{};
    for (unsigned i = 0; i * descriptors_per_page < entries; ++i) {
        frames[i] = mfn(XENPP_TRY(read_guest<std::uint64_t>(v, args.arg[0], i)));
    }
    table_work<P> w(v.dom);
    XENPP_TRY(finish_unfinished(w));
    XENPP_TRY(set_gdt(w, v, frames, entries));
    v.dom.hv.platform.pv_load_tables(v);
    return std::uint64_t{0};
}

/// arg[0]: the machine address of a descriptor, arg[1]: what it is to be. In a page of descriptors
/// it must be a usable one. Errors: `inval`.
template <class P>
hypercall_result do_update_descriptor(vcpu<P>& v, hypercall_args& args) noexcept {
    maddr const at(args.arg[0]);
    auto const usable = usable_descriptor(x86::segment_descriptor{args.arg[1]});
    table_work<P> w(v.dom);
    auto* const page = v.dom.hv.frames.find(to_mfn(at));
    if (page == nullptr || !is_memory_of(*page, v.dom.id) || (at.raw() & 7) != 0 || !usable) {
        return unexpected(errc::inval);
    }
    auto& slot = w.map(to_mfn(at))[at.raw() >> 3 & (table_entries - 1)];
    auto const type = type_of(*page);
    if (type.type() == page_type::seg_desc && type.count() != 0) {
        atomic_store(slot, usable->raw);
        return std::uint64_t{0};
    }
    if (!get_writable(v.dom, *page)) {
        return unexpected(errc::inval);
    }
    atomic_store(slot, usable->raw);
    put_writable(v.dom.hv, v.dom, to_mfn(at));
    return std::uint64_t{0};
}

} // namespace xenpp::hv::pv
