// SPDX-License-Identifier: Apache-2.0
// A simulated host: the simulated machine, its xenstore, and guests that do as they are asked.
#include "host/open.hpp"
#include "host/session.hpp"

#include <xenpp/abi/sched.hpp>
#include <xenpp/ctl/connection.hpp>
#include <xenpp/ctl/domctl.hpp>
#include <xenpp/ctl/scheduler.hpp>
#include <xenpp/ctl/sysctl.hpp>
#include <xenpp/host_parts.hpp>
#include <xenpp/store/client.hpp>
#include <xenpp/store/path.hpp>
#include <xenpp/store/server.hpp>
#include <xenpp/transport/sim.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace xenpp::detail {
namespace {

using clock = std::chrono::steady_clock;

/// Guests wait for ever; when each was first given a processor is noted.
class idle_guest final : public transport::sim_guest {
public:
    transport::sim_exit run(transport::sim_vcpu& v) override {
        started.try_emplace(v.domain(), clock::now());
        return transport::sim_exit::block;
    }

    std::map<domid, clock::time_point> started;
};

/// The machine, and what dom0's daemons and the guests' kernels do on a real one.
class sim_host {
public:
    static result<std::shared_ptr<sim_host>> create(sim_options const& options,
                                                    std::uint32_t vanishing) {
        transport::sim_config config;
        config.memory_mib = options.memory.count;
        config.cpus = options.cpus;
        config.is_clock_manual = false;
        config.store_path = "(in this process)";
        auto machine = XENPP_TRY(transport::sim::create(config));
        auto hypervisor = XENPP_TRY(ctl::connection::open(machine.doors()));
        auto events = XENPP_TRY(machine.doors().open_event_channels());
        XENPP_TRY(events->bind_virq(abi::virq_dom_exc));
        auto h = std::shared_ptr<sim_host>(new sim_host(options, vanishing, std::move(machine),
                                                        std::move(hypervisor), std::move(events)));
        h->machine_.set_guest(&h->guest_);
        if (vanishing != 0) {
            h->machine_.set_observer([sim = h.get()](unsigned number, auto const& arg) {
                sim->end_what_was_listed(number, arg);
            });
        }
        XENPP_TRY(h->watcher_.watch("/local/domain", "sim"));
        return h;
    }

    transport::doors& doors() noexcept { return machine_.doors(); }

    store::server& server() noexcept { return server_; }

    /// Lets guests run, hear and end. What fails here shows as a domain that does not.
    void turn() {
        machine_.run();
        hear_requests();
        end_lives();
        machine_.run();
        pass_on_ends();
    }

private:
    sim_host(sim_options const& options,
             std::uint32_t vanishing,
             transport::sim machine,
             ctl::connection hypervisor,
             std::unique_ptr<transport::event_channels> events)
        : lifetime_(options.guest_lifetime)
        , vanishing_(vanishing)
        , machine_(std::move(machine))
        , hypervisor_(std::move(hypervisor))
        , events_(std::move(events))
        , watcher_(store::connect_memory(server_, dom0, true)) {}

    void shut_down(domid d, std::uint32_t reason) {
        guest_.started.erase(d);
        static_cast<void>(ctl::remote_shutdown(hypervisor_, d, reason).has_value());
    }

    /// A guest's kernel takes the request out of its node, and does it if it runs.
    void hear_requests() {
        constexpr std::string_view request_node = "/control/shutdown";
        for (;;) {
            auto const event = watcher_.read_watch(0);
            if (!event || !*event) {
                return;
            }
            std::string_view const path = (*event)->path;
            if (!path.ends_with(request_node)) {
                continue;
            }
            auto const word = watcher_.read(path);
            auto const prefix = store::domain_path(dom0).size() - 1;
            auto const d =
                store::parse_domid(path.substr(prefix, path.size() - prefix - request_node.size()));
            if (!word || word->empty() || !d) {
                continue;
            }
            static_cast<void>(watcher_.write(path, "").has_value());
            shut_down(*d, *word == "reboot"    ? abi::shutdown_reboot
                          : *word == "suspend" ? abi::shutdown_suspend
                                               : abi::shutdown_poweroff);
        }
    }

    void end_lives() {
        if (!lifetime_) {
            return;
        }
        auto const born_before = clock::now() - *lifetime_;
        for (auto it = guest_.started.begin(); it != guest_.started.end();) {
            auto const [d, born] = *it++;
            if (born <= born_before) {
                shut_down(d, abi::shutdown_poweroff);
            }
        }
    }

