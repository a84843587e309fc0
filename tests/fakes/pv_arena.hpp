// SPDX-License-Identifier: Apache-2.0
// Several hostile PV domains on one machine, led by bytes: every memory operation they have, in any
// order, with arguments that are half right; after each, everything is counted anew.
#pragma once

#include <fakes/byte_source.hpp>
#include <fakes/hv_invariants.hpp>
#include <fakes/pv_guest.hpp>
#include <fakes/tlb_model.hpp>

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace xenpp::fakes {

class pv_arena {
public:
    static constexpr unsigned guests = 3;
    static constexpr unsigned pages = 40;

    pv_arena() {
        static_cast<void>(h.hv.m2p.prepare(h.hv.frames, h.platform));
        h.hv.cpu_epoch.fill(~std::uint64_t{0});
        for (unsigned c = 0; c != tlb_model::cpus; ++c) {
            h.hv.cpu_epoch[c] = 0;
        }
        invariants_ = std::make_unique<hv_invariants<fake_platform>>(h.hv);
        for (auto& g : guest_) {
            g = std::make_unique<pv_guest>(h, pages);
            share_root(*g);
        }
        tlb_.load(0, &guest_[0]->v(0));
        tlb_.load(1, &guest_[1]->v(0));
    }

    ~pv_arena() {
        for (unsigned c = 0; c != tlb_model::cpus; ++c) {
            tlb_.load(c, nullptr);
        }
    }

    /// One decision. What it lets a CPU do that it must not; empty: nothing.
    std::string step(byte_source& in) {
        h.hv.pv_turn = in.one_in(4) ? 16384 : static_cast<int>(1 + in.below(64));
        act(in);
        h.hv.pv_turn = 16384;
        return tlb_.find_fault();
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

    hv_host h{9216};

private:
    using call = abi::hypercall;

    void share_root(pv_guest& g) {
        hv::pv::table_work w(g.d);
        hv::pv::set_kernel_root(w, g.v(1), g.frames[g.page_of_root()]).value();
    }

    /// Mostly the first, so that both CPUs run vCPUs of one domain.
    pv_guest& any(byte_source& in) {
        auto const n = in.below(8);
        return *guest_[n < guests ? n : 0];
    }

    /// The CPUs' guests use an address that is about to change its meaning.
    void use(byte_source& in, std::uint64_t address) {
        for (unsigned c = 0; c != tlb_model::cpus; ++c) {
            tlb_.touch(c, address, in.one_in(4));
        }
    }

    unsigned page(byte_source& in, pv_guest const& g) {
        auto const n = in.below(32);
        return n < 26 ? 2 + n % 14 : n < 31 ? g.page_of_l1() + n % 4 : n % pages;
    }

    mfn frame(byte_source& in, pv_guest& g) {
        switch (in.below(24)) {
        case 0: return g.d.shared_info_frame;
        case 1: return g.d.grants.frame[0];
        case 2: return h.hv.m2p.chunk(0);
        case 3: return any(in).frames[2 + in.below(8)];
        case 4: return hv_host::window_frame;
        case 5: return mfn(in.take<std::uint32_t>());
        default: return g.frames[page(in, g)];
        }
    }

    static std::uint64_t flags(byte_source& in) {
        static constexpr std::array<std::uint64_t, 8> odd{
            0x80, 0x100, 0x18, 1ULL << 52, 1ULL << 62, 1ULL << 63, 0xe00, 1ULL << 51};
        auto const n = in.take<std::uint8_t>();
        auto const common = (n & 3) == 0   ? std::uint64_t{0}
                            : (n & 3) == 1 ? pv_guest::ro
                                           : pv_guest::rw;
        return n < 224 ? common : common | odd[n & 7];
    }

    std::uint64_t value(byte_source& in, pv_guest& g) {
        return to_maddr(frame(in, g)).raw() | flags(in);
    }

    static unsigned index(byte_source& in) {
        static constexpr std::array<unsigned, 12> some{0,   1,   2,   255, 256, 257,
                                                       271, 272, 273, 274, 511, 300};
        auto const n = in.take<std::uint8_t>();
        return n < 128 ? n % pages : some[n % some.size()];
    }

    std::uint64_t va(byte_source& in) {
        auto const n = in.take<std::uint8_t>();
        auto const in_page = pv_guest::base + (n % pages) * page_size;
        return n < 192   ? in_page
               : n < 240 ? in_page + ((1U + n % 2) << 21)
               : n < 244 ? in_page + (std::uint64_t{1} << 30)
               : n < 248 ? hv::pv::m2p_base + n * page_size
               : n < 252 ? n * page_size
                         : in.take<std::uint64_t>();
    }

    /// A hypercall of a guest's, or of the control domain for it. `arg[at]` is where `args` lie.
    long make(byte_source& in,
              pv_guest& g,
              call number,
              std::array<std::uint64_t, 6> arg,
              void const* structure,
              std::size_t size,
              bool by_control = false) {
        auto const cpu = in.below(tlb_model::cpus);
        auto const args = size != 0;
        if (by_control) {
            if (args) {
                arg[0] = hv_host::scratch;
                std::memcpy(h.at(arg[0]), structure, size);
            }
            return dispatch(in, h.control(), number, arg);
        }
        auto& v = g.v(cpu);
        if (v.running && tlb_.on(cpu) != &v) {
            run_elsewhere(v);
        }
        tlb_.load(cpu, &v);
        h.platform.run_on(cpu_id(cpu));
        hv::pv::leave_guest(h.hv);
        if (args) {
            arg[0] = pv_guest::address(pv_guest::arguments);
            if (!copy_to_guest(v, arg[0], structure, size)) {
                tlb_.enter(cpu);
                return 1;
            }
        }
        auto const r = dispatch(in, v, number, arg);
        tlb_.enter(cpu);
        return r;
    }

    void run_elsewhere(pv_guest::vcpu& v) {
        for (unsigned c = 0; c != tlb_model::cpus; ++c) {
            if (tlb_.on(c) == &v) {
                tlb_.load(c, nullptr);
            }
        }
    }

    /// Turns of a call; now and then somebody else's comes in between, or it is given up.
    long
    dispatch(byte_source& in, pv_guest::vcpu& v, call number, std::array<std::uint64_t, 6> arg) {
        hv::hypercall_args a{arg};
        auto const here = h.platform.this_cpu();
        for (unsigned turn = 0; turn != 20000; ++turn) {
            h.platform.run_on(here);
            auto const r = hv::dispatch_hypercall(v, static_cast<unsigned>(number), a);
            if (r || r.error() != errc::restart) {
                return r ? static_cast<long>(*r) : to_abi(r.error());
            }
            if (depth_ == 0 && in.one_in(16)) {
                ++depth_;
                act_on_memory(in);
                --depth_;
            }
            if (in.one_in(32)) {
                return 0; // the guest has changed its mind
            }
        }
        std::abort(); // it would go on for ever
    }

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
        case 6: describe(in); return;
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

    std::unique_ptr<hv_invariants<fake_platform>> invariants_;
    std::array<std::unique_ptr<pv_guest>, guests> guest_;
    tlb_model tlb_{h};
    std::array<std::pair<std::uint32_t, std::uint64_t>, 4> tracks_{};
    unsigned depth_ = 0;
};

} // namespace xenpp::fakes
