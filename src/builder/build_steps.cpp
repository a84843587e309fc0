// SPDX-License-Identifier: Apache-2.0
// Steps common to all kinds of domain.
#include "builder/build_steps.hpp"

#include <xenpp/abi/grant_table.hpp>
#include <xenpp/ctl/event_channel.hpp>
#include <xenpp/ctl/memory.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

namespace xenpp::builder {

result<void> explain_memory(result<void> outcome) {
    if (!outcome && outcome.error().code == ENOMEM && outcome.error().detail.empty()) {
        outcome.error().detail = memory_went;
    }
    return outcome;
}

result<void> create_domain(build_core& s, abi::domctl_createdomain request) {
    auto const& w = s.settings;
    std::ranges::copy(w.uuid, request.handle);
    request.max_vcpus = w.max_vcpus;
    request.cpupool_id = w.cpupool;
    request.max_evtchn_port = w.max_event_port;
    request.max_grant_frames = w.max_grant_frames;
    request.max_maptrack_frames = w.max_maptrack_frames;
    request.grant_opts = w.max_grant_version & abi::domctl_grant_version_mask;
    auto const made = ctl::create_domain(s.c, request);
    if (!made) {
        return explain_memory(unexpected(made.error()));
    }
    s.made.domain = unfinished_domain(s.c, *made);
    return {};
}

result<void> claim_memory(build_core& s, std::uint64_t frames) {
    return explain_memory(ctl::claim_pages(s.c, s.id(), frames));
}

result<void> make_vcpus(build_core& s) {
    return explain_memory(ctl::set_max_vcpus(s.c, s.id(), s.settings.max_vcpus));
}

result<void> set_affinity(build_core& s) {
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

result<void> set_scheduling(build_core& s) {
    if (!s.settings.scheduling) {
        return {};
    }
    return ctl::set_scheduling(s.c, s.id(), *s.settings.scheduling);
}

result<void> set_clock(build_core& s) {
    XENPP_TRY(ctl::set_tsc_mode(s.c, s.id(), s.settings.tsc_mode));
    if (s.settings.time_offset_s == 0) {
        return {};
    }
    return ctl::set_time_offset(s.c, s.id(), s.settings.time_offset_s);
}

result<void> open_event_channels(build_core& s) {
    s.made.store_port = XENPP_TRY(ctl::alloc_unbound(s.c, s.id(), dom0));
    s.made.console_port = XENPP_TRY(ctl::alloc_unbound(s.c, s.id(), dom0));
    return {};
}

result<void> limit_memory(build_core& s, std::uint64_t ram_pages, std::uint64_t total_pages) {
    constexpr std::uint64_t kib_per_page = page_size / 1024;
    return ctl::set_max_memory(
        s.c, s.id(),
        std::max(ram_pages * kib_per_page + memory_slack_kib, total_pages * kib_per_page));
}

result<void> write_ring_grants(build_core const& s, gfn table) {
    static_assert(console_grant.raw() == 0 && xenstore_grant.raw() == 1);
    auto const grant = [](gfn frame) {
        return abi::grant_entry_v1{abi::gtf_permit_access, dom0.raw(),
                                   static_cast<std::uint32_t>(frame.raw())};
    };
    std::array const entries{grant(s.made.console_page), grant(s.made.store_page)};
    return s.c.doors().write_foreign(s.id(), to_gpa(table), std::as_bytes(std::span(entries)));
}

result<void>
load_placements(std::span<placement const> placements,
                std::function<result<void>(gpa, std::span<std::byte const>)> const& write) {
    constexpr std::size_t part_size = std::size_t{8} << 20;
    for (auto const& p : placements) {
        auto at = p.at;
        for (auto rest = p.content; !rest.empty();) {
            auto const n = std::min<std::size_t>(rest.size(), part_size - at.raw() % page_size);
            auto const part = rest.first(n);
            if (auto done = write(at, part); !done) {
                auto e = std::move(done.error());
                e.detail = fmt::format("the {} at {:#x}{}{}", p.what, p.at.raw(),
                                       e.detail.empty() ? "" : ": ", e.detail);
                return unexpected(std::move(e));
            }
            if (p.is_of_file) {
                forget_pages(part);
            }
            at = at + n;
            rest = rest.subspan(n);
        }
    }
    return {};
}

} // namespace xenpp::builder
