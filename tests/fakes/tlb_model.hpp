// SPDX-License-Identifier: Apache-2.0
// Processors' translation caches as the manuals allow them: anything that was ever walked may be
// used until it is flushed, tables on the way included.
#pragma once

#include <fakes/hv_host.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace xenpp::fakes {

/// The TLBs of a host's CPUs, flushed when the hypervisor says so. A CPU that is kicked leaves its
/// guest.
class tlb_model {
public:
    static constexpr unsigned cpus = 2;
    using vcpu = hv_host::vcpu;

    explicit tlb_model(hv_host& h) : h_(h) {
        h.platform.on_kick = [this](cpu_id c) { atomic_store(h_.hv.tlb[c.raw()].in_guest, 0U); };
        h.platform.on_flush = [this](cpu_id c) { cpu_[c.raw()].forget(); };
        h.platform.on_flush_page = [this](cpu_id c, std::uint64_t va) {
            cpu_[c.raw()].leaf.erase(va & page_mask);
            cpu_[c.raw()].table.clear(); // INVLPG drops all of the paging-structure caches
        };
    }

    tlb_model(tlb_model const&) = delete;
    tlb_model& operator=(tlb_model const&) = delete;

    ~tlb_model() {
        h_.platform.on_kick = nullptr;
        h_.platform.on_flush = nullptr;
        h_.platform.on_flush_page = nullptr;
    }

    vcpu* on(unsigned c) const { return cpu_[c].v; }

    /// Makes `v` (null: nobody) the vCPU of CPU `c`, which then enters its guest.
    void load(unsigned c, vcpu* v) {
        h_.platform.run_on(cpu_id(c));
        hv::pv::leave_guest(h_.hv);
        auto& cpu = cpu_[c];
        if (cpu.v != v && cpu.v != nullptr) {
            cpu.forget(); // the hypervisor's own CR3
            hv::pv::leave_space(h_.hv);
            atomic_store(cpu.v->running, false);
        }
        if (v != nullptr) {
            if (cpu.v != v) {
                v->processor = cpu_id(c);
                atomic_store(v->running, true);
                hv::pv::load_root(*v);
            }
            enter(c);
        }
        cpu.v = v;
    }

    /// What a CPU does between two stays in a guest.
    void enter(unsigned c) {
        h_.platform.run_on(cpu_id(c));
        hv::pv::leave_guest(h_.hv);
        hv::pv::pass_epoch(h_.hv);
        hv::pv::enter_guest(h_.hv);
    }

    /// The guest on `c` uses address `va`; with `from_caches`, by what the CPU knows already.
    void touch(unsigned c, std::uint64_t va, bool from_caches) {
        auto& cpu = cpu_[c];
        if (cpu.v == nullptr || atomic_load(h_.hv.tlb[c].in_guest) == 0 ||
            !hv::pv::is_guest_address(va)) {
            return;
        }
        auto table = hv::pv::kernel_root(*cpu.v);
        bool may_write = true;
        for (unsigned level = 4; level != 0; --level) {
            auto const* entries = reinterpret_cast<std::uint64_t const*>(h_.platform.map(table));
            if (level == 4 && h_.hv.tlb[c].copied_for != nullptr) {
                entries = h_.platform.root_copy(cpu_id(c));
            } else {
                auto const key = std::pair{level, va >> (12 + level * 9)};
                if (from_caches && cpu.table.count(key) != 0) {
                    table = cpu.table[key];
                    entries = reinterpret_cast<std::uint64_t const*>(h_.platform.map(table));
                }
                cpu.table[key] = table;
            }
            auto const e = entries[hv::pv::table_index(va, level)];
            auto const frame = hv::pv::frame_in(e);
            if ((e & 1) == 0 || frame.raw() >= h_.platform.frame_count()) {
                return;
            }
            may_write = may_write && (e & hv::pv::entry_write) != 0;
            table = frame;
        }
        cpu.leaf[va & page_mask] = {table, may_write};
    }

    /// Whether the guest on `c` can reach `va` by what the CPU knows, or by walking.
    bool reaches(unsigned c, std::uint64_t va) {
        touch(c, va, true);
        return cpu_[c].leaf.count(va & page_mask) != 0;
    }

    /// What `c` remembers otherwise than its guest's tables say now, which it must not where the
    /// guest has just loaded a root; empty: nothing.
    std::string find_remembered(unsigned c) {
        auto& cpu = cpu_[c];
        if (cpu.v == nullptr) {
            return {};
        }
        auto const root = hv::pv::kernel_root(*cpu.v);
        for (auto const& [va, to] : cpu.leaf) {
            if (walk(root, va, 1) != to) {
                return describe(c, to.first, "remembered at an address that has changed");
            }
        }
        for (auto const& [key, table] : cpu.table) {
            auto const [level, prefix] = key;
            auto const now =
                level == 4 ? root : walk(root, prefix << (12 + level * 9), level + 1).first;
            if (now != table) {
                return describe(c, table, "remembered as a table that is not there");
            }
        }
        return {};
    }

