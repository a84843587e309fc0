// SPDX-License-Identifier: Apache-2.0
// Attempts to map what is not ours, or what must not be written: by leaf entries.
#include "attempt.hpp"

namespace attack {

namespace {

outcome map(mfn f, std::uint64_t flags) noexcept {
    auto const r = update_va(window(), make_entry(f, flags));
    if (r >= 0) {
        update_va(window(), 0);
    }
    return refused_if_negative(r);
}

/// The same by mmu_update of the entry itself.
outcome map_by_entry(mfn f, std::uint64_t flags) noexcept {
    return refused_if_negative(mmu_update(
        entry_address(reinterpret_cast<std::uint64_t>(window()), 1), make_entry(f, flags)));
}

/// Every frame of the machine that the domain does not own; the error, if all are refused.
outcome map_every_foreign_frame(std::uint64_t flags) noexcept {
    auto const end = machine_frames();
    outcome result;
    for (mfn f(0); f.raw() != end; ++f) {
        if (is_memory(f) || f == shared_info_frame() || f == grant_frame()) {
            continue;
        }
        result = map(f, flags);
        if (result.what == outcome::kind::succeeded) {
            print("frame ");
            print(f.raw());
            print(" was mapped\n");
            return result;
        }
    }
    return result;
}

template <unsigned Level>
outcome map_own_table() noexcept {
    return map(own_table(Level), pte_rw);
}

/// A page that becomes an L1 table while it is mapped writable elsewhere.
outcome pin_a_writable_page() noexcept {
    auto* const page = new_page();
    return refused_if_negative(mmuext(abi::mmuext_cmd::pin_l1_table, mfn_of(page)));
}

/// A pinned L1 table, mapped writable once more (the first rule of them all).
outcome make_a_pinned_table_writable() noexcept {
    auto* const page = new_page();
    set_writable(page, false);
    if (mmuext(abi::mmuext_cmd::pin_l1_table, mfn_of(page)) != 0) {
        return {};
    }
    auto const r = set_writable(page, true);
    mmuext(abi::mmuext_cmd::unpin_table, mfn_of(page));
    return refused_if_negative(r);
}

outcome entry_keeps(std::uint64_t extra,
                    std::uint64_t missing,
                    std::uint64_t checked,
                    bool want_set) noexcept {
    auto* const page = new_page();
    auto const address = reinterpret_cast<std::uint64_t>(page);
    auto const r = update_va(page, make_entry(mfn_of(page), (pte_rw | extra) & ~missing));
    if (r < 0) {
        return refused_if_negative(r);
    }
    auto const e = entry_of(address, 1);
    return harmless_if(((e & checked) != 0) == want_set);
}

constexpr attempt list[] = {
    {"map_every_foreign_frame_writable", []() noexcept { return map_every_foreign_frame(pte_rw); }},
    {"map_every_foreign_frame_read_only",
     []() noexcept { return map_every_foreign_frame(pte_ro); }},
    {"map_frame_0", []() noexcept { return map(mfn(0), pte_rw); }},
    {"map_image_by_mmu_update", []() noexcept { return map_by_entry(mfn(0x400), pte_rw); }},
    {"map_local_apic", []() noexcept { return map(mfn(0xfee00), pte_rw); }},
    {"map_io_apic", []() noexcept { return map(mfn(0xfec00), pte_rw); }},
    {"map_video_memory", []() noexcept { return map(mfn(0xa0), pte_rw); }},
    {"map_above_all_memory", []() noexcept { return map(mfn(0xff'ffff'ffff), pte_rw); }},
    {"map_own_l1_writable", map_own_table<1>},
    {"map_own_l2_writable", map_own_table<2>},
    {"map_own_l3_writable", map_own_table<3>},
    {"map_own_l4_writable", map_own_table<4>},
    {"pin_a_writable_page", pin_a_writable_page},
    {"make_a_pinned_table_writable", make_a_pinned_table_writable},
    {"l1_reserved_bit_51",
     []() noexcept { return map(mfn_of(new_page()), pte_rw | std::uint64_t{1} << 51); }},
    {"l1_global", []() noexcept { return entry_keeps(pte_global, 0, pte_global, false); }},
    {"l1_supervisor", []() noexcept { return entry_keeps(0, pte_user, pte_user, true); }},
    {"update_va_in_the_hypervisor",
     []() noexcept { return refused_if_negative(update_va(at<void>(image_address), 0)); }},
    {"update_va_in_the_m2p",
     []() noexcept {
         return refused_if_negative(update_va(at<void>(abi::mach2phys_virt_start), pte_rw));
     }},
    {"update_va_non_canonical",
     []() noexcept { return refused_if_negative(update_va(at<void>(non_canonical), 0)); }},
    {"update_va_without_table",
     []() noexcept { return refused_if_negative(update_va(at<void>(0x1000), 0)); }},
    {"update_va_of_another_domain",
     []() noexcept {
         return refused_if_negative(hypercall(abi::hypercall::update_va_mapping_otherdomain,
                                              window(), std::uint64_t{0}, std::uint64_t{0},
                                              std::uint64_t{0}));
     }},
    {"write_own_root_directly",
     []() noexcept {
         return faults([] { *at<std::uint64_t volatile>(start_info().pt_base) = 0; });
     }},
    {"write_the_m2p",
     []() noexcept {
         return faults([] { *at<std::uint64_t volatile>(abi::mach2phys_virt_start) = 0; });
     }},
    {"read_the_image",
     []() noexcept {
         return faults([] { static_cast<void>(*at<std::uint64_t volatile>(image_address)); });
     }},
    {"read_the_direct_map",
     []() noexcept {
         return faults([] { static_cast<void>(*at<std::uint64_t volatile>(direct_map_address)); });
     }},
    {"write_the_direct_map",
     []() noexcept { return faults([] { *at<std::uint64_t volatile>(direct_map_address) = 0; }); }},
    {"execute_the_image", []() noexcept { return faults([] { at<void()>(image_address)(); }); }},
};

} // namespace

std::span<attempt const> mapping_attempts() noexcept {
    return list;
}

} // namespace attack
