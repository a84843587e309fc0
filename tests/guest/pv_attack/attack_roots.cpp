// SPDX-License-Identifier: Apache-2.0
// Attempts by way of two roots that differ in one table: a hypervisor that makes going to and fro
// between them cheap must not leave more mapped than the root that was asked for.
#include "attempt.hpp"

#include <xenpp/base/atomic.hpp>

#include <algorithm>

namespace attack {

namespace {

using cmd = abi::mmuext_cmd;

constexpr unsigned lower_slot = 128; ///< of L4, one that the kernel's root leaves empty
constexpr unsigned upper_slot = 300; ///< likewise
constexpr unsigned l1_slot = 5;
/// What only the second root maps.
constexpr std::uint64_t there = (std::uint64_t{lower_slot} << 39) + l1_slot * xenpp::page_size;
constexpr std::uint64_t above =
    (~std::uint64_t{0} << 48 | std::uint64_t{upper_slot} << 39) + l1_slot * xenpp::page_size;

/// The kernel's root and one page of `table` more.
struct second_root {
    mfn root;
    mfn table;

    static second_root const& get() noexcept {
        static second_root const it = make();
        return it;
    }

    std::uint64_t entry() const noexcept { return make_entry(table, 8 * l1_slot); }

    std::int64_t map(mfn f, std::uint64_t flags) const noexcept {
        return mmu_update(entry(), make_entry(f, flags));
    }

    std::int64_t unmap() const noexcept { return mmu_update(entry(), 0); }

    void go() const noexcept { mmuext(cmd::new_baseptr, root); }

    static void come_back() noexcept { mmuext(cmd::new_baseptr, root_table()); }

