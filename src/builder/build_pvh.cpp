// SPDX-License-Identifier: Apache-2.0
// The recipe of a PVH domain.
#include "builder/boot_context.hpp"
#include "builder/build_steps.hpp"

#include <xenpp/abi/hvm/params.hpp>
#include <xenpp/builder/build_pvh.hpp>
#include <xenpp/ctl/hvm.hpp>
#include <xenpp/ctl/memory.hpp>

#include <fmt/core.h>

#include <array>
#include <cerrno>

namespace xenpp::builder {
namespace {

/// Where the grant table is seen while its first entries are written: a frame that is nothing.
constexpr gfn grant_table_window = pvh::special_pages.start - 1;

struct build_state : build_core {
    pvh_plan const& plan;
};

result<void> create(build_state& s) {
    s.made.store_page = pvh::xenstore;
    s.made.console_page = pvh::console;
    abi::domctl_createdomain request{};
    request.flags = abi::domctl_cdf_hvm | abi::domctl_cdf_hap;
    request.arch.emulation_flags = abi::x86_emu_lapic;
    return create_domain(s, request);
}

result<void> limit_memory(build_state& s) {
    return limit_memory(s, s.plan.ram_pages(), s.plan.total_pages());
}

result<void> reserve_page_tables(build_state& s) {
    auto const mib = s.plan.ram_pages() * page_size >> 20;
    return explain_memory(
        ctl::set_paging_mempool_size(s.c, s.id(), paging_mempool_bytes(mib, s.settings.max_vcpus)));
}

result<void> claim(build_state& s) {
    return claim_memory(s, s.plan.total_pages());
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
            return unexpected(
                error{"memory_populate_physmap", ENOMEM,
                      fmt::format("no memory at frame {:#x}: {}", run.start.raw(), memory_went),
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

/// Copies the contents. What follows them reads as zero already: memory comes scrubbed.
result<void> load(build_state& s) {
    return load_placements(s.plan.placements, [&s](gpa at, std::span<std::byte const> bytes) {
        return s.c.doors().write_foreign(s.id(), at, bytes);
    });
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

/// Lets domain 0 reach the two rings by grant, also when it can map nothing else of the domain.
result<void> grant_rings(build_state& s) {
    XENPP_TRY(ctl::map_grant_table(s.c, s.id(), 0, grant_table_window));
    auto const written = write_ring_grants(s, grant_table_window);
    XENPP_TRY(ctl::remove_from_physmap(s.c, s.id(), grant_table_window));
    return written;
}

result<void> set_boot_state(build_state& s) {
    return ctl::set_hvm_context(s.c, s.id(),
                                make_boot_context(s.plan.boot, s.plan.mtrr, s.settings.max_vcpus));
}

constexpr std::array steps{
    step<build_state>{"creating the domain", create},
    step<build_state>{"making its vCPUs", on_core<make_vcpus, build_state>},
    step<build_state>{"setting its affinity", on_core<set_affinity, build_state>},
    step<build_state>{"setting its scheduling", on_core<set_scheduling, build_state>},
    step<build_state>{"limiting its memory", limit_memory},
    step<build_state>{"setting its clock", on_core<set_clock, build_state>},
    step<build_state>{"reserving memory for its page tables", reserve_page_tables},
    step<build_state>{"claiming its memory", claim},
    step<build_state>{"populating its memory", populate},
    step<build_state>{"setting its memory map", set_memory_map},
    step<build_state>{"loading its kernel", load},
    step<build_state>{"opening its event channels", on_core<open_event_channels, build_state>},
    step<build_state>{"setting its HVM parameters", set_params},
    step<build_state>{"granting its rings", grant_rings},
    step<build_state>{"setting its boot state", set_boot_state},
};

} // namespace

result<built_domain> build_pvh(ctl::connection& c,
                               pvh_plan const& plan,
                               domain_settings const& settings,
                               step_observer* observer) {
    build_state s{{c, settings}, plan};
    XENPP_TRY(run_steps<build_state>(steps, s, observer));
    return std::move(s.made);
}

} // namespace xenpp::builder
