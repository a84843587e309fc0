// SPDX-License-Identifier: Apache-2.0
// The recipe of a PV domain.
#include "builder/build_steps.hpp"

#include <xenpp/builder/build_pv.hpp>
#include <xenpp/builder/pv_start.hpp>
#include <xenpp/ctl/grant_table.hpp>
#include <xenpp/ctl/mmu.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

namespace xenpp::builder {
namespace {

struct build_state : build_core {
    pv_plan const& plan;
    std::vector<mfn> p2m{}; ///< of each pseudo-physical frame, as they come

    mfn frame_of(pfn f) const noexcept { return p2m[static_cast<std::size_t>(f.raw())]; }
};

/// A PV domain's memory is named by machine frames, also to the foreign-memory door.
gfn to_gfn(mfn f) noexcept {
    return gfn(f.raw());
}

result<void> create(build_state& s) {
    return create_domain(s, {});
}

result<void> limit_memory(build_state& s) {
    return limit_memory(s, s.plan.pages, s.plan.pages);
}

result<void> set_memory_map(build_state& s) {
    constexpr std::uint32_t e820_ram = 1;
    std::array const map{ctl::memory_range{0, s.plan.pages << page_shift, e820_ram}};
    return ctl::set_memory_map(s.c, s.id(), map);
}

result<void> set_address_size(build_state& s) {
    return ctl::set_address_size(s.c, s.id(), 64);
}

result<void> claim(build_state& s) {
    return claim_memory(s, s.plan.pages);
}

/// Populates from the first frame that is missing; what did not come is left for smaller pieces.
result<void> populate(build_state& s, unsigned order, std::uint64_t extents) {
    auto const got =
        XENPP_TRY(ctl::populate_machine_frames(s.c, s.id(), pfn(s.p2m.size()), order, extents));
    for (auto const first : got) {
        for (std::uint64_t i = 0; i != std::uint64_t{1} << order; ++i) {
            s.p2m.push_back(first + i);
        }
    }
    return {};
}

result<void> populate(build_state& s) {
    s.p2m.reserve(static_cast<std::size_t>(s.plan.pages));
    for (unsigned const order : {18U, 9U, 0U}) {
        XENPP_TRY(populate(s, order, (s.plan.pages - s.p2m.size()) >> order));
    }
    if (s.p2m.size() != s.plan.pages) {
        return unexpected(error{
            "memory_populate_physmap", ENOMEM,
            fmt::format("no memory for frame {:#x}: {}", s.p2m.size(), memory_went), s.id().raw()});
    }
    s.made.store_page = to_gfn(s.frame_of(s.plan.xenstore));
    s.made.console_page = to_gfn(s.frame_of(s.plan.console));
    return ctl::claim_pages(s.c, s.id(), 0);
}

/// Writes at a pseudo-physical address, one stretch of consecutive machine frames after the other.
/// Nothing of the domain stays mapped here: a frame that is cannot become a page table.
result<void> write(build_state& s, gpa at, std::span<std::byte const> bytes) {
    while (!bytes.empty()) {
        auto const offset = at.raw() % page_size;
        auto const first = s.frame_of(pfn(at.raw() >> page_shift));
        std::uint64_t room = page_size - offset;
        for (auto f = first + 1;
             room < bytes.size() && s.frame_of(pfn((at.raw() + room) >> page_shift)) == f; ++f) {
            room += page_size;
        }
        auto const part =
            bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(room, bytes.size())));
        XENPP_TRY(s.c.doors().write_foreign(s.id(), to_gpa(to_gfn(first)) + offset, part));
        at = at + part.size();
        bytes = bytes.subspan(part.size());
    }
    return {};
}

result<void> write(build_state& s, pfn at, std::span<std::byte const> bytes) {
    return write(s, gpa(at.raw() << page_shift), bytes);
}

result<void> load(build_state& s) {
    return load_placements(s.plan.placements, [&s](gpa at, std::span<std::byte const> bytes) {
        return write(s, at, bytes);
    });
}

