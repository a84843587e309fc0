// SPDX-License-Identifier: Apache-2.0
// Attempts on the upper levels: large pages, linear tables, types, roots, pins, and the advisories
// on them.
#include "attempt.hpp"

#include <xenpp/abi/memory.hpp>

namespace attack {

namespace {

using cmd = abi::mmuext_cmd;

std::uint64_t window_address() noexcept {
    return reinterpret_cast<std::uint64_t>(window());
}

/// Writes an entry of one of our own tables, in a slot that is empty.
outcome enter(unsigned level, std::uint64_t value) noexcept {
    constexpr std::uint64_t empty = 0x0000'4000'0000'0000; // a part of L4 that we do not use
    auto const address =
        level == 4 ? empty : window_address() & ~((std::uint64_t{1} << (3 + 9 * level + 9)) - 1);
    auto const slot = entry_address(address, level);
    auto const r = mmu_update(slot, value);
    if (r >= 0 && level == 4) {
        mmu_update(slot, 0);
    }
    return refused_if_negative(r);
}

/// Changes only flags of the entry that maps our window: the fast path of a careless hypervisor.
outcome add_flags(unsigned level, std::uint64_t flags) noexcept {
    auto const slot = entry_address(window_address(), level);
    auto const old = entry_of(window_address(), level);
    auto const r = mmu_update(slot, old | flags);
    if (r >= 0) {
        mmu_update(slot, old);
    }
    return refused_if_negative(r);
}

/// A read-only linear entry that is to become a writable one.
outcome linear_entry_made_writable() noexcept {
    constexpr std::uint64_t empty = 0x0000'4000'0000'0000;
    auto const slot = entry_address(empty, 4);
    auto const first = mmu_update(slot, make_entry(root_table(), pte_ro));
    if (first < 0) {
        return refused_if_negative(first);
    }
    auto const r = mmu_update(slot, make_entry(root_table(), pte_rw));
    mmu_update(slot, 0);
    return refused_if_negative(r);
}

/// A page with one word, taken from our writable memory.
std::uint64_t* table_with(unsigned index, std::uint64_t value) noexcept {
    auto* const page = new_page();
    page[index] = value;
    set_writable(page, false);
    return page;
}

outcome pin(cmd c, std::uint64_t const* page) noexcept {
    auto const r = mmuext(c, mfn_of(page));
    if (r >= 0) {
        mmuext(cmd::unpin_table, mfn_of(page));
    }
    return refused_if_negative(r);
}

/// Entry of an L2 that names the L2 itself, writable.
outcome l2_names_itself() noexcept {
    auto* const page = new_page();
    page[0] = make_entry(mfn_of(page), pte_rw);
    set_writable(page, false);
    return pin(cmd::pin_l2_table, page);
}

outcome pin_twice() noexcept {
    auto* const page = table_with(0, 0);
    mmuext(cmd::pin_l1_table, mfn_of(page));
    auto const r = mmuext(cmd::pin_l1_table, mfn_of(page));
    mmuext(cmd::unpin_table, mfn_of(page));
    return refused_if_negative(r);
}

outcome unpin_twice() noexcept {
    auto* const page = table_with(0, 0);
    mmuext(cmd::pin_l1_table, mfn_of(page));
    mmuext(cmd::unpin_table, mfn_of(page));
    return refused_if_negative(mmuext(cmd::unpin_table, mfn_of(page)));
}

/// Releases the reference that a table in use is kept by, then writes to it.
outcome unpin_the_root_in_use() noexcept {
    mmuext(cmd::unpin_table, root_table()); // allowed: CR3 holds one of its own
    auto const r = set_writable(at<void>(start_info().pt_base), true);
    mmuext(cmd::pin_l4_table, root_table());
    return refused_if_negative(r);
}

outcome mmuext_on(cmd c, mfn a, mfn b = mfn(0)) noexcept {
    return refused_if_negative(mmuext(c, a, b.raw()));
}

outcome mmuext_for(std::uint64_t domain) noexcept {
    abi::mmuext_op op{};
    op.cmd = static_cast<std::uint32_t>(cmd::pin_l4_table);
    op.arg1.mfn = root_table().raw();
    return refused_if_negative(
        hypercall(abi::hypercall::mmuext_op, &op, 1, std::uint64_t{0}, domain));
}

/// XSA-299: a table that is validated in part when an entry in its middle is refused, again and
/// again, and must not keep what it has taken: its good target is writable afterwards.
outcome partial_validation() noexcept {
    auto* const good = table_with(0, 0);
    auto* const page = new_page();
    page[0] = make_entry(mfn_of(good), pte_rw);
    page[300] = make_entry(foreign_frame(), pte_rw);
    set_writable(page, false);
    outcome o;
    for (unsigned i = 0; i != 100; ++i) {
        o = pin(cmd::pin_l2_table, page);
        if (o.what != outcome::kind::refused) {
            return o;
        }
    }
    return set_writable(good, true) == 0 ? o : outcome{};
}

/// XSA-402: a page with other cacheability than its other mappings.
outcome other_cacheability() noexcept {
    constexpr std::uint64_t uncached = 0x18;
    auto* const page = new_page();
    auto const r = update_va(window(), make_entry(mfn_of(page), pte_rw | uncached));
    update_va(window(), 0);
    // Allowed by Xen, which flushes the caches; the content must be the same.
    page[0] = 0x1234;
    return r < 0 ? refused_if_negative(r) : harmless_if(page[0] == 0x1234);
}

/// XSA-401: accessed and dirty bits that the processor sets are not to be lost or to confuse
/// counts.
outcome dirty_bits_in_flight() noexcept {
    auto* const page = new_page();
    auto const slot = entry_address(reinterpret_cast<std::uint64_t>(page), 1);
    for (unsigned i = 0; i != 1000; ++i) {
        mmu_update(slot, make_entry(mfn_of(page), pte_present | pte_write | pte_user),
                   abi::mmu_pt_update_preserve_ad);
        *const_cast<std::uint64_t volatile*>(page) = 2 * i; // never a present entry
        mmu_update(slot, make_entry(mfn_of(page), pte_present | pte_user));
    }
    set_writable(page, false);
    return pin(cmd::pin_l1_table, page).what == outcome::kind::succeeded ? harmless_if(true)
                                                                         : outcome{};
}

constexpr std::uint64_t large = pte_rw | pte_large;

constexpr attempt list[] = {
    {"xsa148_l2_large_writable", []() noexcept { return add_flags(2, pte_large); }},
    {"l2_large_page_of_frame_0",
     []() noexcept {
         return refused_if_negative(
             mmu_update(entry_address(window_address() + (std::uint64_t{64} << 20), 2),
                        make_entry(mfn(0), large)));
     }},
    {"l3_large", []() noexcept { return add_flags(3, pte_large); }},
    {"l4_large", []() noexcept { return add_flags(4, pte_large); }},
    {"l4_new_large", []() noexcept { return enter(4, make_entry(mfn(0), large)); }},
    {"l2_reserved_bit_51", []() noexcept { return add_flags(2, std::uint64_t{1} << 51); }},
    {"l4_reserved_bit_51", []() noexcept { return add_flags(4, std::uint64_t{1} << 51); }},
    {"l4_global", []() noexcept { return add_flags(4, pte_global); }},
    {"xsa182_linear_l4_made_writable", linear_entry_made_writable},
    {"linear_l4_writable", []() noexcept { return enter(4, make_entry(root_table(), pte_rw)); }},
    {"xsa240_l2_names_itself", l2_names_itself},
    {"l4_names_an_l2", []() noexcept { return enter(4, make_entry(own_table(2), pte_rw)); }},
    {"l4_names_an_l1", []() noexcept { return enter(4, make_entry(own_table(1), pte_rw)); }},
    {"l4_names_writable_memory",
     []() noexcept { return enter(4, make_entry(mfn_of(new_page()), pte_rw)); }},
    {"l4_names_a_foreign_frame",
     []() noexcept { return enter(4, make_entry(foreign_frame(), pte_rw)); }},
    {"l4_hypervisor_slot_256",
     []() noexcept {
         return refused_if_negative(mmu_update(make_entry(root_table(), 8 * 256), 0));
     }},
    {"l4_hypervisor_slot_261",
     []() noexcept {
         return refused_if_negative(
             mmu_update(make_entry(root_table(), 8 * 261), make_entry(own_table(3), pte_rw)));
     }},
    {"l4_hypervisor_slot_271",
     []() noexcept {
         return refused_if_negative(mmu_update(make_entry(root_table(), 8 * 271), 0));
     }},
    {"mmu_update_unaligned",
     []() noexcept {
         return refused_if_negative(mmu_update(entry_address(window_address(), 1) + 4, 0));
     }},
    {"mmu_update_of_a_foreign_frame",
     []() noexcept { return refused_if_negative(mmu_update(make_entry(foreign_frame(), 0), 0)); }},
    {"mmu_update_for_another_domain",
     []() noexcept {
         return refused_if_negative(
             mmu_update(entry_address(window_address(), 1), 0, 0, 1 + std::uint64_t{0}));
     }},
    {"mmu_update_for_domid_xen",
     []() noexcept {
         return refused_if_negative(
             mmu_update(entry_address(window_address(), 1), 0, 0, abi::domid_xen));
     }},
    {"mmu_update_target_of_domid_io",
     []() noexcept {
         return refused_if_negative(mmu_update(entry_address(window_address(), 1),
                                               make_entry(mfn(0xfee00), pte_rw), 0, abi::domid_io));
     }},
    {"m2p_of_a_foreign_frame",
     []() noexcept {
         return refused_if_negative(
             mmu_update(make_entry(foreign_frame(), 0), 0, abi::mmu_machphys_update));
     }},
    {"pin_a_foreign_frame",
     []() noexcept { return mmuext_on(cmd::pin_l4_table, foreign_frame()); }},
    {"pin_above_all_memory",
     []() noexcept { return mmuext_on(cmd::pin_l1_table, mfn(0xff'ffff'ffff)); }},
    {"pin_l1_with_a_foreign_frame",
     []() noexcept {
         return pin(cmd::pin_l1_table, table_with(5, make_entry(foreign_frame(), pte_ro)));
     }},
    {"pin_l1_with_its_own_table",
     []() noexcept {
         return pin(cmd::pin_l1_table, table_with(5, make_entry(own_table(1), pte_rw)));
     }},
    {"pin_l2_with_a_large_page",
     []() noexcept { return pin(cmd::pin_l2_table, table_with(5, make_entry(mfn(0), large))); }},
    {"pin_l3_of_memory",
     []() noexcept {
         return pin(cmd::pin_l3_table, table_with(5, make_entry(mfn_of(new_page()), pte_rw)));
     }},
    {"pin_l4_of_junk",
     []() noexcept { return pin(cmd::pin_l4_table, table_with(5, ~std::uint64_t{0})); }},
    {"pin_an_l1_as_l4", []() noexcept { return mmuext_on(cmd::pin_l4_table, own_table(1)); }},
    {"pin_twice", pin_twice},
    {"unpin_twice", unpin_twice},
    {"unpin_a_foreign_frame",
     []() noexcept { return mmuext_on(cmd::unpin_table, foreign_frame()); }},
    {"unpin_the_root_in_use", unpin_the_root_in_use},
    {"pin_for_domain_0", []() noexcept { return mmuext_for(0); }},
    {"pin_for_domid_io", []() noexcept { return mmuext_for(abi::domid_io); }},
    {"cr3_of_memory", []() noexcept { return mmuext_on(cmd::new_baseptr, mfn_of(new_page())); }},
    {"cr3_of_an_l1", []() noexcept { return mmuext_on(cmd::new_baseptr, own_table(1)); }},
    {"cr3_of_a_foreign_frame",
     []() noexcept { return mmuext_on(cmd::new_baseptr, foreign_frame()); }},
    {"cr3_above_all_memory",
     []() noexcept { return mmuext_on(cmd::new_baseptr, mfn(~std::uint64_t{0})); }},
    {"user_cr3_of_memory",
     []() noexcept { return mmuext_on(cmd::new_user_baseptr, mfn_of(new_page())); }},
    {"user_cr3_of_a_foreign_frame",
     []() noexcept { return mmuext_on(cmd::new_user_baseptr, foreign_frame()); }},
    {"clear_a_foreign_frame",
     []() noexcept { return mmuext_on(cmd::clear_page, foreign_frame()); }},
    {"clear_own_root", []() noexcept { return mmuext_on(cmd::clear_page, root_table()); }},
    {"copy_over_a_foreign_frame",
     []() noexcept { return mmuext_on(cmd::copy_page, foreign_frame(), mfn_of(new_page())); }},
    {"copy_from_a_foreign_frame",
     []() noexcept { return mmuext_on(cmd::copy_page, mfn_of(new_page()), foreign_frame()); }},
    {"copy_over_own_root",
     []() noexcept { return mmuext_on(cmd::copy_page, root_table(), mfn_of(new_page())); }},
    {"mmuext_unknown_command", []() noexcept { return mmuext_on(static_cast<cmd>(99), mfn(0)); }},
    {"xsa299_partial_validation", partial_validation},
    {"xsa401_dirty_bits_in_flight", dirty_bits_in_flight},
    {"xsa402_other_cacheability", other_cacheability},
};

} // namespace

std::span<attempt const> table_attempts() noexcept {
    return list;
}

} // namespace attack
