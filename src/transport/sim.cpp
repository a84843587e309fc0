// SPDX-License-Identifier: Apache-2.0
// The simulation as its user sees it.
#include <xenpp/hv/hypercall_table.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/transport/sim.hpp>

#include <fmt/format.h>

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <transport/sim_machine.hpp>
#include <unistd.h>

namespace xenpp::transport {

namespace {

sim_machine::vcpu& real(void* v) noexcept {
    return *static_cast<sim_machine::vcpu*>(v);
}

} // namespace

domid sim_vcpu::domain() const noexcept {
    return real(vcpu_).dom.id;
}

vcpu_id sim_vcpu::id() const noexcept {
    return real(vcpu_).id;
}

std::int64_t sim_vcpu::hypercall(unsigned number, std::array<std::uint64_t, 6> const& arg) {
    hv::hypercall_args args{arg};
    for (;;) {
        auto const r = hv::dispatch_hypercall(real(vcpu_), number, args);
        if (r) {
            return static_cast<std::int64_t>(*r);
        }
        if (r.error() != errc::restart) {
            return to_abi(r.error());
        }
    }
}

std::byte* sim_vcpu::memory(gfn frame) {
    // The reference is not kept: nobody else runs during the visit.
    auto const page = hv::get_page(real(vcpu_).dom, frame, true);
    return page ? page->map() : nullptr;
}

bool sim_vcpu::has_event() const noexcept {
    return hv::event_pending(real(vcpu_));
}

result<sim> sim::create(sim_config const& config) {
    constexpr std::uint64_t least_mib = 128;
    if (config.memory_mib < least_mib || config.cpus == 0 || config.cpus > hv::max_cpus) {
        return fail("create simulation", errc::inval,
                    fmt::format("{} MiB and {} CPUs; at least {} MiB and 1 to {} CPUs may be",
                                config.memory_mib, config.cpus, least_mib, hv::max_cpus));
    }
    os::unique_fd ram(::memfd_create("xenpp-sim", MFD_CLOEXEC));
    auto const size = config.memory_mib << 20;
    if (!ram || ::ftruncate(ram.get(), static_cast<off_t>(size)) != 0) {
        return os::fail_errno("create simulation");
    }
    auto memory = XENPP_TRY(os::mapping::of_file(ram.get(), 0, size, os::access::read_write));
    os::unique_fd work(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    os::unique_fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!work || !timer) {
        return os::fail_errno("create simulation");
    }
    auto fds = XENPP_TRY(os::poller::create());
    XENPP_TRY(fds.add(work.get(), 0));
    XENPP_TRY(fds.add(timer.get(), 1));
    auto m = std::make_unique<sim_machine>(config, std::move(memory), std::move(ram),
                                           std::move(work), std::move(timer), std::move(fds));
    XENPP_TRY(m->boot());
    return sim(std::move(m));
}

sim::sim(std::unique_ptr<sim_machine> machine) noexcept : machine_(std::move(machine)) {}

sim::sim(sim&&) noexcept = default;
sim& sim::operator=(sim&&) noexcept = default;
sim::~sim() = default;

doors& sim::doors() const noexcept {
    return machine_->doors;
}

void sim::set_guest(sim_guest* guest) noexcept {
    machine_->guest = guest;
}

void sim::set_observer(
    std::function<void(unsigned number, std::array<std::uint64_t, 6> const& arg)> observer) {
    machine_->doors.observer = std::move(observer);
}

unsigned sim::run(unsigned visits) {
    return machine_->run(visits);
}

int sim::fd() const noexcept {
    return machine_->fds.fd();
}

std::uint64_t sim::now_ns() const noexcept {
    return machine_->platform.now_ns();
}

void sim::advance(std::uint64_t ns) noexcept {
    machine_->platform.advance(ns);
}

std::uint64_t sim::next_deadline_ns() const noexcept {
    return machine_->platform.next_deadline_ns();
}

std::string const& sim::console() const noexcept {
    return machine_->platform.console();
}

bool sim::is_shut_down() const noexcept {
    return machine_->platform.is_shut_down();
}

} // namespace xenpp::transport