    /// Often enough for a hypervisor to notice.
    void go_to_and_fro() const noexcept {
        for (unsigned n = 0; n != 20; ++n) {
            go();
            come_back();
        }
    }

private:
    static second_root make() noexcept {
        std::uint64_t* page[4]; // L1 to L4
        for (auto*& p : page) {
            p = new_page();
        }
        page[1][0] = make_entry(mfn_of(page[0]), pte_rw);
        page[2][0] = make_entry(mfn_of(page[1]), pte_rw);
        page[3][lower_slot] = make_entry(mfn_of(page[2]), pte_rw);
        auto const* const kernel = address_of(root_table());
        std::copy_n(kernel + 272, 512 - 272, page[3] + 272);
        for (auto const* p : page) {
            set_writable(p, false);
        }
        mmuext(cmd::pin_l4_table, mfn_of(page[3]));
        return {mfn_of(page[3]), mfn_of(page[0])};
    }
};

std::uint64_t volatile* word(std::uint64_t address) noexcept {
    return at<std::uint64_t volatile>(address);
}

/// Each time another page is mapped, written to and taken out: what is written is where it should
/// be, and nowhere else.
outcome write_to_what_was_there_before() noexcept {
    auto const& second = second_root::get();
    std::uint64_t* const page[3] = {new_page(), new_page(), new_page()};
    std::uint64_t expected[3]{};
    for (unsigned n = 0; n != 300; ++n) {
        second.map(mfn_of(page[n % 3]), pte_rw);
        second.go();
        *word(there) = expected[n % 3] = n + 1;
        second.unmap();
        second.come_back();
        for (unsigned i = 0; i != 3; ++i) {
            if (page[i][0] != expected[i]) {
                return {};
            }
        }
    }
    return harmless_if(true);
}

/// Goes to the second root, maps a page there and writes to it.
std::uint64_t* write_in(second_root const& second, std::uint64_t value) noexcept {
    auto* const page = new_page();
    second.go_to_and_fro();
    second.map(mfn_of(page), pte_rw);
    second.go();
    *word(there) = value;
    return page;
}

/// Uses what the second root maps, and has mapped, when the first is asked for.
outcome use_the_other_roots_memory() noexcept {
    auto const& second = second_root::get();
    auto const* const page = write_in(second, 1);
    second.come_back();
    auto const o = faults([] { *word(there) = 2; });
    second.unmap();
    return page[0] == 1 ? o : outcome{};
}

/// A page that was written in the second root becomes a table; the mapping is remembered.
outcome write_to_a_table_that_was_memory() noexcept {
    auto const& second = second_root::get();
    auto const* const page = write_in(second, 0);
    second.unmap();
    set_writable(page, false);
    auto const pinned = mmuext(cmd::pin_l1_table, mfn_of(page));
    auto o = faults([] { *word(there) = make_entry(mfn(0), pte_rw); });
    second.come_back();
    if (o.what == outcome::kind::fault) {
        o = faults([] { *word(there) = make_entry(mfn(0), pte_rw); });
    }
    mmuext(cmd::unpin_table, mfn_of(page));
    return pinned == 0 ? o : outcome{};
}

/// A page of the kernel's is made read-only without a flush; the next root must bring one.
outcome write_to_what_was_made_read_only() noexcept {
    auto const& second = second_root::get();
    auto* const page = new_page();
    second.go_to_and_fro();
    second.go();
    *const_cast<std::uint64_t volatile*>(page) = 1;
    update_va(page, make_entry(mfn_of(page), pte_ro), abi::uvmf_none);
    second.come_back();
    return faults([&] { *const_cast<std::uint64_t volatile*>(page) = 2; });
}

/// The second root is given up, and made anew without what it had: by a hypercall, with no mapping
/// of it changed.
outcome come_back_to_a_root_made_anew() noexcept {
    second_root const second = second_root::get();
    second.go_to_and_fro();
    auto const slot = make_entry(second.root, 8 * lower_slot);
    auto const own = address_of(second.root)[lower_slot];
    auto* const other = new_page();
    std::copy_n(address_of(second.root), 512, other);
    other[lower_slot] = 0;
    mmuext(cmd::unpin_table, second.root);
    mmuext(cmd::copy_page, second.root, mfn_of(other).raw());
    mmuext(cmd::pin_l4_table, second.root);
    second.go();
    auto const o = faults([] { static_cast<void>(*word(there)); });
    second.come_back();
    mmu_update(slot, own);
    return o;
}

// --- with a second vCPU, in a domain of its own ---

std::uint32_t turn = 0;     ///< odd: vCPU 1 is to write `wanted` into both roots
std::uint64_t wanted = 0;   ///< an entry of L4
std::uint32_t restless = 0; ///< not 0: it writes them all the time

void write_both_roots(unsigned slot, std::uint64_t value) noexcept {
    mmu_update(make_entry(root_table(), 8 * slot), value);
    mmu_update(make_entry(second_root::get().root, 8 * slot), value);
}

void have_it_written(std::uint64_t value) noexcept {
    wanted = value;
    xenpp::atomic_fetch_add(turn, 1U);
    while ((xenpp::atomic_load(turn) & 1) != 0) {
        asm volatile("pause");
    }
}

/// Tables for an upper slot, at `above` a word of 77.
std::uint64_t upper_entry() noexcept {
    auto* const page = new_page();
    page[0] = 77;
    auto entry = make_entry(mfn_of(page), pte_ro);
    for (unsigned level = 1; level != 4; ++level) {
        auto* const table = new_page();
        table[level == 1 ? l1_slot : 0] = entry;
        set_writable(table, false);
        entry = make_entry(mfn_of(table), pte_rw);
    }
    return entry;
}

/// The other vCPU changes both roots while this one goes to and fro: what it enters is there at
/// once, and what it takes out is gone with the next root.
outcome roots_changed_by_another() noexcept {
    auto const& second = second_root::get();
    auto const entry = upper_entry();
    if (start_vcpu(1, writes_roots) != 0) {
        return {};
    }
    auto const is_there = [] { return guarded([] { static_cast<void>(*word(above)); }); };
    for (unsigned n = 0; n != 200; ++n) {
        second.go_to_and_fro();
        have_it_written(entry);
        if (!is_there() || *word(above) != 77) {
            return {};
        }
        second.go();
        if (!is_there()) {
            return {};
        }
        second.come_back();
        second.go_to_and_fro();
        have_it_written(0);
        second.come_back();
        if (is_there()) {
            return {};
        }
        second.go();
        if (is_there()) {
            return {};
        }
        second.come_back();
    }
    xenpp::atomic_store(restless, 1U);
    return write_to_what_was_there_before();
}

constexpr attempt list[] = {
    {"roots_write_to_what_was_there_before", write_to_what_was_there_before},
    {"roots_use_the_others_memory", use_the_other_roots_memory},
    {"roots_write_to_a_table_that_was_memory", write_to_a_table_that_was_memory},
    {"roots_write_to_what_was_made_read_only", write_to_what_was_made_read_only},
    {"roots_come_back_to_one_made_anew", come_back_to_a_root_made_anew},
};

constexpr attempt last[] = {
    {"roots_changed_by_another_vcpu", roots_changed_by_another},
};

} // namespace

std::span<attempt const> root_attempts() noexcept {
    return list;
}

std::span<attempt const> last_root_attempts() noexcept {
    return last;
}

void write_roots_for_others() noexcept {
    for (;;) {
        if ((xenpp::atomic_load(turn) & 1) != 0) {
            write_both_roots(upper_slot, wanted);
            xenpp::atomic_fetch_add(turn, 1U);
        }
        if (xenpp::atomic_load(restless) != 0) {
            write_both_roots(upper_slot + 1, make_entry(own_table(3), pte_rw));
            write_both_roots(upper_slot + 1, 0);
        }
        asm volatile("pause");
    }
}

} // namespace attack