result<void> fill_hypercall_page(build_state& s) {
    auto const at = s.plan.kernel.hypercall_page;
    if (!at) {
        return {}; // the kernel makes its hypercalls itself
    }
    pfn const page((*at - s.plan.kernel.virt_base) >> page_shift);
    return ctl::init_hypercall_page(s.c, s.id(), to_gfn(s.frame_of(page)));
}

result<void> write_p2m(build_state& s) {
    return write(s, s.plan.p2m.start, std::as_bytes(std::span(s.p2m)));
}

/// Events stay masked until the kernel is ready for them.
result<mfn> prepare_shared_info(build_state& s) {
    gfn const frame(XENPP_TRY(ctl::get_domain_info(s.c, s.id())).shared_info_frame);
    auto const m =
        XENPP_TRY(s.c.doors().map_foreign(s.id(), std::span(&frame, 1), os::access::read_write));
    auto* const info = reinterpret_cast<abi::shared_info*>(m.data());
    for (auto& v : info->vcpu_info) {
        v.evtchn_upcall_mask = 1;
    }
    return mfn(frame.raw());
}

result<void> write_start_info(build_state& s) {
    pv_start_values const values{
        .shared_info = XENPP_TRY(prepare_shared_info(s)),
        .xenstore = s.frame_of(s.plan.xenstore),
        .console = s.frame_of(s.plan.console),
        .store_port = s.made.store_port,
        .console_port = s.made.console_port,
    };
    auto const content = make_start_info(s.plan, values);
    return write(s, s.plan.start_info, std::as_bytes(std::span(&content, 1)));
}

/// Lets domain 0 reach the two rings by grant, also when it can map nothing else of the domain.
result<void> grant_rings(build_state& s) {
    return write_ring_grants(s, XENPP_TRY(ctl::first_grant_frame(s.c, s.id())));
}

result<void> write_page_tables(build_state& s) {
    std::array<std::uint64_t, 512> content{};
    for (auto const& t : s.plan.tables.tables()) {
        s.plan.tables.write(content, t, s.p2m);
        XENPP_TRY(write(s, t.frame, std::as_bytes(std::span(content))));
    }
    return {};
}

result<void> pin_page_tables(build_state& s) {
    return ctl::pin_root_table(s.c, s.id(), s.frame_of(s.plan.tables.root()));
}

result<void> set_boot_state(build_state& s) {
    return ctl::set_vcpu_context(s.c, s.id(), vcpu_id(0),
                                 make_boot_registers(s.plan, s.frame_of(s.plan.tables.root())));
}

constexpr std::array steps{
    step<build_state>{"creating the domain", create},
    step<build_state>{"making its vCPUs", on_core<make_vcpus, build_state>},
    step<build_state>{"setting its affinity", on_core<set_affinity, build_state>},
    step<build_state>{"setting its scheduling", on_core<set_scheduling, build_state>},
    step<build_state>{"limiting its memory", limit_memory},
    step<build_state>{"setting its memory map", set_memory_map},
    step<build_state>{"setting its clock", on_core<set_clock, build_state>},
    step<build_state>{"setting its address size", set_address_size},
    step<build_state>{"claiming its memory", claim},
    step<build_state>{"populating its memory", populate},
    step<build_state>{"loading its kernel", load},
    step<build_state>{"filling its hypercall page", fill_hypercall_page},
    step<build_state>{"writing its p2m array", write_p2m},
    step<build_state>{"opening its event channels", on_core<open_event_channels, build_state>},
    step<build_state>{"writing its start_info", write_start_info},
    step<build_state>{"granting its rings", grant_rings},
    step<build_state>{"writing its page tables", write_page_tables},
    step<build_state>{"pinning its page tables", pin_page_tables},
    step<build_state>{"setting its boot state", set_boot_state},
};

} // namespace

result<built_domain> build_pv(ctl::connection& c,
                              pv_plan const& plan,
                              domain_settings const& settings,
                              step_observer* observer) {
    build_state s{{c, settings}, plan};
    XENPP_TRY(run_steps<build_state>(steps, s, observer));
    return std::move(s.made);
}

} // namespace xenpp::builder
