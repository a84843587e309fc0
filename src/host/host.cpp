// SPDX-License-Identifier: Apache-2.0
// A host: its list of domains, and what it says of itself.
#include "host/create.hpp"
#include "host/open.hpp"
#include "host/session.hpp"

#include <xenpp/config/uuid.hpp>
#include <xenpp/ctl/cpupool.hpp>
#include <xenpp/ctl/domctl.hpp>
#include <xenpp/ctl/sysctl.hpp>
#include <xenpp/ctl/version.hpp>
#include <xenpp/host.hpp>
#include <xenpp/host_parts.hpp>
#include <xenpp/store/path.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace xenpp {
namespace {

std::string scheduler_name(std::uint32_t id) {
    switch (id) {
    case abi::scheduler_credit: return "credit";
    case abi::scheduler_credit2: return "credit2";
    case abi::scheduler_arinc653: return "arinc653";
    case abi::scheduler_rtds: return "rtds";
    case abi::scheduler_null: return "null";
    default: return fmt::format("unknown ({})", id);
    }
}

host_capabilities capabilities_of(std::uint32_t c) {
    auto const has = [c](std::uint32_t flag) { return (c & flag) != 0; };
    return {
        .pv = has(abi::sysctl_physcap_pv),
        .hvm = has(abi::sysctl_physcap_hvm),
        .hap = has(abi::sysctl_physcap_hap),
        .shadow = has(abi::sysctl_physcap_shadow),
        .directio = has(abi::sysctl_physcap_directio),
        .iommu_hap_pt_share = has(abi::sysctl_physcap_iommu_hap_pt_share),
        .vmtrace = has(abi::sysctl_physcap_vmtrace),
        .vpmu = has(abi::sysctl_physcap_vpmu),
        .gnttab_v1 = has(abi::sysctl_physcap_gnttab_v1),
        .gnttab_v2 = has(abi::sysctl_physcap_gnttab_v2),
    };
}

void take_physinfo(host_info& h, abi::sysctl_physinfo const& p) {
    h.cpus = p.nr_cpus;
    h.max_cpu_id = p.max_cpu_id;
    h.nodes = p.nr_nodes;
    h.cores_per_socket = p.cores_per_socket;
    h.threads_per_core = p.threads_per_core;
    h.cpu_khz = p.cpu_khz;
    std::ranges::copy(p.hw_cap, h.hw_cap.begin());
    h.capabilities = capabilities_of(p.capabilities);
    h.total_memory = pages(p.total_pages);
    h.free_memory = pages(p.free_pages);
    h.scrub_memory = pages(p.scrub_pages);
    h.outstanding_claims = pages(p.outstanding_pages);
}

void take_version(host_info& h, ctl::version_info v) {
    h.xen_major = v.major;
    h.xen_minor = v.minor;
    h.xen_extra = std::move(v.extra);
    h.xen_capabilities = std::move(v.capabilities);
    h.page_size = v.page_size;
    h.virt_start = v.virt_start;
    h.changeset = std::move(v.changeset);
    h.command_line = std::move(v.command_line);
    h.compiler = std::move(v.compiler);
    h.compiled_by = std::move(v.compiled_by);
    h.compile_domain = std::move(v.compile_domain);
    h.compile_date = std::move(v.compile_date);
    h.build_id = std::move(v.build_id);
}

/// A handle to the domain that the hypervisor describes.
std::shared_ptr<detail::domain_ref const> to_ref(std::shared_ptr<detail::session> const& s,
                                                 abi::domctl_getdomaininfo const& i) {
    detail::domain_ref r{s, domid(i.domain), {}, 0};
    std::copy(std::begin(i.handle), std::end(i.handle), r.uuid.begin());
    r.vcpus = i.max_vcpu_id == abi::invalid_max_vcpu_id ? 0 : i.max_vcpu_id + 1;
    return std::make_shared<detail::domain_ref const>(std::move(r));
}

} // namespace

char const* to_string(host_kind k) noexcept {
    switch (k) {
    case host_kind::native: return "native";
    case host_kind::embedded: return "embedded";
    case host_kind::sim: return "sim";
    }
    return "unknown";
}

host::host(std::shared_ptr<detail::session> s) noexcept : session_(std::move(s)) {}

host::host(host&&) noexcept = default;
host& host::operator=(host&&) noexcept = default;
host::~host() = default;

result<host> assemble_host(host_parts parts) {
    return host(XENPP_TRY(detail::session::open(std::move(parts))));
}

result<host> host::open() {
    return open(host_options{});
}

result<host> host::open(host_options const& options) {
    return detail::open_host(options);
}

result<host> host::open_sim(sim_options const& options) {
    return detail::open_sim_host(options);
}

host_kind host::kind() const noexcept {
    return session_->kind();
}

result<domain> host::create(config::domain_config const& config, create_options const& options) {
    return domain(XENPP_TRY(detail::create_domain(session_, config, options)));
}

result<std::vector<domain_info>> host::domains() const {
    session_->turn();
    std::vector<domain_info> out;
    for (auto const& i : XENPP_TRY(ctl::get_domain_list(session_->hypervisor()))) {
        out.push_back(detail::to_domain_info(i, XENPP_TRY(session_->name_of(domid(i.domain)))));
    }
    return out;
}

result<domain> host::find(domid id) const {
    session_->turn();
    return domain(to_ref(session_, XENPP_TRY(ctl::get_domain_info(session_->hypervisor(), id))));
}

result<domain> host::find(std::string_view what) const {
    if (auto const id = store::parse_domid(what)) {
        return find(*id);
    }
    session_->turn();
    auto const uuid = config::parse_uuid(what);
    for (auto const& i : XENPP_TRY(ctl::get_domain_list(session_->hypervisor()))) {
        bool const is_dying = (i.flags & abi::dominf_dying) != 0;
        if ((uuid && !is_dying && std::ranges::equal(i.handle, *uuid)) ||
            XENPP_TRY(session_->name_of(domid(i.domain))) == what) {
            return domain(to_ref(session_, i));
        }
    }
    return fail("find domain", ENOENT, fmt::format("there is no domain \"{}\"", what));
}

result<host_info> host::info() const {
    session_->turn();
    auto& hypervisor = session_->hypervisor();
    host_info h;
    h.kind = session_->kind();
    h.connection = session_->doors().description();
    take_physinfo(h, XENPP_TRY(ctl::get_physinfo(hypervisor)));
    h.free_cpus =
        cpu_set::from_words(XENPP_TRY(ctl::get_free_cpus(hypervisor, h.max_cpu_id + 1))).count();
    take_version(h, XENPP_TRY(ctl::get_version(hypervisor)));
    h.xen_scheduler = scheduler_name(XENPP_TRY(ctl::get_scheduler(hypervisor)));
    return h;
}

result<std::vector<cpu_topology>> host::topology() const {
    std::vector<cpu_topology> out;
    for (auto const& t : XENPP_TRY(ctl::get_cpu_topology(session_->hypervisor()))) {
        out.push_back({t.core, t.socket, t.node});
    }
    return out;
}

result<std::string> host::console_ring() const {
    return ctl::read_console(session_->hypervisor(), false);
}

result<std::string> host::take_console_ring() const {
    return ctl::read_console(session_->hypervisor(), true);
}

result<void> host::press_debug_keys(std::string_view keys) const {
    return ctl::press_debug_keys(session_->hypervisor(), keys);
}

} // namespace xenpp
