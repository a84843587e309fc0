// SPDX-License-Identifier: Apache-2.0
// The recipe of a PVH domain.
#include "builder/boot_context.hpp"

#include <xenpp/abi/grant_table.hpp>
#include <xenpp/abi/hvm/params.hpp>
#include <xenpp/builder/build_pvh.hpp>
#include <xenpp/ctl/event_channel.hpp>
#include <xenpp/ctl/hvm.hpp>
#include <xenpp/ctl/memory.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace xenpp::builder {
namespace {

/// Where the grant table is seen while its first entries are written: a frame that is nothing.
constexpr gfn grant_table_window = pvh::special_pages.start - 1;

struct build_state {
    ctl::connection& c;
    pvh_plan const& plan;
    pvh_settings const& settings;
    built_domain made;

    domid id() const noexcept { return made.domain.id(); }
};

result<void> create(build_state& s) {
    auto const& w = s.settings;
    abi::domctl_createdomain request{};
    std::ranges::copy(w.uuid, request.handle);
    request.flags = abi::domctl_cdf_hvm | abi::domctl_cdf_hap;
    request.max_vcpus = w.max_vcpus;
    request.max_evtchn_port = w.max_event_port;
    request.max_grant_frames = w.max_grant_frames;
    request.max_maptrack_frames = w.max_maptrack_frames;
    request.grant_opts = w.max_grant_version & abi::domctl_grant_version_mask;
    request.arch.emulation_flags = abi::x86_emu_lapic;
    s.made.domain = unfinished_domain(s.c, XENPP_TRY(ctl::create_domain(s.c, request)));
    return {};
}

result<void> make_vcpus(build_state& s) {
    return ctl::set_max_vcpus(s.c, s.id(), s.settings.max_vcpus);
}

result<void> set_affinity(build_state& s) {
    auto const apply = [&s](auto const& sets, ctl::affinity which) -> result<void> {
        for (std::uint32_t v = 0; v < sets.size() && v < s.settings.max_vcpus; ++v) {
            if (!sets[v].empty()) {
                XENPP_TRY(ctl::set_vcpu_affinity(s.c, s.id(), vcpu_id(v), which, sets[v]));
            }
        }
        return {};
    };
    XENPP_TRY(apply(s.settings.hard_affinity, ctl::affinity::hard));
    return apply(s.settings.soft_affinity, ctl::affinity::soft);
}

result<void> schedule(build_state& s) {
    if (!s.settings.scheduling) {
        return {};
    }
    return ctl::set_scheduling(s.c, s.id(), *s.settings.scheduling);
}

constexpr std::uint64_t kib_of(std::uint64_t frames) noexcept {
    return frames * (page_size / 1024);
}

result<void> limit_memory(build_state& s) {
    auto const slack = kib_of(s.plan.ram_pages()) + memory_slack_kib;
    return ctl::set_max_memory(s.c, s.id(), std::max(slack, kib_of(s.plan.total_pages())));
}

result<void> set_clock(build_state& s) {
    XENPP_TRY(ctl::set_tsc_mode(s.c, s.id(), s.settings.tsc_mode));
    if (s.settings.time_offset_s == 0) {
        return {};
    }
    return ctl::set_time_offset(s.c, s.id(), s.settings.time_offset_s);
}

result<void> reserve_page_tables(build_state& s) {
    auto const mib = s.plan.ram_pages() * page_size >> 20;
    return ctl::set_paging_mempool_size(s.c, s.id(),
                                        paging_mempool_bytes(mib, s.settings.max_vcpus));
}

result<void> claim(build_state& s) {
    return ctl::claim_pages(s.c, s.id(), s.plan.total_pages());
}

/// Populates a run. Where no pieces of its size are left, the rest comes in smaller ones.
result<void> populate(build_state& s, extent_run run) {
    while (run.count != 0) {
        auto const got =
            XENPP_TRY(ctl::populate_physmap(s.c, s.id(), run.start, run.order, run.count));
        run.start = run.start + (got << run.order);
        run.count -= got;
        if (run.count == 0) {
            break;
        }
        if (run.order == 0) {
            return unexpected(error{"memory_populate_physmap", ENOMEM,
                                    fmt::format("no memory at frame {:#x}", run.start.raw()),
                                    s.id().raw()});
        }
        auto const smaller = run.order > 9 ? 9U : 0U;
        run.count <<= run.order - smaller;
        run.order = smaller;
    }
    return {};
}

result<void> populate(build_state& s) {
    for (auto const* ranges : {&s.plan.ram, &s.plan.firmware}) {
        for (auto const& range : *ranges) {
            for (auto const& run : orders_for(range)) {
                XENPP_TRY(populate(s, run));
            }
        }
    }
    return ctl::claim_pages(s.c, s.id(), 0);
}

result<void> set_memory_map(build_state& s) {
    std::vector<ctl::memory_range> map;
    for (auto const& e : s.plan.memory_map) {
        map.push_back({e.start.raw(), e.size, static_cast<std::uint32_t>(e.kind)});
    }
    return ctl::set_memory_map(s.c, s.id(), map);
}

/// Copies a placement's content. What follows it reads as zero already: memory comes scrubbed.
result<void> write(build_state& s, placement const& p) {
    auto const written = s.c.doors().write_foreign(s.id(), p.at, p.content);
    if (!written) {
        auto e = written.error();
        e.detail = fmt::format("the {} at {:#x}{}{}", p.what, p.at.raw(),
                               e.detail.empty() ? "" : ": ", e.detail);
        return unexpected(std::move(e));
    }
    return {};
}

result<void> load(build_state& s) {
    for (auto const& p : s.plan.placements) {
        XENPP_TRY(write(s, p));
    }
    return {};
}

result<void> open_event_channels(build_state& s) {
    s.made.store_port = XENPP_TRY(ctl::alloc_unbound(s.c, s.id(), dom0));
    s.made.console_port = XENPP_TRY(ctl::alloc_unbound(s.c, s.id(), dom0));
    return {};
}

result<void> set_params(build_state& s) {
    for (auto const& p : pvh_params(s.made.store_port, s.made.console_port)) {
        auto const value = p.index == abi::hvm_param_timer_mode && s.settings.timer_mode
                               ? *s.settings.timer_mode
                               : p.value;
        XENPP_TRY(ctl::set_hvm_param(s.c, s.id(), p.index, value));
    }
    return {};
}

result<void> write_grants(build_state& s) {
    auto const map =
        XENPP_TRY(s.c.doors().map_foreign(s.id(), grant_table_window, 1, os::access::read_write));
    auto const grant = [&map](grant_ref ref, gfn frame) {
        abi::grant_entry_v1 const entry{abi::gtf_permit_access, dom0.raw(),
                                        static_cast<std::uint32_t>(frame.raw())};
        std::memcpy(map.data() + ref.raw() * sizeof entry, &entry, sizeof entry);
    };
    grant(pvh::console_grant, pvh::console);
    grant(pvh::xenstore_grant, pvh::xenstore);
    return {};
}

/// Lets domain 0 reach the two rings by grant, also when it can map nothing else of the domain.
result<void> grant_rings(build_state& s) {
    XENPP_TRY(ctl::map_grant_table(s.c, s.id(), 0, grant_table_window));
    auto const written = write_grants(s);
    XENPP_TRY(ctl::remove_from_physmap(s.c, s.id(), grant_table_window));
    return written;
}

result<void> set_boot_state(build_state& s) {
    return ctl::set_hvm_context(s.c, s.id(),
                                make_boot_context(s.plan.boot, s.plan.mtrr, s.settings.max_vcpus));
}

constexpr std::array steps{
    step<build_state>{"creating the domain", create},
    step<build_state>{"making its vCPUs", make_vcpus},
    step<build_state>{"setting its affinity", set_affinity},
    step<build_state>{"setting its scheduling", schedule},
    step<build_state>{"limiting its memory", limit_memory},
    step<build_state>{"setting its clock", set_clock},
    step<build_state>{"reserving memory for its page tables", reserve_page_tables},
    step<build_state>{"claiming its memory", claim},
    step<build_state>{"populating its memory", populate},
    step<build_state>{"setting its memory map", set_memory_map},
    step<build_state>{"loading its kernel", load},
    step<build_state>{"opening its event channels", open_event_channels},
    step<build_state>{"setting its HVM parameters", set_params},
    step<build_state>{"granting its rings", grant_rings},
    step<build_state>{"setting its boot state", set_boot_state},
};

} // namespace

result<built_domain> build_pvh(ctl::connection& c,
                               pvh_plan const& plan,
                               pvh_settings const& settings,
                               step_observer* observer) {
    build_state s{c, plan, settings, {}};
    XENPP_TRY(run_steps<build_state>(steps, s, observer));
    return std::move(s.made);
}

} // namespace xenpp::builder
