// SPDX-License-Identifier: Apache-2.0
// Looking at a whole host again and again: domains, vCPUs, CPUs and devices at one moment.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/memory_size.hpp>
#include <xenpp/domain_info.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace xenpp {

class host;

namespace detail {
class session;
} // namespace detail

/// What to look at beside domains and devices.
struct sample_request {
    bool vcpus = false;
    bool cpus = false;
};

struct vcpu_sample {
    domid domain{};
    vcpu_id id{};
    bool is_online = false;
    std::uint64_t cpu_time_ns = 0;
};

/// What went through a network interface, as its backend counts: "rx" is what the backend received,
/// which the guest sent.
struct vif_sample {
    struct counts {
        std::uint64_t bytes = 0, packets = 0, errors = 0, drops = 0;
    };

    domid domain{};
    std::uint32_t id = 0;
    counts rx, tx;
};

/// What a block device was asked for.
struct vbd_sample {
    struct counts {
        std::uint64_t oo_requests = 0, read_requests = 0, write_requests = 0;
        std::uint64_t read_sectors = 0, written_sectors = 0;
    };

    domid domain{};
    std::uint32_t id = 0;       ///< as in xenstore: 51712 is xvda
    std::string backend;        ///< "vbd", "qdisk", ...
    std::optional<counts> done; ///< nothing where the backend does not tell
};

/// A host at one moment, as plain arrays; domains by number, the rest by domain.
struct host_sample {
    std::uint64_t time_ns = 0; ///< of a clock that never steps
    std::string version;       ///< "4.17.7"
    std::uint32_t cpus = 0;
    std::uint32_t cpu_khz = 0;
    pages total_memory, free_memory;

    std::vector<domain_info> domains;
    std::vector<vcpu_sample> vcpus;         ///< if asked for
    std::vector<std::uint64_t> cpu_idle_ns; ///< by CPU, if asked for
    std::vector<vif_sample> vifs;
    std::vector<vbd_sample> vbds;

    unsigned hypercalls = 0; ///< that it took to find out
};

/// Takes samples of one host, with as many hypercalls for a thousand domains as for one. Names are
/// remembered: a domain that is renamed is seen under its new name after a while.
class sampler {
public:
    explicit sampler(host const& h);

    /// A domain that vanishes meanwhile is in the sample, or is not; it is never an error.
    result<host_sample> take(sample_request const& what);

private:
    using identity = std::pair<std::uint16_t, config::uuid>;

    result<void> take_names(host_sample& s);
    result<void> take_vcpus(host_sample& s);
    result<void> take_devices(host_sample& s);

    std::shared_ptr<detail::session> session_;
    std::string version_;
    std::map<identity, std::string> names_;
    std::size_t next_name_ = 0; ///< the domain whose name is looked at anew next
};

} // namespace xenpp
