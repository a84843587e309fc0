// SPDX-License-Identifier: Apache-2.0
// What must hold of a hypervisor between any two calls: every reference, page and port accounted
// for.
#pragma once

#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/hypervisor.hpp>

#include <fakes/pv_invariants.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace xenpp::fakes {

/// Counts anew, from the tables of all domains, what the hypervisor keeps counts of. Nothing may be
/// under way and nobody else hold a reference; the machine has no link. Built once the control
/// domain exists: from then on `find_fault` says what has gone wrong, or nothing.
template <class P>
class hv_invariants {
public:
    explicit hv_invariants(hv::hypervisor<P>& h) : hv_(h), held_(h.frames.end().raw()) {
        auto const now = count_frames();
        others_ = now.hypervisor - tables_of_all() - hv_.m2p.used();
        for (std::uint64_t f = 0; f < hv_.frames.end().raw(); ++f) {
            auto const* const page = hv_.frames.find(mfn(f));
            if (page != nullptr && page->count != 0 && page->use == hv::page_use::guest) {
                ++held_[f]; // the control window, which nobody maps
            }
        }
    }

    /// The first thing found wrong; empty: nothing.
    std::string find_fault() {
        auto expected = held_;
        pv_counts<P> pv(hv_, expected);
        std::uint64_t claimed = 0;
        for (auto* const d : hv_.domains) {
            if (d == nullptr) {
                continue;
            }
            claimed += d->outstanding_pages;
            add_references(*d, expected);
            pv.add(*d);
            for (auto const fault : {check_events(*d), check_grants(*d), check_vcpus(*d)}) {
                if (fault != nullptr) {
                    return describe(*d, fault);
                }
            }
        }
        if (auto const fault = pv.find_fault(); !fault.empty()) {
            return fault;
        }
        if (claimed != hv_.frames.claimed_pages()) {
            return "claims do not add up";
        }
        return check_frames(expected);
    }

private:
    using domain = hv::domain<P>;
    using counts = std::vector<std::uint32_t>; ///< references by frame number

    struct frame_counts {
        std::uint64_t used = 0;
        std::uint64_t hypervisor = 0;
    };

    template <class T>
    static constexpr std::uint64_t pages_of = std::uint64_t{1} << hv::detail::order_of<T>;

    static std::string describe(domain const& d, char const* fault) {
        return "domain " + std::to_string(d.id.raw()) + ": " + fault;
    }

    frame_counts count_frames() {
        frame_counts n;
        for (std::uint64_t f = 0; f < hv_.frames.end().raw(); ++f) {
            auto const* const page = hv_.frames.find(mfn(f));
            if (page != nullptr && page->count != 0) {
                ++n.used;
                n.hypervisor += page->use == hv::page_use::hypervisor ? 1U : 0U;
            }
        }
        return n;
    }

    /// The hypervisor's pages that stand for domains.
    std::uint64_t tables_of_all() {
        std::uint64_t n = 0;
        for (auto* const d : hv_.domains) {
            n += d != nullptr ? tables_of(*d) : 0;
        }
        return n;
    }

    static std::uint64_t tables_of(domain& d) {
        std::uint64_t n = pages_of<domain> + d.guest_memory.frames.used;
        for (auto const* const v : d.vcpus) {
            n += v != nullptr ? pages_of<hv::vcpu<P>> : 0;
            if (v != nullptr && d.kind == hv::domain_kind::pv) {
                n += 2 + (std::uint64_t{1} << hv::pv::state_of(*v).fpu_order); // with the traps
            }
        }
        n += d.memory_map != nullptr ? pages_of<hv::guest_memory_map> : 0;
        auto const& e = d.events;
        n += e.valid_ports / e.ports_per_bucket;
        for (auto const* const group : e.group) {
            n += group != nullptr ? 1U : 0U;
        }
        n += e.fifo != nullptr ? pages_of<hv::fifo_array<P>> + pages_of<hv::fifo_controls<P>> : 0;
        auto const& g = d.grants;
        for (auto const* const page : g.active_page) {
            n += page != nullptr ? 1U : 0U;
        }
        n += g.track_count / g.tracks_per_page;
        for (auto const* const group : g.tracks) {
            n += group != nullptr ? 1U : 0U;
        }
        return n;
    }

