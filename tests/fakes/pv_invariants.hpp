// SPDX-License-Identifier: Apache-2.0
// Counts anew, from the page tables themselves, what PV domains refer to and as what.
#pragma once

#include <xenpp/hv/domain_life.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace xenpp::fakes {

/// The oracle of hv/pv: everything that holds a type count is named here once more, in plain code.
template <class P>
class pv_counts {
public:
    using domain = hv::domain<P>;
    using page_type = hv::pv::page_type;
    using type_word = hv::pv::type_word;

    pv_counts(hv::hypervisor<P>& h, std::vector<std::uint32_t>& references)
        : hv_(h), references_(references), types_(references.size()) {}

    /// Adds what `d` refers to.
    void add(domain& d) {
        if (d.kind == hv::domain_kind::pv) {
            add_frames(d);
            add_vcpus(d);
            add_facilities(d);
        }
    }

    /// The first thing found wrong, once all domains have been added; empty: nothing.
    std::string find_fault() {
        for (std::uint64_t f = 0; fault_.empty() && f < types_.size(); ++f) {
            auto const* const page = hv_.frames.find(mfn(f));
            if (page == nullptr || page->count == 0) {
                continue;
            }
            auto const t = hv::pv::type_of(*page);
            if (t.has(type_word::busy)) {
                wrong(f, "busy for ever");
            }
            if (t.count() != types_[f]) {
                wrong(f, "type count " + std::to_string(t.count()) + ", known " +
                             std::to_string(types_[f]));
            }
        }
        return fault_;
    }

private:
    void wrong(std::uint64_t f, std::string const& what) {
        if (fault_.empty()) {
            fault_ = "frame " + std::to_string(f) + ": " + what;
        }
    }

    hv::page_info& info(mfn f) { return hv_.frames.info(f); }

    std::uint64_t const* map(mfn f) {
        return reinterpret_cast<std::uint64_t const*>(hv_.platform.map(f));
    }

    /// One reference to `f` as `t`.
    void use(mfn f, page_type t) {
        auto const* const page = hv_.frames.find(f);
        if (page == nullptr || f.raw() >= types_.size()) {
            wrong(f.raw(), "referred to, but no memory");
            return;
        }
        ++references_[f.raw()];
        if (t == page_type::none) {
            return;
        }
        ++types_[f.raw()];
        auto const is = hv::pv::type_of(*page);
        bool const needs_validation = t != page_type::writable;
        if (is.type() != t || needs_validation != is.has(type_word::validated)) {
            wrong(f.raw(), "used as type " + std::to_string(static_cast<unsigned>(t)) +
                               ", but is " + std::to_string(is.raw));
        }
    }

    void add_leaf(domain& d, mfn table, unsigned index, std::uint64_t e) {
        auto const f = hv::pv::frame_in(e);
        bool const writes = (e & hv::pv::entry_write) != 0;
        use(f, writes ? page_type::writable : page_type::none);
        auto const* const page = hv_.frames.find(f);
        if (page == nullptr ||
            (page->use != hv::page_use::guest && page->use != hv::page_use::shared)) {
            wrong(f.raw(), "mapped, but nobody's memory");
        } else if (page->owner != d.id &&
                   !is_granted(d, to_maddr(table).raw() + index * 8, f, writes)) {
            wrong(f.raw(), "mapped by domain " + std::to_string(d.id.raw()) + " without a grant");
        }
    }

    /// Whether a handle of `d` stands for an entry that maps `f` so at `at`.
    bool is_granted(domain& d, std::uint64_t at, mfn f, bool writes) {
        for (std::uint32_t h = 0; h < d.grants.track_count; ++h) {
            auto const& e = d.grants.track(h);
            if (e.flags == 0 || e.at != at || writes != ((e.flags & abi::gntmap_readonly) == 0)) {
                continue;
            }
            auto* const granter = hv_.domains[e.granter.raw()];
            if (granter != nullptr && granter->grants.active(e.ref).frame == f) {
                return true;
            }
        }
        return d.is_dying(); // its handles go before its page tables
    }

