// SPDX-License-Identifier: Apache-2.0
// What the hypervisor's image does on a processor, done for a simulation by whoever calls.
#include <xenpp/hv/hypercall_table.hpp>
#include <xenpp/hv/interrupt.hpp>
#include <xenpp/hv/pv/cpuid.hpp>
#include <xenpp/hv/sched_op.hpp>
#include <xenpp/x86/cpuid.hpp>

#include <fmt/format.h>

#include <sys/timerfd.h>
#include <transport/sim_machine.hpp>
#include <unistd.h>

#include <ctime>

namespace xenpp::transport {

namespace {

constexpr std::uint64_t first_used = 1U << 20; // as on a real machine, where firmware lies below

/// The processor of every simulation, so that they behave alike everywhere: an AMD one (APM3
/// appendix E) with long mode, SSE2, and what Linux asks of x86-64.
x86::cpuid_leaf sim_cpuid(std::uint32_t leaf, std::uint32_t) noexcept {
    switch (leaf) {
    case 0x00000000: return {0x7, 0x68747541, 0x444d4163, 0x69746e65}; // "AuthenticAMD"
    case 0x00000001: return {0x00800f12, 0x00000800, 0x80202001, 0x078bfbff};
    case 0x00000007: return {0, 0x00000001, 0, 0};
    case 0x80000000: return {0x80000008, 0x68747541, 0x444d4163, 0x69746e65};
    case 0x80000001: return {0x00800f12, 0, 0x00000001, 0x2c100800};
    case 0x80000002: return {0x706e6578, 0x69732070, 0x616c756d, 0x20646574}; // "xenpp simulated "
    case 0x80000003: return {0x636f7270, 0x6f737365, 0x00000072, 0};          // "processor"
    case 0x80000008: return {0x00003028, 0, 0, 0};
    default: return {};
    }
}

} // namespace

void sim_platform::kick(cpu_id) noexcept {
    std::uint64_t const once = 1;
    static_cast<void>(!::write(wake_, &once, sizeof once));
}

void sim_platform::notify_control() noexcept {
    is_notified_ = true;
    kick(current_);
}

// --- the bell ---

void sim_bell::ring() noexcept {
    machine_.serve();
}

void sim_bell::wait(std::uint32_t const&, std::uint32_t, std::uint64_t) noexcept {
    machine_.serve();
}

result<void> sim_bell::check() {
    if (machine_.platform.is_shut_down()) {
        return fail("hypercall", errc::io, "the machine has been shut down");
    }
    return {};
}

// --- the doors ---

result<std::int64_t> sim_doors::hypercall(unsigned number,
                                          std::array<std::uint64_t, 6> const& arg) {
    auto const returned = link_doors::hypercall(number, arg);
    if (observer) {
        observer(number, arg);
    }
    return returned;
}

result<std::unique_ptr<event_channels>> sim_doors::open_event_channels() {
    return broker->open();
}

std::string sim_doors::description() const {
    return fmt::format("simulation of {} MiB and {} CPUs in this process", config_.memory_mib,
                       config_.cpus);
}

// --- the machine ---

sim_machine::sim_machine(sim_config const& c,
                         os::mapping memory,
                         os::unique_fd ram_fd,
                         os::unique_fd work_fd,
                         os::unique_fd timer_fd,
                         os::poller p)
    : config(c)
    , work(std::move(work_fd))
    , timer(std::move(timer_fd))
    , fds(std::move(p))
    , platform(std::move(memory), c.cpus, c.is_clock_manual, work.get())
    , hypervisor(platform)
    , ram(std::move(ram_fd), {{0, platform.ram_size(), 0}})
    , bell(*this)
    , doors(window(), bell, ram, config) {}

sim_machine::~sim_machine() {
    broker.reset();
}

std::byte* sim_machine::window() const noexcept {
    return platform.ram() + link::window_machine_base.raw();
}

void sim_machine::write_header() noexcept {
    auto& h = *reinterpret_cast<link::link_header*>(window());
    h.magic = link::magic;
    h.version = link::version;
    h.window_size = link::window_size;
    h.virtual_base = reinterpret_cast<std::uintptr_t>(window());
    h.region_count = 1;
    h.regions[0] = {0, platform.ram_size(), 0};
    h.tsc_khz = platform.tsc_khz();
}

result<void> sim_machine::add_memory() noexcept {
    auto const window_begin = link::window_machine_base.raw();
    auto const window_end = window_begin + link::window_size;
    auto const add = [this](std::uint64_t begin, std::uint64_t end) {
        return hypervisor.frames.add(to_mfn(maddr(begin)), (end - begin) >> page_shift, true);
    };
    if (!add(first_used, window_begin) || !add(window_end, platform.ram_size())) {
        return fail("create simulation", errc::nomem, "too little memory for its frame table");
    }
    for (std::uint64_t at = window_begin; at < window_end; at += page_size) {
        auto* const page = hypervisor.frames.find(to_mfn(maddr(at)));
        if (page == nullptr) {
            return fail("create simulation", errc::nomem, "the control window lies outside of RAM");
        }
        *page = hv::page_info{.count = 1, .owner = dom0, .use = hv::page_use::guest};
    }
    return {};
}

result<void> sim_machine::boot() {
    write_header();
    XENPP_TRY(add_memory());
    hypervisor.host_cpuid = hv::host_cpuid_policy(sim_cpuid);
    hypervisor.hvm_cpuid = hv::hvm_cpuid_policy(hypervisor.host_cpuid);
    hypervisor.pv_cpuid = hv::pv::max_cpuid(hypervisor.host_cpuid);
    for (unsigned c = 0; c < config.cpus; ++c) {
        hypervisor.scheduler.on(cpu_id(c)).online = true;
    }
    auto const* const h = reinterpret_cast<link::link_header*>(window());
    hv::control_window const where{h->virtual_base, link::window_machine_base, link::window_size};
    if (!hv::create_control_domain(hypervisor, where, link::shared_info_offset)) {
        return fail("create simulation", errc::nomem, "domain 0 cannot be created");
    }
    link.emplace(hypervisor);
    link->set_state(link::hv_state::up);
    XENPP_TRY(doors.reset());
    broker = XENPP_TRY(evtchn_broker::create(doors, window()));
    doors.broker = broker.get();
    return {};
}

/// The CPU passes through its run loop: what it stopped running is put away.
void sim_machine::pass(cpu_id c) noexcept {
    platform.be_cpu(c);
    atomic_store(hypervisor.cpu_epoch[c.raw()], atomic_load(hypervisor.epoch));
    hv::run_timers(hypervisor);
    auto*& here = loaded_[c.raw()];
    auto* const next = hv::choose(hypervisor, here);
    if (next != here) {
        if (here != nullptr) {
            hv::switched_from(*here);
        }
        here = next;
        if (next != nullptr) {
            atomic_exchange(next->startup, 0);
            hv::publish_runstate(*next);
        }
    }
    platform.set_deadline(hv::next_deadline(hypervisor));
}

void sim_machine::serve() {
    constexpr unsigned budget = 64;
    if (is_serving_ || !link || platform.is_shut_down()) {
        return;
    }
    is_serving_ = true;
    while (link->pump(budget)) {
        for (unsigned c = 0; c < config.cpus; ++c) {
            pass(cpu_id(c)); // what waits for a vCPU to stop waits for this
        }
    }
    is_serving_ = false;
    platform.be_cpu(cpu_id(0));
    deliver();
    arm_timer();
}

void sim_machine::deliver() {
    if (broker && platform.take_notification()) {
        broker->deliver();
    }
}

void sim_machine::act(vcpu& v, sim_exit what) noexcept {
    switch (what) {
    case sim_exit::yield: hv::vcpu_yield(v); return;
    case sim_exit::block: hv::vcpu_block(v); return;
    case sim_exit::crash: hv::domain_shutdown(v.dom, abi::shutdown_crash); return;
    case sim_exit::halt: break;
    }
    atomic_fetch_or(v.pause, std::uint32_t{hv::pause_down});
    hv::vcpu_sleep(v);
    for (unsigned i = 0; i < v.dom.max_vcpus; ++i) {
        auto const* const other = v.dom.vcpus[i];
        if (other != nullptr && (atomic_load(other->pause) & hv::pause_down) == 0) {
            return;
        }
    }
    hv::domain_shutdown(v.dom, abi::shutdown_poweroff);
}

/// Runs what the CPU has loaded, once. False: nothing.
bool sim_machine::visit(cpu_id c) {
    pass(c);
    auto* const v = loaded_[c.raw()];
    if (v == nullptr) {
        return false;
    }
    sim_vcpu view(v);
    act(*v, guest != nullptr ? guest->run(view) : sim_exit::block);
    platform.be_cpu(c);
    pass(c);
    return true;
}

unsigned sim_machine::run(unsigned visits) {
    std::uint64_t times = 0;
    static_cast<void>(!::read(work.get(), &times, sizeof times));
    static_cast<void>(!::read(timer.get(), &times, sizeof times));
    serve();
    unsigned done = 0;
    for (bool any = true; any && done < visits && !platform.is_shut_down();) {
        any = false;
        for (unsigned c = 0; c < config.cpus && done < visits; ++c) {
            if (visit(cpu_id(c))) {
                any = true;
                ++done;
            }
        }
    }
    if (done == visits) {
        platform.kick(cpu_id(0)); // it was not the end
    }
    platform.be_cpu(cpu_id(0));
    deliver();
    arm_timer();
    return done;
}

/// With the computer's clock, the next deadline makes our descriptor readable.
void sim_machine::arm_timer() noexcept {
    if (platform.is_clock_manual()) {
        return;
    }
    itimerspec when{};
    if (auto const deadline = platform.next_deadline_ns(); deadline != 0) {
        auto const now = platform.now_ns();
        auto const ns = deadline > now ? deadline - now : 1;
        when.it_value = {static_cast<time_t>(ns / 1'000'000'000),
                         static_cast<long>(ns % 1'000'000'000)};
    }
    ::timerfd_settime(timer.get(), 0, &when, nullptr);
}

} // namespace xenpp::transport