    /// What a CPU that is in a guest could do that it must not; empty: nothing.
    std::string find_fault() {
        for (unsigned c = 0; c != cpus; ++c) {
            if (cpu_[c].v == nullptr || atomic_load(h_.hv.tlb[c].in_guest) == 0) {
                continue;
            }
            if (auto const why = wrong_copy(c); !why.empty()) {
                return why;
            }
            auto const& d = cpu_[c].v->dom;
            for (auto const& [va, to] : cpu_[c].leaf) {
                if (auto const why = wrong_leaf(d, to.first, to.second); why != nullptr) {
                    return describe(c, to.first, why);
                }
            }
            for (auto const& [key, table] : cpu_[c].table) {
                if (auto const why = wrong_table(d, table); why != nullptr) {
                    return describe(c, table, why);
                }
            }
        }
        return {};
    }

private:
    struct caches {
        vcpu* v = nullptr;
        std::map<std::uint64_t, std::pair<mfn, bool>> leaf;
        std::map<std::pair<unsigned, std::uint64_t>, mfn> table;

        void forget() {
            leaf.clear();
            table.clear();
        }
    };

    /// The frame that the entry of `level` for `va` names, and whether it may be written up to
    /// there; frame 0: none.
    std::pair<mfn, bool> walk(mfn root, std::uint64_t va, unsigned level) {
        auto table = root;
        bool may_write = true;
        for (unsigned n = 4; n + 1 != level; --n) {
            auto const* const entries =
                reinterpret_cast<std::uint64_t const*>(h_.platform.map(table));
            auto const e = entries[hv::pv::table_index(va, n)];
            if ((e & 1) == 0) {
                return {};
            }
            may_write = may_write && (e & hv::pv::entry_write) != 0;
            table = hv::pv::frame_in(e);
        }
        return {table, may_write};
    }

    static std::string describe(unsigned c, mfn f, char const* why) {
        return "CPU " + std::to_string(c) + ", frame " + std::to_string(f.raw()) + ": " + why;
    }

    /// CR3 names a copy that is not what the guest's root says.
    std::string wrong_copy(unsigned c) {
        constexpr auto ad = hv::pv::entry_accessed | hv::pv::entry_dirty;
        if (h_.hv.tlb[c].copied_for == nullptr) {
            return {};
        }
        auto const* const live = reinterpret_cast<std::uint64_t const*>(
            h_.platform.map(hv::pv::kernel_root(*cpu_[c].v)));
        auto const* const copy = h_.platform.root_copy(cpu_id(c));
        for (unsigned i = 0; i != hv::pv::table_entries; ++i) {
            if (((live[i] | copy[i]) & hv::pv::entry_present) != 0 &&
                ((live[i] ^ copy[i]) & ~ad) != 0) {
                return "CPU " + std::to_string(c) + " runs on another root: slot " +
                       std::to_string(i);
            }
        }
        return {};
    }

    /// A frame that was freed may be known until it is used anew.
    char const* wrong_owner(hv_host::domain const& d, hv::page_info const& page) {
        if (page.use == hv::page_use::dying) {
            return nullptr;
        }
        if (page.use != hv::page_use::guest && page.use != hv::page_use::shared) {
            return "a stale translation of memory that is nobody's";
        }
        return page.owner == d.id ? nullptr : "a stale translation of another's memory";
    }

    char const* wrong_leaf(hv_host::domain const& d, mfn f, bool may_write) {
        auto const* const page = h_.hv.frames.find(f);
        if (page == nullptr) {
            return "no memory";
        }
        if (auto const why = wrong_owner(d, *page); why != nullptr && !has_grant(d, f)) {
            return why;
        }
        auto const t = hv::pv::type_of(*page);
        bool const is_guarded = t.type() != hv::pv::page_type::writable && t.raw != 0 &&
                                (t.count() != 0 || t.has(hv::pv::type_word::partial));
        return page->use == hv::page_use::guest && may_write && is_guarded
                   ? "a table or descriptor page that can be written"
                   : nullptr;
    }

    char const* wrong_table(hv_host::domain const& d, mfn f) {
        auto const& page = h_.hv.frames.info(f);
        if (auto const why = wrong_owner(d, page); why != nullptr) {
            return why;
        }
        auto const t = hv::pv::type_of(page);
        return page.use == hv::page_use::guest && t.type() == hv::pv::page_type::writable &&
                       t.count() != 0
                   ? "a page that can be written is walked as a table"
                   : nullptr;
    }

    bool has_grant(hv_host::domain const& d, mfn f) {
        auto& grants = const_cast<hv_host::domain&>(d).grants;
        for (std::uint32_t h = 0; h < grants.track_count; ++h) {
            auto const& e = grants.track(h);
            auto* const granter = h_.hv.domains[e.granter.raw()];
            if (e.flags != 0 && granter != nullptr && granter->grants.active(e.ref).frame == f) {
                return true;
            }
        }
        return false;
    }

    hv_host& h_;
    std::array<caches, cpus> cpu_;
};

} // namespace xenpp::fakes
