// SPDX-License-Identifier: Apache-2.0
// What is told of a host, field by field.
#include <xenpp/cli/host_view.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace xenpp::cli {
namespace {

constexpr double khz_per_mhz = 1000.0;

std::string hw_caps(host_info const& h) {
    std::string out;
    for (auto const word : h.hw_cap) {
        out += fmt::format("{}{:08x}", out.empty() ? "" : ":", word);
    }
    return out;
}

std::string virt_caps(host_capabilities const& c) {
    std::string out;
    auto const add = [&out](bool has, std::string_view name) {
        if (has) {
            out += fmt::format("{}{}", out.empty() ? "" : " ", name);
        }
    };
    add(c.pv, "pv");
    add(c.hvm, "hvm");
    add(c.hvm && c.directio, "hvm_directio");
    add(c.pv && c.directio, "pv_directio");
    add(c.hap, "hap");
    add(c.shadow, "shadow");
    add(c.iommu_hap_pt_share, "iommu_hap_pt_share");
    add(c.vmtrace, "vmtrace");
    add(c.vpmu, "vpmu");
    add(c.gnttab_v1, "gnttab-v1");
    add(c.gnttab_v2, "gnttab-v2");
    return out;
}

value number(std::uint64_t n) {
    return n;
}

using enum field_kind;

// clang-format off
constexpr std::array host_table{
    field<host_row>{{"host", "", label, "The control domain's host name."}, [](host_row const& h) -> value { return h.node; }},
    field<host_row>{{"release", "", word, "The control domain's kernel release."}, [](host_row const& h) -> value { return h.release; }},
    field<host_row>{{"version", "", word, "The control domain's kernel version."}, [](host_row const& h) -> value { return h.version; }},
    field<host_row>{{"machine", "", word, "The control domain's machine type."}, [](host_row const& h) -> value { return h.machine; }},
    field<host_row>{{"nr_cpus", "", gauge, "CPUs that are online."}, [](host_row const& h) { return number(h.info.cpus); }},
    field<host_row>{{"max_cpu_id", "", gauge, "The highest number of a CPU."}, [](host_row const& h) { return number(h.info.max_cpu_id); }},
    field<host_row>{{"nr_nodes", "", gauge, "NUMA nodes."}, [](host_row const& h) { return number(h.info.nodes); }},
    field<host_row>{{"cores_per_socket", "", gauge, "Cores of a socket."}, [](host_row const& h) { return number(h.info.cores_per_socket); }},
    field<host_row>{{"threads_per_core", "", gauge, "Threads of a core."}, [](host_row const& h) { return number(h.info.threads_per_core); }},
    field<host_row>{{"cpu_mhz", "", gauge, "The CPUs' clock in MHz."}, [](host_row const& h) -> value { return h.info.cpu_khz / khz_per_mhz; }},
    field<host_row>{{"hw_caps", "", word, "The CPUs' feature words."}, [](host_row const& h) -> value { return hw_caps(h.info); }},
    field<host_row>{{"virt_caps", "", word, "What the hypervisor can do here."}, [](host_row const& h) -> value { return virt_caps(h.info.capabilities); }},
    field<host_row>{{"total_memory", "", gauge, "Memory of the machine in MiB."}, [](host_row const& h) { return number(mib(h.info.total_memory).count); }},
    field<host_row>{{"free_memory", "", gauge, "Memory neither given nor claimed, in MiB."}, [](host_row const& h) { return number(mib(h.info.free_memory - h.info.outstanding_claims).count); }},
    field<host_row>{{"sharing_freed_memory", "", gauge, "Memory that page sharing saved, in MiB."}, [](host_row const& h) { return number(mib(h.info.sharing_freed).count); }},
    field<host_row>{{"sharing_used_memory", "", gauge, "Memory that holds shared pages, in MiB."}, [](host_row const& h) { return number(mib(h.info.sharing_used).count); }},
    field<host_row>{{"outstanding_claims", "", gauge, "Memory claimed and not yet given, in MiB."}, [](host_row const& h) { return number(mib(h.info.outstanding_claims).count); }},
    field<host_row>{{"free_cpus", "", gauge, "CPUs in no CPU pool."}, [](host_row const& h) { return number(h.info.free_cpus); }},
    field<host_row>{{"xen_major", "", word, "The version's first number."}, [](host_row const& h) { return number(h.info.xen_major); }},
    field<host_row>{{"xen_minor", "", word, "The version's second number."}, [](host_row const& h) { return number(h.info.xen_minor); }},
    field<host_row>{{"xen_extra", "", word, "The version's rest."}, [](host_row const& h) -> value { return h.info.xen_extra; }},
    field<host_row>{{"xen_version", "", word, "The version."}, [](host_row const& h) -> value { return fmt::format("{}.{}{}", h.info.xen_major, h.info.xen_minor, h.info.xen_extra); }},
    field<host_row>{{"xen_caps", "", word, "The kinds of guests that can run."}, [](host_row const& h) -> value { return h.info.xen_capabilities; }},
    field<host_row>{{"xen_scheduler", "", word, "The scheduler."}, [](host_row const& h) -> value { return h.info.xen_scheduler; }},
    field<host_row>{{"xen_pagesize", "", word, "Bytes of a page."}, [](host_row const& h) { return number(h.info.page_size); }},
    field<host_row>{{"platform_params", "", word, "Where the hypervisor begins in PV guests."}, [](host_row const& h) -> value { return fmt::format("virt_start=0x{:x}", h.info.virt_start); }},
    field<host_row>{{"xen_changeset", "", word, "The source's version."}, [](host_row const& h) -> value { return h.info.changeset; }},
    field<host_row>{{"xen_commandline", "", word, "The hypervisor's command line."}, [](host_row const& h) -> value { return h.info.command_line; }},
    field<host_row>{{"cc_compiler", "", word, "The compiler."}, [](host_row const& h) -> value { return h.info.compiler; }},
    field<host_row>{{"cc_compile_by", "", word, "Who compiled it."}, [](host_row const& h) -> value { return h.info.compiled_by; }},
    field<host_row>{{"cc_compile_domain", "", word, "Where it was compiled."}, [](host_row const& h) -> value { return h.info.compile_domain; }},
    field<host_row>{{"cc_compile_date", "", word, "When it was compiled."}, [](host_row const& h) -> value { return h.info.compile_date; }},
    field<host_row>{{"build_id", "", word, "The build's mark."}, [](host_row const& h) -> value { return h.info.build_id; }},
    field<host_row>{{"xend_config_format", "", word, "The format of configurations: always 4."}, [](host_row const&) { return number(4); }},
    field<host_row>{{"xenpp_host", "", word, "To what kind of host this is, and how it is reached."}, [](host_row const& h) -> value { return h.info.connection; }},
};

// clang-format on

std::string text_of(value const& v) {
    if (auto const* s = std::get_if<std::string>(&v)) {
        return *s;
    }
    if (auto const* d = std::get_if<double>(&v)) {
        return fmt::format("{:.3f}", *d);
    }
    if (auto const* n = std::get_if<std::uint64_t>(&v)) {
        return fmt::format("{}", *n);
    }
    return {};
}

} // namespace