    /// As xenstored does when VIRQ_DOM_EXC fires.
    void pass_on_ends() {
        bool fired = false;
        for (;;) {
            auto const port = events_->pending();
            if (!port || !*port) {
                break;
            }
            fired = true;
            static_cast<void>(events_->unmask(**port).has_value());
        }
        if (!fired) {
            return;
        }
        auto const list = list_unseen();
        if (!list) {
            return;
        }
        for (auto const& known : server_.domains()) {
            auto const it =
                std::ranges::find(*list, known.domain.raw(), &abi::domctl_getdomaininfo::domain);
            if (it == list->end() || (it->flags & abi::dominf_dying) != 0) {
                guest_.started.erase(known.domain);
                server_.domain_gone(known.domain);
            } else if ((it->flags & abi::dominf_shutdown) != 0) {
                server_.domain_shutdown(known.domain);
            }
        }
    }

    /// A list that nothing follows on.
    result<std::vector<abi::domctl_getdomaininfo>> list_unseen() {
        is_unseen_ = true;
        auto list = ctl::get_domain_list(hypervisor_);
        is_unseen_ = false;
        return list;
    }

    /// As another toolstack does that destroys domains at the worst moment: between a list of them
    /// and whatever is asked about them next.
    void end_what_was_listed(unsigned number, std::array<std::uint64_t, 6> const& arg) {
        if (is_unseen_ || number != static_cast<unsigned>(abi::hypercall::sysctl)) {
            return;
        }
        std::uint32_t command = 0;
        std::memcpy(&command, reinterpret_cast<void const*>(arg[0]), sizeof command); // its `cmd`
        if (command != static_cast<std::uint32_t>(abi::sysctl_op::getdomaininfolist)) {
            return;
        }
        auto const list = list_unseen();
        if (!list) {
            return;
        }
        auto left = vanishing_;
        for (auto const& i : *list) {
            auto const d = domid(i.domain);
            if (d != dom0 && left != 0) {
                --left;
                static_cast<void>(ctl::destroy_domain(hypervisor_, d).has_value());
                static_cast<void>(watcher_.rm(domain_node(d)).has_value());
            }
        }
    }

    std::optional<std::chrono::milliseconds> lifetime_;
    std::uint32_t vanishing_;
    bool is_unseen_ = false;
    idle_guest guest_;
    transport::sim machine_;
    ctl::connection hypervisor_;
    std::unique_ptr<transport::event_channels> events_;
    store::server server_;
    store::client watcher_;
};

/// Domains without a kernel, as many as the options say; they wait for ever.
result<void> make_domains(host const& h, std::uint32_t count) {
    auto& s = *h.session();
    for (std::uint32_t n = 1; n <= count; ++n) {
        abi::domctl_createdomain request{};
        request.flags = abi::domctl_cdf_hvm | abi::domctl_cdf_hap;
        request.arch.emulation_flags = abi::x86_emu_lapic;
        request.max_vcpus = 1;
        request.max_evtchn_port = 1;
        request.max_grant_frames = 1;
        request.max_maptrack_frames = 1;
        request.grant_opts = 1;
        auto const uuid = config::random_uuid();
        std::ranges::copy(uuid, std::begin(request.handle));
        auto const d = XENPP_TRY(ctl::create_domain(s.hypervisor(), request));
        XENPP_TRY(ctl::set_max_vcpus(s.hypervisor(), d, 1));
        XENPP_TRY(ctl::set_max_memory(s.hypervisor(), d, 4));
        XENPP_TRY(s.store().write(domain_node(d, "name"), fmt::format("guest{}", n)));
    }
    return {};
}

} // namespace

result<host> open_sim_host(sim_options const& options, std::uint32_t vanishing) {
    auto sim = XENPP_TRY(sim_host::create(options, vanishing));
    host_parts parts;
    parts.kind = host_kind::sim;
    parts.connect_store = [sim] { return store::connect_memory(sim->server(), dom0, true); };
    parts.store = store::connect_memory(sim->server(), dom0, true);
    parts.doors = std::shared_ptr<transport::doors>(sim, &sim->doors());
    parts.turn = [sim](int) { sim->turn(); };
    auto h = XENPP_TRY(assemble_host(std::move(parts)));
    XENPP_TRY(make_domains(h, options.domains));
    return h;
}

} // namespace xenpp::detail
