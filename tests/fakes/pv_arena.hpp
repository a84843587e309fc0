// SPDX-License-Identifier: Apache-2.0
// Several hostile PV domains on one machine: every memory operation they have, in any order; after
// each, everything is counted anew.
#pragma once

#include <fakes/pv_players.hpp>

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace xenpp::fakes {

class pv_arena : public pv_players {
public:
    /// One decision. What it lets a CPU do that it must not; empty: nothing.
    std::string step(byte_source& in) {
        h.hv.pv_turn = in.one_in(4) ? 16384 : static_cast<int>(1 + in.below(64));
        remembered_.clear();
        act(in);
        h.hv.pv_turn = 16384;
        return !remembered_.empty() ? remembered_ : tlb_.find_fault();
    }

    /// What does not add up.
    std::string find_fault() { return invariants_->find_fault(); }

    /// All domains end; what is wrong then.
    std::string end() {
        for (auto& g : guest_) {
            if (g) {
                destroy(*g, ~0U);
                g.reset();
            }
        }
        for (unsigned c = 0; c != tlb_model::cpus; ++c) {
            tlb_.load(c, nullptr);
            h.platform.run_on(cpu_id(c));
            hv::pv::pass_epoch(h.hv);
        }
        for (unsigned n = 1; n != 64; ++n) {
            if (h.hv.domains[n] != nullptr) {
                return "domain " + std::to_string(n) + " does not go";
            }
        }
        h.settle();
        if (h.hv.frames.deferred_pages() != 0) {
            return "frames wait for ever";
        }
        return invariants_->find_fault();
    }

private:
    void interfere(byte_source& in) override { act_on_memory(in); }

    void update(byte_source& in) {
        auto& g = any(in);
        std::array<abi::mmu_update, 4> request{};
        auto const n = 1 + in.below(4);
        for (unsigned i = 0; i != n; ++i) {
            request[i].ptr = (in.one_in(24) ? to_maddr(frame(in, g)).raw() + 8 * index(in)
                                            : g.slot(page(in, g), index(in))) |
                             (in.one_in(6) ? in.below(8) : 0);
            request[i].val = value(in, g);
        }
        bool const by_control = in.one_in(4);
        make(in, g, call::mmu_update, {0, n, 0, by_control ? g.d.id.raw() : abi::domid_self},
             request.data(), n * sizeof request[0], by_control);
    }

    void ext(byte_source& in) {
        auto& g = any(in);
        abi::mmuext_op op{};
        op.cmd = in.below(22);
        op.arg1.mfn = in.one_in(16) ? va(in) : frame(in, g).raw();
        op.arg2.src_mfn = in.one_in(2) ? frame(in, g).raw() : in.below(255);
        bool const by_control = in.one_in(4);
        make(in, g, call::mmuext_op, {0, 1, 0, by_control ? g.d.id.raw() : abi::domid_self}, &op,
             sizeof op, by_control);
    }

    /// A kernel goes to and fro between two roots, as for patches, and does other things meanwhile.
    void go_to_and_fro(byte_source& in) {
        auto& g = any(in);
        unsigned const cpu = in.below(tlb_model::cpus);
        ++depth_;
        on_root(in, g, abi::mmuext_cmd::pin_l4_table, second_root, cpu);
        // Now and then its L1 is the kernel's too, at an address that `va` knows.
        change(in, g, g.page_of_l1() + 1, hv::pv::table_index(pv_guest::base, 2) + 2,
               in.one_in(2) ? g.entry(second_root - 3, pv_guest::rw) : 0);
        change(in, g, second_root - 3, 0, 0);
        change(in, g, second_root - 3, 1, 0);
        for (unsigned n = 0; n != 5; ++n) {
            load_root(in, g, second_root, cpu);
            load_root(in, g, g.page_of_root(), cpu);
        }
        unsigned const l1 = second_root - 3;
        auto const l3 = g.entry(g.page_of_l1() + 2, pv_guest::rw);
        for (unsigned n = in.below(16); n != 0; --n) {
            use(in, pv_guest::second_base + in.below(2) * page_size);
            use(in, pv_guest::base + (2U << 21) + in.below(2) * page_size);
            switch (in.below(10)) {
            case 0: act_on_memory(in); break;
            case 1: use(in, va(in)); break;
            case 2: load_root(in, g, g.page_of_root(), cpu); break;
            case 3:
            case 4: load_root(in, g, second_root, cpu); break;
            case 5: change(in, g, in.one_in(2) ? second_root : g.page_of_root(), 300, l3); break;
            case 6: change(in, g, l1, in.below(2), g.entry(2 + in.below(14), flags(in))); break;
            case 7: change(in, g, l1, in.below(2), g.entry(2 + in.below(14), pv_guest::ro)); break;
            default: change(in, g, l1, in.below(2), 0); break;
            }
            if (remembered_.empty()) {
                remembered_ = tlb_.find_fault();
            }
        }
        load_root(in, g, g.page_of_root(), cpu);
        change(in, g, second_root, 300, 0);
        change(in, g, g.page_of_root(), 300, 0);
        --depth_;
    }

    /// An entry of a table.
    void change(byte_source& in, pv_guest& g, unsigned page, unsigned index, std::uint64_t value) {
        abi::mmu_update const request{g.slot(page, index), value};
        make(in, g, call::mmu_update, {0, 1, 0, abi::domid_self}, &request, sizeof request);
    }

    long on_root(byte_source& in, pv_guest& g, abi::mmuext_cmd cmd, unsigned page, unsigned cpu) {
        abi::mmuext_op op{};
        op.cmd = static_cast<std::uint32_t>(cmd);
        op.arg1.mfn = g.frames[page].raw();
        auto const turn = std::exchange(h.hv.pv_turn, 16384);
        auto const r =
            make(in, g, call::mmuext_op, {0, 1, 0, abi::domid_self}, &op, sizeof op, false, cpu);
        h.hv.pv_turn = turn;
        return r;
    }

    void load_root(byte_source& in, pv_guest& g, unsigned page, unsigned cpu) {
        auto const r = on_root(in, g, abi::mmuext_cmd::new_baseptr, page, cpu);
        if (r == 0 && remembered_.empty()) {
            remembered_ = tlb_.find_remembered(cpu);
        }
    }

    /// What it takes to make a page a table: no writable mapping of it, then a pin.
    void pin(byte_source& in) {
        auto& g = any(in);
        auto const p = page(in, g);
        use(in, pv_guest::address(p));
        make(in, g, call::update_va_mapping, {pv_guest::address(p), g.entry(p, pv_guest::ro), 0},
             nullptr, 0);
        abi::mmuext_op op{};
        op.cmd = in.below(4);
        op.arg1.mfn = g.frames[p].raw();
        make(in, g, call::mmuext_op, {0, 1, 0, abi::domid_self}, &op, sizeof op);
    }

    /// A page is linked as a table into the kernel's address space, or taken out and made memory.
    void link(byte_source& in) {
        auto& g = any(in);
        auto const p = 2 + in.below(4);
        auto const at = hv::pv::table_index(pv_guest::base, 2) + 1 + in.below(2);
        bool const to_link = in.one_in(2);
        use(in, pv_guest::address(p));
        abi::mmu_update const request{g.slot(g.page_of_l1() + 1, at),
                                      to_link ? g.entry(p, pv_guest::rw) : 0};
        std::array<std::uint64_t, 3> const make_it{
            pv_guest::address(p), g.entry(p, to_link ? pv_guest::ro : pv_guest::rw), 0};
        auto const remap = [&] {
            make(in, g, call::update_va_mapping, {make_it[0], make_it[1], make_it[2]}, nullptr, 0);
        };
        if (to_link) {
            remap();
        }
        make(in, g, call::mmu_update, {0, 1, 0, abi::domid_self}, &request, sizeof request);
        if (!to_link) {
            remap();
            return;
        }
        use(in, pv_guest::base + ((at - hv::pv::table_index(pv_guest::base, 2)) << 21));
    }

    void map(byte_source& in) {
        auto& g = any(in);
        auto const where = va(in);
        use(in, where);
        auto const p = static_cast<unsigned>((where - pv_guest::base) / page_size) % pages;
        auto const e = in.one_in(2) ? g.entry(p, flags(in)) : value(in, g);
        make(in, g, call::update_va_mapping, {where, e, in.below(8)}, nullptr, 0);
    }

    /// The guest writes to memory that it has mapped writable.
    void scribble(byte_source& in) {
        auto& g = any(in);
        auto& v = g.v(0);
        auto const at = pv_guest::address(page(in, g)) + 8 * index(in);
        auto const e = value(in, g);
        static_cast<void>(copy_to_guest(v, at, &e, sizeof e));
    }

    void reserve(byte_source& in) {
        auto& g = any(in);
        std::uint64_t list = in.one_in(3) ? 7 : frame(in, g).raw();
        abi::memory_reservation r{};
        r.nr_extents = 1;
        r.domid = abi::domid_self;

        struct {
            abi::memory_reservation r;
            std::uint64_t list;
        } all{r, list};

        all.r.extent_start.p = pv_guest::address(pv_guest::arguments) + sizeof r;
        static constexpr std::array<abi::mem_op, 3> op{abi::mem_op::decrease_reservation,
                                                       abi::mem_op::populate_physmap,
                                                       abi::mem_op::increase_reservation};
        auto const which = op[in.below(3)];
        auto& v = g.v(0);
        auto const at = pv_guest::address(pv_guest::arguments);
        if (!copy_to_guest(v, at, &all, sizeof all)) {
            return;
        }
        if (make(in, g, call::memory_op, {static_cast<std::uint64_t>(which), at}, nullptr, 0) ==
                1 &&
            which != abi::mem_op::decrease_reservation &&
            copy_from_guest(v, &list, all.r.extent_start.p, 8)) {
            g.frames[2 + in.below(14)] = mfn(list); // the page it will speak of from now on
        }
    }

    void describe(byte_source& in) {
        auto& g = any(in);
        if (in.one_in(2)) {
            std::array<std::uint64_t, 2> list{frame(in, g).raw(), frame(in, g).raw()};
            make(in, g, call::set_gdt, {0, in.below(4) * 256}, list.data(), sizeof list);
            return;
        }
        static constexpr std::array<std::uint64_t, 4> some{0x00affb000000ffff, 0x00af9b000000ffff,
                                                           0x0000e9000000ffff, 0x00008c0000001234};
        make(in, g, call::update_descriptor,
             {to_maddr(frame(in, g)).raw() + 8 * index(in), some[in.below(4)]}, nullptr, 0);
    }

    void grant(byte_source& in) {
        auto& g = any(in);
        auto& other = *guest_[1 + in.below(guests - 1)];
        auto const ref = in.below(4);
        auto& entry =
            reinterpret_cast<abi::grant_entry_v1*>(h.platform.map(g.d.grants.frame[0]))[ref];
        if (!in.one_in(4)) {
            entry = {static_cast<std::uint16_t>(abi::gtf_permit_access |
                                                (in.one_in(4) ? abi::gtf_readonly : 0)),
                     other.d.id.raw(), static_cast<std::uint32_t>(frame(in, g).raw())};
        }
        abi::gnttab_map_grant_ref op{};
        op.dom = g.d.id.raw();
        op.ref = ref;
        op.flags = in.one_in(8) ? in.take<std::uint8_t>()
                                : abi::gntmap_host_map | (in.below(2) * abi::gntmap_readonly) |
                                      (in.below(2) * abi::gntmap_contains_pte);
        auto const where = in.one_in(4) ? va(in) : pv_guest::base + (64 + in.below(4)) * page_size;
        op.host_addr = (op.flags & abi::gntmap_contains_pte) == 0 ? where
                       : in.one_in(4)
                           ? other.slot(page(in, other), index(in))
                           : other.slot(other.page_of_l1(), hv::pv::table_index(where, 1));
        grant_call(in, other, abi::gnttab_op::map_grant_ref, op);
        if (op.status == abi::gntst_okay) {
            tracks_[in.below(static_cast<unsigned>(tracks_.size()))] = {op.handle, op.host_addr};
        }
        use(in, where);
    }

    void ungrant(byte_source& in) {
        auto& other = *guest_[1 + in.below(guests - 1)];
        auto const [handle, address] =
            in.one_in(8) ? std::pair<std::uint32_t, std::uint64_t>{in.below(8), va(in)}
                         : tracks_[in.below(static_cast<unsigned>(tracks_.size()))];
        if (in.one_in(4)) {
            abi::gnttab_unmap_and_replace op{};
            op.handle = handle;
            op.host_addr = address;
            op.new_addr = in.one_in(2) ? va(in) : pv_guest::base + (64 + in.below(4)) * page_size;
            grant_call(in, other, abi::gnttab_op::unmap_and_replace, op);
            return;
        }
        abi::gnttab_unmap_grant_ref op{};
        op.handle = handle;
        op.host_addr = address;
        grant_call(in, other, abi::gnttab_op::unmap_grant_ref, op);
    }

    template <class Op>
    void grant_call(byte_source& in, pv_guest& g, abi::gnttab_op cmd, Op& op) {
        auto const at = pv_guest::address(pv_guest::arguments);
        if (!copy_to_guest(g.v(0), at, &op, sizeof op)) {
            return;
        }
        make(in, g, call::grant_table_op, {static_cast<std::uint64_t>(cmd), at, 1}, nullptr, 0);
        static_cast<void>(copy_from_guest(g.v(0), &op, at, sizeof op));
    }

    /// A CPU goes elsewhere, or its guest uses some memory.
    void run(byte_source& in) {
        auto const c = in.below(tlb_model::cpus);
        h.hv.frames.reclaim();
        if (in.one_in(4)) {
            auto& v = any(in).v(in.below(2));
            run_elsewhere(v);
            tlb_.load(c, in.one_in(4) ? nullptr : &v);
            return;
        }
        if (in.one_in(3) && tlb_.on(c) != nullptr) {
            tlb_.enter(c);
        }
        for (unsigned n = in.below(6); n != 0; --n) {
            tlb_.touch(c, va(in), in.one_in(2));
        }
    }

    void destroy(pv_guest& g, unsigned turns) {
        for (unsigned c = 0; c != tlb_model::cpus; ++c) {
            if (tlb_.on(c) != nullptr && &tlb_.on(c)->dom == &g.d) {
                tlb_.load(c, nullptr);
            }
        }
        auto const ref = hv::find_domain(h.hv, g.d.id);
        for (unsigned n = 0; n != turns; ++n) {
            auto const done = hv::destroy_domain(g.d);
            if (done || done.error() != errc::restart) {
                return;
            }
        }
    }

    void renew(byte_source& in) {
        auto& slot = guest_[in.below(guests)];
        destroy(*slot, ~0U);
        for (unsigned c = 0; c != tlb_model::cpus; ++c) {
            tlb_.enter(c); // what was freed may be used again
        }
        h.hv.pv_turn = 16384;
        slot = std::make_unique<pv_guest>(h, pages);
        share_root(*slot);
    }

    void act_on_memory(byte_source& in) {
        switch (in.below(8)) {
        case 0:
        case 1: update(in); return;
        case 2: in.one_in(2) ? ext(in) : link(in); return;
        case 3: in.one_in(2) ? pin(in) : link(in); return;
        case 4:
        case 5: map(in); return;
        case 6: in.one_in(2) || depth_ != 0 ? describe(in) : go_to_and_fro(in); return;
        default: scribble(in); return;
        }
    }

    void act(byte_source& in) {
        switch (in.below(32)) {
        case 0: renew(in); return;
        case 1:
        case 2: reserve(in); return;
        case 3:
        case 4: grant(in); return;
        case 5: ungrant(in); return;
        case 6:
        case 7:
        case 8:
        case 9: run(in); return;
        default: act_on_memory(in); return;
        }
    }

    std::array<std::pair<std::uint32_t, std::uint64_t>, 4> tracks_{};
    std::string remembered_; ///< what a CPU does after a root was loaded
};

} // namespace xenpp::fakes
