// SPDX-License-Identifier: Apache-2.0
// From a configuration to what the builder needs.
#include "host/request.hpp"

#include <xenpp/builder/kernel_cache.hpp>
#include <xenpp/cpu_set.hpp>
#include <xenpp/ctl/sysctl.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string_view>
#include <vector>

namespace xenpp::detail {
namespace {

constexpr std::string_view operation = "create domain";

result<void> check_words(config::domain_config const& c) {
    if (c.name.empty()) {
        return fail(operation, "the configuration gives no name: name = \"...\"");
    }
    if (c.name.find('\0') != std::string::npos || c.name.size() > 1024) {
        return fail(operation, "the name is too long, or holds a zero");
    }
    if (c.type == config::domain_type::hvm) {
        return fail(operation,
                    "guests of type \"hvm\" are not supported yet: type = \"pvh\" or \"pv\"");
    }
    if (c.kernel.empty()) {
        return fail(operation, "the configuration gives no kernel: kernel = \"/path\"");
    }
    if (!c.acpi && c.type == config::domain_type::pvh) {
        return fail(operation, "acpi = 0: a PVH guest finds its CPUs by ACPI, so it must have it");
    }
    return {};
}

result<std::int32_t> frames_of(std::optional<std::uint32_t> wanted, std::string_view key) {
    if (!wanted) {
        return -1; // the hypervisor's default
    }
    if (*wanted > std::numeric_limits<std::int32_t>::max()) {
        return fail(operation, fmt::format("{} = {} is too large", key, *wanted));
    }
    return static_cast<std::int32_t>(*wanted);
}

/// One list of CPUs as bits; empty for "any".
result<std::vector<std::uint64_t>> evaluate(config::cpu_list const& list,
                                            std::vector<std::uint32_t> const& node_of_cpu,
                                            std::string_view key) {
    if (list.empty()) {
        return std::vector<std::uint64_t>();
    }
    auto const chosen = config::evaluate(list, node_of_cpu);
    cpu_set set;
    for (std::uint32_t i = 0; i != chosen.size(); ++i) {
        if (chosen[i]) {
            set.insert(i);
        }
    }
    if (set.empty()) {
        return fail(operation, fmt::format("{} = \"{}\" names no CPU of this host, which has 0-{}",
                                           key, config::print(list), node_of_cpu.size() - 1));
    }
    return set.words();
}

result<std::vector<std::vector<std::uint64_t>>>
evaluate(config::cpu_affinity const& affinity,
         std::uint32_t vcpus,
         std::vector<std::uint32_t> const& node_of_cpu,
         std::string_view key) {
    std::vector<std::vector<std::uint64_t>> out;
    for (std::uint32_t v = 0; v != vcpus && !affinity.empty(); ++v) {
        out.push_back(XENPP_TRY(evaluate(affinity.of(v), node_of_cpu, key)));
    }
    return out;
}

result<void>
set_affinity(session& s, config::domain_config const& c, builder::domain_settings& out) {
    if (c.cpus.empty() && c.cpus_soft.empty()) {
        return {};
    }
    auto const node_of_cpu = XENPP_TRY(s.node_of_cpu());
    out.hard_affinity = XENPP_TRY(evaluate(c.cpus, c.maxvcpus, node_of_cpu, "cpus"));
    out.soft_affinity = XENPP_TRY(evaluate(c.cpus_soft, c.maxvcpus, node_of_cpu, "cpus_soft"));
    return {};
}

result<void> set_scheduling(config::domain_config const& c, builder::domain_settings& out) {
    constexpr auto most = std::numeric_limits<std::uint16_t>::max();
    if (!c.cpu_weight && !c.cap) {
        return {};
    }
    ctl::scheduling s;
    if (c.cpu_weight) {
        if (*c.cpu_weight == 0 || *c.cpu_weight > most) {
            return fail(operation,
                        fmt::format("cpu_weight = {} is not from 1 to {}", *c.cpu_weight, most));
        }
        s.weight = static_cast<std::uint16_t>(*c.cpu_weight);
    }
    if (c.cap) {
        if (*c.cap > most) {
            return fail(operation, fmt::format("cap = {} is more than {} percent", *c.cap, most));
        }
        s.cap = static_cast<std::uint16_t>(*c.cap);
    }
    out.scheduling = s;
    return {};
}

result<std::uint32_t> find_pool(session& s, std::string const& name) {
    if (name.empty()) {
        return 0;
    }
    auto const pool = XENPP_TRY(find_cpupool(s, name));
    if (pool.cpus.empty()) {
        return fail(operation, fmt::format("pool = \"{}\": that CPU pool has no CPU", name));
    }
    return pool.id;
}

result<builder::domain_settings>
settings_of(session& s, config::domain_config const& c, config::uuid const& id) {
    builder::domain_settings out;
    out.uuid = id;
    out.max_vcpus = c.maxvcpus;
    out.max_event_port = c.max_event_channels.value_or(out.max_event_port);
    out.max_grant_frames = XENPP_TRY(frames_of(c.max_grant_frames, "max_grant_frames"));
    out.max_maptrack_frames = XENPP_TRY(frames_of(c.max_maptrack_frames, "max_maptrack_frames"));
    out.max_grant_version = c.max_grant_version.value_or(out.max_grant_version);
    if (out.max_grant_version < 1 || out.max_grant_version > 2) {
        return fail(operation, fmt::format("max_grant_version = {} is neither 1 nor 2",
                                           out.max_grant_version));
    }
    out.tsc_mode = static_cast<std::uint32_t>(c.tsc_mode);
    if (c.timer_mode) {
        out.timer_mode = static_cast<std::uint32_t>(*c.timer_mode);
    }
    out.time_offset_s = c.rtc_timeoffset_s;
    out.cpupool = XENPP_TRY(find_pool(s, c.pool));
    XENPP_TRY(set_scheduling(c, out));
    XENPP_TRY(set_affinity(s, c, out));
    return out;
}

result<void> load_files(session& s, config::domain_config const& c, build_request& out) {
    auto const folder = s.file("kernels");
    std::optional<builder::kernel_cache> cache;
    if (!folder.empty()) {
        cache.emplace(folder);
    }
    out.kernel = std::make_unique<builder::kernel_image>(
        XENPP_TRY(builder::load_kernel(c.kernel, cache ? &*cache : nullptr)));
    if (!c.ramdisk.empty()) {
        out.ramdisk = XENPP_TRY(builder::file::open(c.ramdisk, "load ramdisk"));
    }
    return {};
}

/// Plans the domain; the frames that it will take of the host.
result<std::uint64_t> plan(config::domain_config const& c, build_request& out) {
    auto const ramdisk = out.ramdisk ? out.ramdisk->bytes() : std::span<std::byte const>();
    if (c.type == config::domain_type::pv) {
        auto plan = XENPP_TRY(builder::plan_pv({
            .kernel = out.kernel.get(),
            .ramdisk = ramdisk,
            .command_line = c.cmdline,
            .memory_mib = c.memory_mib,
            .vcpus = c.vcpus,
            .max_vcpus = c.maxvcpus,
        }));
        auto const frames = plan.pages;
        out.plan = std::move(plan);
        return frames;
    }
    auto plan = XENPP_TRY(builder::plan_pvh({
        .kernel = out.kernel.get(),
        .ramdisk = ramdisk,
        .command_line = c.cmdline,
        .memory_mib = c.memory_mib,
        .vcpus = c.vcpus,
        .max_vcpus = c.maxvcpus,
    }));
    auto const frames =
        plan.total_pages() + builder::paging_mempool_bytes(c.memory_mib, c.maxvcpus) / page_size;
    out.plan = std::move(plan);
    return frames;
}

std::string_view way_to_memory(host_kind kind) {
    return kind == host_kind::native
               ? "take less, or free some (xl mem-set Domain-0 MIB, xl destroy)"
               : "take less, or free some (xl destroy; XENPP_MEMORY_MIB is the machine's size)";
}

/// Says of an error about the kernel which file it is.
template <class T>
result<T> naming_kernel(std::string const& path, result<T> r) {
    if (!r && r.error().operation == "load kernel" && !r.error().detail.starts_with(path)) {
        auto e = r.error();
        e.detail = fmt::format("{}: {}", path, e.detail);
        return unexpected(std::move(e));
    }
    return r;
}

} // namespace

result<void> check_memory(session& s, std::uint64_t memory_mib, std::uint64_t frames) {
    auto const info = XENPP_TRY(ctl::get_physinfo(s.hypervisor()));
    auto const free = info.free_pages - std::min(info.outstanding_pages, info.free_pages);
    if (frames <= free) {
        return {};
    }
    auto const mib_of = [](std::uint64_t n) { return mib(pages(n)).count; };
    return fail(operation, ENOMEM,
                fmt::format("not enough memory: memory={} MiB takes {} MiB, and the host has {} "
                            "MiB free of its {} MiB; {}",
                            memory_mib, mib_of(frames + 255), mib_of(free),
                            mib_of(info.total_pages), way_to_memory(s.kind())));
}

result<build_request> prepare(session& s, config::domain_config const& c, config::uuid const& id) {
    XENPP_TRY(check_words(c));
    build_request out;
    XENPP_TRY(naming_kernel(c.kernel, load_files(s, c, out)));
    out.settings = XENPP_TRY(settings_of(s, c, id));
    XENPP_TRY(check_memory(s, c.memory_mib, XENPP_TRY(naming_kernel(c.kernel, plan(c, out)))));
    return out;
}

} // namespace xenpp::detail
