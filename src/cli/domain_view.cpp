// SPDX-License-Identifier: Apache-2.0
// What is told of domains and vCPUs, field by field.
#include <xenpp/cli/domain_view.hpp>

#include <fmt/format.h>

#include <array>

namespace xenpp::cli {
namespace {

constexpr double ns_per_second = 1e9;
constexpr std::string_view reason_letters = "-rscwS"; // by shutdown_reason

value reason_word(domain_info const& d) {
    if (!d.reason) {
        return {};
    }
    return std::string(to_string(*d.reason));
}

value reason_code(domain_info const& d) {
    if (!d.is_shut_down) {
        return {};
    }
    return fmt::format("{:x}", d.reason ? static_cast<unsigned>(*d.reason) : 0xffU);
}

std::string vcpu_word(vcpu_info const& v) {
    if (!v.is_online) {
        return "offline";
    }
    return v.is_running ? "running" : v.is_blocked ? "blocked" : "runnable";
}

std::string vcpu_letters(vcpu_info const& v) {
    if (!v.is_online) {
        return "--p";
    }
    return {v.is_running ? 'r' : '-', v.is_blocked ? 'b' : '-', '-'};
}

value cpu_of(vcpu_info const& v) {
    if (!v.is_online) {
        return {};
    }
    return std::uint64_t{v.cpu.raw()};
}

using enum field_kind;

// clang-format off
constexpr std::array domain_table{
    field<domain_row>{{"name", "", label, "The domain's name."}, [](domain_row const& d) -> value { return d.info.name; }},
    field<domain_row>{{"domid", "", label, "The domain's number."}, [](domain_row const& d) -> value { return std::uint64_t{d.info.id.raw()}; }},
    field<domain_row>{{"uuid", "", label, "The domain's UUID."}, [](domain_row const& d) -> value { return config::format(d.info.uuid); }},
    field<domain_row>{{"type", "", word, "pv, or hvm for what runs in hardware virtualisation."}, [](domain_row const& d) -> value { return std::string(d.info.is_hvm ? "hvm" : "pv"); }},
    field<domain_row>{{"state", "", word, "What the domain is doing."}, [](domain_row const& d) -> value { return std::string(to_string(d.info.state())); }},
    field<domain_row>{{"shutdown_reason", "", word, "Why the domain shut down."}, [](domain_row const& d) { return reason_word(d.info); }},
    field<domain_row>{{"memory_bytes", "bytes", gauge, "Memory that the domain has."}, [](domain_row const& d) -> value { return d.info.memory.bytes(); }},
    field<domain_row>{{"max_memory_bytes", "bytes", gauge, "Memory that the domain may have."}, [](domain_row const& d) -> value { return d.info.max_memory.bytes(); }},
    field<domain_row>{{"claimed_bytes", "bytes", gauge, "Memory claimed for the domain and not yet given."}, [](domain_row const& d) -> value { return d.info.outstanding.bytes(); }},
    field<domain_row>{{"vcpus_online", "", gauge, "vCPUs that are online."}, [](domain_row const& d) -> value { return std::uint64_t{d.info.online_vcpus}; }},
    field<domain_row>{{"vcpus", "", gauge, "vCPUs, offline ones too."}, [](domain_row const& d) -> value { return std::uint64_t{d.info.vcpus}; }},
    field<domain_row>{{"cpu_seconds", "seconds", counter, "CPU time that the domain has had."}, [](domain_row const& d) -> value { return static_cast<double>(d.info.cpu_time_ns) / ns_per_second; }},
    field<domain_row>{{"cpupool", "", word, "The number of the domain's CPU pool."}, [](domain_row const& d) -> value { return std::uint64_t{d.info.cpupool}; }},
    field<domain_row>{{"shared_bytes", "bytes", gauge, "Memory that it shares with others."}, [](domain_row const& d) -> value { return d.info.shared.bytes(); }},
    field<domain_row>{{"title", "", display, ""}, [](domain_row const& d) -> value { return d.info.name.empty() ? std::string("(null)") : d.info.name; }},
    field<domain_row>{{"mem", "MiB", display, ""}, [](domain_row const& d) -> value { return mib(d.info.memory + d.info.outstanding).count; }},
    field<domain_row>{{"memory_mib", "MiB", display, ""}, [](domain_row const& d) -> value { return mib(d.info.memory).count; }},
    field<domain_row>{{"claimed_mib", "MiB", display, ""}, [](domain_row const& d) -> value { return mib(d.info.outstanding).count; }},
    field<domain_row>{{"shared_mib", "MiB", display, ""}, [](domain_row const& d) -> value { return mib(d.info.shared).count; }},
    field<domain_row>{{"letters", "", display, ""}, [](domain_row const& d) -> value { return state_letters(d.info); }},
    field<domain_row>{{"reason_code", "", display, ""}, [](domain_row const& d) { return reason_code(d.info); }},
    field<domain_row>{{"security_label", "", display, ""}, [](domain_row const&) -> value { return {}; }},
    field<domain_row>{{"pool_name", "", display, ""}, [](domain_row const& d) -> value { return d.pool.empty() ? fmt::format("Pool-{}", d.info.cpupool) : d.pool; }},
    field<domain_row>{{"nodes", "", display, ""}, [](domain_row const& d) -> value { return d.nodes; }},
};

constexpr std::array vcpu_table{
    field<vcpu_row>{{"name", "", label, "The domain's name."}, [](vcpu_row const& v) -> value { return v.name; }},
    field<vcpu_row>{{"domid", "", label, "The domain's number."}, [](vcpu_row const& v) -> value { return std::uint64_t{v.info.domain.raw()}; }},
    field<vcpu_row>{{"vcpu", "", label, "The vCPU's number."}, [](vcpu_row const& v) -> value { return std::uint64_t{v.info.id.raw()}; }},
    field<vcpu_row>{{"cpu", "", word, "The CPU on which it runs or ran last."}, [](vcpu_row const& v) { return cpu_of(v.info); }},
    field<vcpu_row>{{"state", "", word, "What the vCPU is doing."}, [](vcpu_row const& v) -> value { return vcpu_word(v.info); }},
    field<vcpu_row>{{"cpu_seconds", "seconds", counter, "CPU time that the vCPU has had."}, [](vcpu_row const& v) -> value { return static_cast<double>(v.info.cpu_time_ns) / ns_per_second; }},
    field<vcpu_row>{{"hard_affinity", "", word, "CPUs on which it may run."}, [](vcpu_row const& v) -> value { return affinity_text(v.info.hard, v.host_cpus); }},
    field<vcpu_row>{{"soft_affinity", "", word, "CPUs on which it runs if it can."}, [](vcpu_row const& v) -> value { return affinity_text(v.info.soft, v.host_cpus); }},
    field<vcpu_row>{{"title", "", display, ""}, [](vcpu_row const& v) -> value { return v.name.empty() ? std::string("(null)") : v.name; }},
    field<vcpu_row>{{"letters", "", display, ""}, [](vcpu_row const& v) -> value { return vcpu_letters(v.info); }},
};

constexpr std::array vcpu_cells{
    text_cell{"title", "{:<32}"}, text_cell{"domid", " {:>5}"}, text_cell{"vcpu", " {:>5}"},
    text_cell{"cpu", "{:>5}"}, text_cell{"letters", "   {} "}, text_cell{"cpu_seconds", "{:9.1f}"},
    text_cell{"hard_affinity", "  {}"}, text_cell{"soft_affinity", " / {}"},
};
// clang-format on

} // namespace

std::span<field<domain_row> const> domain_fields() noexcept {
    return domain_table;
}

std::span<field<vcpu_row> const> vcpu_fields() noexcept {
    return vcpu_table;
}

std::string state_letters(domain_info const& d) {
    std::string out = "------";
    out[0] = d.is_running ? 'r' : '-';
    out[1] = d.is_blocked ? 'b' : '-';
    out[2] = d.is_paused ? 'p' : '-';
    out[3] = d.is_shut_down ? 's' : '-';
    if (d.is_shut_down) {
        auto const n = d.reason ? static_cast<std::size_t>(*d.reason) : reason_letters.size();
        out[4] = n < reason_letters.size() ? reason_letters[n] : '?';
    }
    out[5] = d.is_dying ? 'd' : '-';
    return out;
}

domain_layout list_layout(domain_columns const& c) {
    domain_layout out;
    out.header = "Name                                        ID   Mem VCPUs\tState\tTime(s)";
    out.cells = {{"title", "{:<40}"},        {"domid", " {:>5}"},    {"mem", " {:>5}"},
                 {"vcpus_online", " {:>5}"}, {"letters", "     {}"}, {"cpu_seconds", "  {:8.1f}"}};
    if (c.is_verbose) {
        out.header += "   UUID                            Reason-Code\tSecurity Label";
        out.cells.push_back({"uuid", " {}"});
        out.cells.push_back({"reason_code", " {:>8}"});
    } else if (c.has_label) {
        out.header += "   Security Label";
    }
    if (c.is_verbose || c.has_label) {
        out.cells.push_back({"security_label", " {:>16}"});
    }
    if (c.has_cpupool) {
        out.header += "         Cpupool";
        out.cells.push_back({"pool_name", "{:>16}"});
    }
    if (c.has_nodes) {
        out.header += " NODE Affinity";
        out.cells.push_back({"nodes", " {}"});
    }
    return out;
}

text_layout vcpu_layout() noexcept {
    return {"Name                                ID  VCPU   CPU State   Time(s) "
            "Affinity (Hard / Soft)",
            vcpu_cells};
}

std::string affinity_text(cpu_set const& s, std::uint32_t host_cpus) {
    if (s.empty()) {
        return "none";
    }
    return s.includes(cpu_set::first(host_cpus)) ? "all" : to_string(s);
}

} // namespace xenpp::cli