std::span<field<host_row> const> host_fields() noexcept {
    return host_table;
}

std::size_t first_xen_field() noexcept {
    auto const at = std::find_if(host_table.begin(), host_table.end(),
                                 [](auto const& f) { return f.info.name == "xen_major"; });
    return static_cast<std::size_t>(at - host_table.begin());
}

std::string to_lines(table const& t, std::size_t begin, std::size_t end) {
    std::string out;
    for (std::size_t i = begin; i < std::min(end, t.fields.size()); ++i) {
        out += fmt::format("{:<23}: {}\n", t.fields[i].name, text_of(t.rows.front()[i]));
    }
    return out;
}

std::string field_values(table const& t, std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < t.fields.size(); ++i) {
        auto const text = text_of(t.rows.front()[i]) + '\n';
        if (t.fields[i].name == name) {
            return text;
        }
        if (!name.empty() && t.fields[i].name.starts_with(name)) {
            out += text;
        }
    }
    return out;
}

std::string topology_text(host_info const& info, std::span<cpu_topology const> cpus) {
    std::string out = "cpu_topology           :\ncpu:    core    socket     node\n";
    for (std::size_t i = 0; i < cpus.size(); ++i) {
        out += fmt::format("{:>3}:    {:>4}     {:>4}     {:>4}\n", i, cpus[i].core, cpus[i].socket,
                           cpus[i].node);
    }
    out += "device topology        :\ndevice           node\nNo device topology data available\n";
    if (info.nodes == 1) {
        out += fmt::format("numa_info              :\nnode:    memsize    memfree    distances\n"
                           "{:>4}:    {:>6}     {:>6}      {}\n",
                           0, mib(info.total_memory).count, mib(info.free_memory).count, 10);
    }
    return out;
}

} // namespace xenpp::cli