    static void add_p2m(domain& d, counts& to) {
        auto& p = d.guest_memory;
        if (!p.tables) {
            return;
        }
        for (std::uint64_t i = 0; i < p.teardown_left; ++i) {
            ++to[p.teardown_block.raw() + i];
        }
        // What lies below the teardown's position has been given back, though it still stands
        // there.
        std::optional<gfn> at = p.teardown_at;
        while (at && at->raw() < p.top) {
            at = p.tables->for_each(*at, 4096, [&](gfn g, mm::translation const& leaf) {
                for (std::uint64_t i = 0; g >= p.teardown_at && i < std::uint64_t{1} << leaf.order;
                     ++i) {
                    ++to[leaf.frame.raw() + i];
                }
            });
        }
    }

    static void add_references(domain& d, counts& to) {
        if (!d.is_dying() || d.guest_memory.teardown_at.raw() < d.guest_memory.top ||
            d.guest_memory.teardown_left != 0) {
            add_p2m(d, to);
        }
        if (d.kind != hv::domain_kind::control) {
            ++to[d.shared_info_frame.raw()];
        }
        for (auto const* const v : d.vcpus) {
            if (v != nullptr && v->info_registered) {
                ++to[v->info_frame.raw()];
            }
            if (v != nullptr && v->secondary_time != nullptr) {
                ++to[v->secondary_time_frame.raw()];
            }
        }
        if (d.events.fifo != nullptr) {
            add_held(d.events.fifo->held, to);
            add_held(d.events.fifo_control_pages->held, to);
        }
        auto& g = d.grants;
        for (std::uint32_t i = 0; i < g.frame_count; ++i) {
            ++to[g.frame[i].raw()];
        }
        for (std::uint32_t i = 0; i < g.status_frame_count; ++i) {
            ++to[g.status_frame[i].raw()];
        }
        for (std::uint32_t ref = 0; ref < g.frame_count * g.v1_per_frame; ++ref) {
            if (g.active(ref).is_used()) {
                ++to[g.active(ref).frame.raw()];
            }
        }
    }

    template <class Held>
    static void add_held(Held const& held, counts& to) {
        for (auto const& page : held) {
            if (page) {
                ++to[page.frame().raw()];
            }
        }
    }

    std::string check_frames(counts const& expected) {
        std::map<std::uint16_t, std::uint64_t> owned;
        for (std::uint64_t f = 0; f < hv_.frames.end().raw(); ++f) {
            auto const* const page = hv_.frames.find(mfn(f));
            if (page == nullptr) {
                continue;
            }
            std::uint32_t const wanted = expected[f];
            if (page->use == hv::page_use::hypervisor) {
                if (wanted != 0) {
                    return "frame " + std::to_string(f) + " of the hypervisor is somebody's";
                }
                continue;
            }
            if (page->count != wanted) {
                return "frame " + std::to_string(f) + " has " + std::to_string(page->count) +
                       " references, " + std::to_string(wanted) + " are known";
            }
            if (page->count != 0 && page->use == hv::page_use::guest) {
                ++owned[page->owner.raw()];
            }
        }
        for (auto const& [id, n] : owned) {
            if (hv_.domains[id] == nullptr) {
                return "frames of domain " + std::to_string(id) + ", which does not exist";
            }
        }
        for (auto const* const d : hv_.domains) {
            if (d == nullptr || d->kind == hv::domain_kind::control) {
                continue;
            }
            auto const owns = owned[d->id.raw()];
            std::uint32_t const refs =
                (d->dying == hv::dying_state::dead ? 0U : 1U) + (owns != 0 ? 1U : 0U);
            if (d->total_pages != owns) {
                return describe(*d, "total_pages is not what it owns");
            }
            if (d->references != refs) {
                return describe(*d, "references do not add up");
            }
        }
        auto const n = count_frames();
        if (n.used + hv_.frames.free_pages() != hv_.frames.total_pages()) {
            return "frames got lost";
        }
        if (n.hypervisor != others_ + tables_of_all() + hv_.m2p.used()) {
            return "the hypervisor lost pages of its own";
        }
        return {};
    }

