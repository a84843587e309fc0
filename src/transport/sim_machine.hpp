// SPDX-License-Identifier: Apache-2.0
// A simulated machine with its hypervisor, its link and its processors' run loop.
#pragma once

#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/link_service.hpp>
#include <xenpp/os/poller.hpp>
#include <xenpp/transport/evtchn_broker.hpp>
#include <xenpp/transport/sim.hpp>

#include <transport/link_doors.hpp>
#include <transport/sim_platform.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace xenpp::transport {

struct sim_machine;

/// The bell of a simulation: whoever rings it does the hypervisor's work.
class sim_bell final : public bell {
public:
    explicit sim_bell(sim_machine& m) noexcept : machine_(m) {}

    void ring() noexcept override;
    void
    wait(std::uint32_t const& word, std::uint32_t seen, std::uint64_t timeout_ns) noexcept override;
    result<void> check() override;

private:
    sim_machine& machine_;
};

class sim_doors final : public link_doors {
public:
    sim_doors(std::byte* window, bell& b, ram_file const& ram, sim_config const& config)
        : link_doors(window, reinterpret_cast<std::uintptr_t>(window), 0, b, ram)
        , config_(config) {}

    result<std::int64_t> hypercall(unsigned number,
                                   std::array<std::uint64_t, 6> const& arg) override;
    result<std::unique_ptr<event_channels>> open_event_channels() override;

    std::string store_path() const override { return config_.store_path; }

    std::string description() const override;

    evtchn_broker* broker = nullptr;
    std::function<void(unsigned, std::array<std::uint64_t, 6> const&)> observer; ///< may be empty

private:
    sim_config config_;
};

struct sim_machine {
    using vcpu = hv::vcpu<sim_platform>;

    sim_machine(sim_config const& c,
                os::mapping memory,
                os::unique_fd ram_fd,
                os::unique_fd work_fd,
                os::unique_fd timer_fd,
                os::poller p);
    sim_machine(sim_machine const&) = delete;
    sim_machine& operator=(sim_machine const&) = delete;
    ~sim_machine();

    /// Memory to the allocator, domain 0, the link: what the image does at boot.
    result<void> boot();

    /// Serves the link until nothing is left to do, and tells of events.
    void serve();

    unsigned run(unsigned visits);

    std::byte* window() const noexcept;

    sim_config config;
    os::unique_fd work; ///< an eventfd
    os::unique_fd timer;
    os::poller fds;
    sim_platform platform;
    hv::hypervisor<sim_platform> hypervisor;
    std::optional<hv::link_service<sim_platform>> link;
    ram_file ram;
    sim_bell bell;
    sim_doors doors;
    std::unique_ptr<evtchn_broker> broker;
    sim_guest* guest = nullptr;

private:
    void write_header() noexcept;
    result<void> add_memory() noexcept;
    void pass(cpu_id c) noexcept;
    bool visit(cpu_id c);
    void act(vcpu& v, sim_exit what) noexcept;
    void deliver();
    void arm_timer() noexcept;

    std::array<vcpu*, hv::max_cpus> loaded_{};
    bool is_serving_ = false;
};

} // namespace xenpp::transport
