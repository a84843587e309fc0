// SPDX-License-Identifier: Apache-2.0
// Samples of a host.
#include "host/session.hpp"

#include <xenpp/base/parse_number.hpp>
#include <xenpp/ctl/call_count.hpp>
#include <xenpp/ctl/sysctl.hpp>
#include <xenpp/ctl/vcpu_list.hpp>
#include <xenpp/ctl/version.hpp>
#include <xenpp/dev/xenbus/device_address.hpp>
#include <xenpp/host.hpp>
#include <xenpp/os/clock.hpp>
#include <xenpp/sampler.hpp>
#include <xenpp/store/path.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace xenpp {
namespace {

/// How many names that are known already a sample looks at anew.
constexpr std::size_t names_at_once = 16;

/// What is in a folder of xenstore; nothing where there is none.
result<std::vector<std::string>> list(store::client& s, std::string const& path) {
    auto names = s.directory(path);
    if (!names && detail::is_missing(names.error())) {
        return std::vector<std::string>();
    }
    return names;
}

std::optional<std::uint64_t> read_count(store::client& s, std::string const& path) {
    auto const text = s.read(path);
    return text ? parse_number<std::uint64_t>(*text) : std::nullopt;
}

/// Counts that a backend keeps in xenstore, in the order of `names`; nothing if it keeps none.
template <std::size_t N>
std::optional<std::array<std::uint64_t, N>>
read_counts(store::client& s, std::string const& device, std::array<char const*, N> const& names) {
    std::array<std::uint64_t, N> out{};
    for (std::size_t i = 0; i != N; ++i) {
        auto const n = read_count(s, fmt::format("{}/statistics/{}", device, names[i]));
        if (!n && i == 0) {
            return std::nullopt;
        }
        out[i] = n.value_or(0);
    }
    return out;
}

/// Calls `f(domain, device, path)` for every device of a kind whose backend is in domain 0, the
/// kernel's (or QEMU's) or one beside it.
template <class F>
result<void> for_each_device(store::client& s, std::string_view kind, F f) {
    for (auto const prefix : {std::string_view(), dev::beside_kernel_prefix}) {
        auto const base = fmt::format("/local/domain/0/backend/{}{}", prefix, kind);
        for (auto const& owner : XENPP_TRY(list(s, base))) {
            auto const d = store::parse_domid(owner);
            if (!d) {
                continue;
            }
            for (auto const& device : XENPP_TRY(list(s, base + "/" + owner))) {
                if (auto const id = parse_number<std::uint64_t>(device)) {
                    f(*d, static_cast<std::uint32_t>(*id), base + "/" + owner + "/" + device);
                }
            }
        }
    }
    return {};
}

} // namespace

sampler::sampler(host const& h) : session_(h.session()) {}

result<void> sampler::take_names(host_sample& s) {
    std::map<identity, std::string> known;
    std::set<domid> gone;
    auto const count = s.domains.size();
    for (std::size_t i = 0; i != count; ++i) {
        auto& d = s.domains[i];
        identity const id{d.id.raw(), d.uuid};
        auto const at = names_.find(id);
        bool const is_due = (i + count - next_name_ % count) % count < names_at_once;
        if (at != names_.end() && !at->second.empty() && !is_due) {
            d.name = std::move(at->second);
        } else {
            d.name = XENPP_TRY(session_->name_of(d.id));
            if (d.name
                    .empty()) { // it is being built or taken apart, or is gone since it was listed
                auto const info =
                    detail::domain_ref{session_, d.id, d.uuid, d.vcpus}.check("sample");
                if (!info && detail::is_missing(info.error())) {
                    gone.insert(d.id);
                    continue;
                }
                d.name = at != names_.end() ? at->second : std::string();
            }
        }
        known.emplace(id, d.name);
    }
    names_ = std::move(known);
    std::erase_if(s.domains, [&gone](auto const& d) { return gone.contains(d.id); });
    next_name_ += names_at_once;
    return {};
}

result<void> sampler::take_vcpus(host_sample& s) {
    std::vector<ctl::vcpu_query> queries;
    for (auto const& d : s.domains) {
        for (std::uint32_t v = 0; v != d.vcpus; ++v) {
            queries.push_back({.domain = d.id, .vcpu = vcpu_id(v)});
        }
    }
    XENPP_TRY(ctl::get_vcpu_infos(session_->hypervisor(), queries));
    for (auto const& q : queries) {
        if (q.exists) {
            s.vcpus.push_back({q.domain, q.vcpu, q.info.online != 0, q.info.cpu_time});
        }
    }
    return {};
}

result<void> sampler::take_devices(host_sample& s) {
    constexpr std::array<char const*, 8> network{"rx_bytes", "rx_packets", "rx_errors", "rx_drops",
                                                 "tx_bytes", "tx_packets", "tx_errors", "tx_drops"};
    constexpr std::array<char const*, 5> block{"oo_req", "rd_req", "wr_req", "rd_sect", "wr_sect"};
    auto& store = session_->store();
    XENPP_TRY(
        for_each_device(store, "vif", [&](domid d, std::uint32_t id, std::string const& path) {
            auto const c =
                read_counts(store, path, network).value_or(std::array<std::uint64_t, 8>{});
            s.vifs.push_back({d, id, {c[0], c[1], c[2], c[3]}, {c[4], c[5], c[6], c[7]}});
        }));
    for (auto const* kind : {"vbd", "qdisk"}) {
        XENPP_TRY(
            for_each_device(store, kind, [&](domid d, std::uint32_t id, std::string const& path) {
                vbd_sample v{d, id, kind, {}};
                if (auto const c = read_counts(store, path, block)) {
                    v.done = vbd_sample::counts{(*c)[0], (*c)[1], (*c)[2], (*c)[3], (*c)[4]};
                }
                s.vbds.push_back(std::move(v));
            }));
    }
    std::ranges::stable_sort(s.vifs, {}, [](auto const& v) { return v.domain.raw(); });
    std::ranges::stable_sort(s.vbds, {}, [](auto const& v) { return v.domain.raw(); });
    return {};
}

result<host_sample> sampler::take(sample_request const& what) {
    session_->turn();
    auto& hypervisor = session_->hypervisor();
    if (version_.empty()) {
        auto const v = XENPP_TRY(ctl::get_version(hypervisor));
        version_ = fmt::format("{}.{}{}", v.major, v.minor, v.extra);
    }
    auto const calls = ctl::calls_made();
    host_sample s;
    s.version = version_;
    auto const machine = XENPP_TRY(ctl::get_physinfo(hypervisor));
    s.cpus = machine.nr_cpus;
    s.cpu_khz = machine.cpu_khz;
    s.total_memory = pages(machine.total_pages);
    s.free_memory = pages(machine.free_pages);
    for (auto const& i : XENPP_TRY(ctl::get_domain_list(hypervisor))) {
        s.domains.push_back(detail::to_domain_info(i, {}));
    }
    s.time_ns = os::monotonic_ns();
    if (what.vcpus) {
        XENPP_TRY(take_vcpus(s));
    }
    if (what.cpus) {
        s.cpu_idle_ns = XENPP_TRY(ctl::get_cpu_idle_times(hypervisor));
    }
    XENPP_TRY(take_names(s));
    s.hypercalls = static_cast<unsigned>(ctl::calls_made() - calls);
    XENPP_TRY(take_devices(s));
    return s;
}

} // namespace xenpp