    static char const* check_events(domain& d) {
        using state = hv::evtchn_state;
        auto& t = d.events;
        std::uint32_t active = 0;
        for (std::uint32_t n = 0; n < t.valid_ports; ++n) {
            auto const& c = t.at(evtchn_port(n));
            active += c.state != state::free && c.state != state::reserved ? 1U : 0U;
            if (c.state == state::interdomain) {
                auto* const far = c.remote->events.find(evtchn_port(c.number));
                if (far == nullptr || far->state != state::interdomain || far->remote != &d ||
                    far->number != n) {
                    return "an event channel with one end";
                }
            }
            if (c.state == state::virq) {
                auto const owner = hv::virq_is_global(c.number) ? 0U : c.notify_vcpu;
                if (d.vcpus[owner]->virq_port[c.number] != n) {
                    return "a virq whose vCPU does not know its port";
                }
            }
        }
        return active == t.active_ports ? nullptr : "active ports do not add up";
    }

    /// Every use of a grant of `d` is a mapping that somebody has.
    char const* check_grants(domain& d) {
        std::map<std::uint32_t, hv::active_grant> uses;
        for (auto* const other : hv_.domains) {
            for (std::uint32_t h = 0; other != nullptr && h < other->grants.track_count; ++h) {
                auto const& e = other->grants.track(h);
                if (e.flags == 0 || e.granter != d.id) {
                    continue;
                }
                bool const writes = (e.flags & abi::gntmap_readonly) == 0;
                bool const by_host = (e.flags & abi::gntmap_host_map) != 0;
                ++hv::detail::use_count(uses[e.ref], writes, by_host);
                if (d.grants.active(e.ref).user != other->id) {
                    return "a grant in use by another than its user";
                }
            }
        }
        std::uint32_t used = 0;
        for (std::uint32_t ref = 0; ref < d.grants.frame_count * d.grants.v1_per_frame; ++ref) {
            auto const& a = d.grants.active(ref);
            auto const at = uses.find(ref);
            hv::active_grant const u = at == uses.end() ? hv::active_grant{} : at->second;
            used += a.is_used() ? 1U : 0U;
            if (a.host_readers != u.host_readers || a.host_writers != u.host_writers ||
                a.device_readers != u.device_readers || a.device_writers != u.device_writers) {
                return "uses of a grant do not add up";
            }
        }
        return used == d.grants.used_count ? nullptr : "used grants do not add up";
    }

    /// A vCPU that nothing holds back is on a CPU or in the queue; one that is held back is not
    /// queued.
    char const* check_vcpus(domain& d) {
        for (auto* const v : d.vcpus) {
            if (v == nullptr || d.kind == hv::domain_kind::control) {
                continue;
            }
            if (v->pause == 0 && !v->running && !v->queued) {
                return "a runnable vCPU that nobody will run";
            }
            if (v->queued && (v->pause != 0 || v->running)) {
                return "a vCPU in the queue that may not run";
            }
            if (d.is_dying() && v->pause == 0) {
                return "a vCPU of a dying domain that may run";
            }
        }
        return nullptr;
    }

    hv::hypervisor<P>& hv_;
    std::uint64_t others_ = 0; ///< the hypervisor's pages that belong to no domain
    counts held_;              ///< references that are always there
};

} // namespace xenpp::fakes