    void add_entries(domain& d, mfn f, unsigned level, unsigned count) {
        auto const* const table = map(f);
        for (unsigned i = 0; i != count; ++i) {
            auto const e = table[i];
            if (level == 4 && hv::pv::is_own_slot(i)) {
                if (e != (i == hv::pv::first_own_slot ? hv_.m2p.slot() : hv_.own_slots[i - 256])) {
                    wrong(f.raw(), "one of the hypervisor's slots was changed");
                }
                continue;
            }
            if ((e & 1) == 0) {
                continue;
            }
            // Present, user; perhaps write, accessed, dirty, software's three, no-execute.
            constexpr std::uint64_t flags = 0x8000'0000'0000'0e67;
            if ((e & ~(flags | 0x000f'ffff'ffff'f000)) != 0 || (e & 5) != 5) {
                wrong(f.raw(), "an entry that may not be");
            }
            if (level == 1) {
                add_leaf(d, f, i, e);
            } else {
                use(hv::pv::frame_in(e), hv::pv::table_type(level - 1));
                if (info(hv::pv::frame_in(e)).owner != d.id) {
                    wrong(f.raw(), "refers to another's table");
                }
            }
        }
    }

    void check_descriptors(mfn f) {
        for (unsigned i = 0; i != 512; ++i) {
            x86::segment_descriptor const d{map(f)[i]};
            auto const usable = hv::pv::usable_descriptor(d);
            if (!usable || usable->raw != d.raw) {
                wrong(f.raw(), "a descriptor that may not be");
            }
        }
    }

    void add_frame(domain& d, mfn f) {
        auto& page = info(f);
        auto const t = hv::pv::type_of(page);
        auto const level = static_cast<unsigned>(t.type());
        references_[f.raw()] += page.allocated ? 1U : 0U;
        if (page.owner != d.id || page.use != hv::page_use::guest || page.count == 0) {
            wrong(f.raw(), "in the list of another");
        }
        if (t.has(type_word::partial)) {
            if (t.count() != 0 || level < 2 || level > 4 || t.has(type_word::pinned)) {
                wrong(f.raw(), "partial, but in use");
            }
            ++references_[f.raw()];
            add_entries(d, f, level, page.nr_validated);
        } else if (t.count() != 0 && hv::pv::is_table(t.type())) {
            add_entries(d, f, level, hv::pv::table_entries);
        } else if (t.count() != 0 && t.type() == page_type::seg_desc) {
            check_descriptors(f);
        }
        if (t.has(type_word::pinned)) {
            if (!hv::pv::is_table(t.type())) {
                wrong(f.raw(), "pinned, but no table");
            }
            use(f, t.type());
        }
    }

    void add_frames(domain& d) {
        std::uint64_t pages = 0;
        auto before = hv::page_info::no_page;
        for (auto f = d.pv_memory.first_page; f != hv::page_info::no_page; f = info(mfn(f)).next) {
            if (info(mfn(f)).prev != before || ++pages > d.total_pages) {
                wrong(f, "a broken list");
                return;
            }
            before = f;
            add_frame(d, mfn(f));
        }
        if (pages != d.total_pages) {
            wrong(0, "the list of domain " + std::to_string(d.id.raw()) + " is not its memory");
        }
        for (unsigned level = 0; level != d.pv_memory.unfinished.size(); ++level) {
            auto const f = d.pv_memory.unfinished[level];
            if (f == hv::page_info::no_page) {
                continue;
            }
            auto const t = hv::pv::type_of(info(mfn(f)));
            if (!t.has(type_word::partial) || static_cast<unsigned>(t.type()) != level) {
                wrong(f, "unfinished, but not partial");
            }
        }
    }

    void add_vcpus(domain& d) {
        for (auto* const v : d.vcpus) {
            if (v == nullptr) {
                continue;
            }
            auto const& s = hv::pv::state_of(*v);
            if (v->context.cr3 != 0) {
                use(to_mfn(maddr(v->context.cr3)), page_type::l4);
            }
            if (s.user_root != mfn()) {
                use(s.user_root, page_type::l4);
            }
            for (auto const f : s.gdt_frames) {
                if (f != mfn()) {
                    use(f, page_type::seg_desc);
                }
            }
            for (auto const f : s.ldt_frames) {
                if (f != mfn()) {
                    use(f, page_type::seg_desc);
                }
            }
            if (v->info_registered) {
                type_only(v->info_frame);
            }
            if (v->secondary_time != nullptr) {
                type_only(v->secondary_time_frame);
            }
        }
    }

    /// What is written by the hypervisor; hv_invariants knows the reference.
    void type_only(mfn f) {
        --references_[f.raw()];
        use(f, page_type::writable);
    }

    void add_facilities(domain& d) {
        auto& g = d.grants;
        for (std::uint32_t ref = 0; ref < g.frame_count * g.v1_per_frame; ++ref) {
            if (g.active(ref).has_writers()) {
                use(g.active(ref).frame, page_type::writable);
            }
        }
        if (d.events.fifo != nullptr) {
            for (auto const& page : d.events.fifo->held) {
                if (page) {
                    type_only(page.frame());
                }
            }
            for (auto const& page : d.events.fifo_control_pages->held) {
                if (page) {
                    type_only(page.frame());
                }
            }
        }
    }

    hv::hypervisor<P>& hv_;
    std::vector<std::uint32_t>& references_;
    std::vector<std::uint32_t> types_;
    std::string fault_;
};

} // namespace xenpp::fakes
