// SPDX-License-Identifier: Apache-2.0
// A Xen host inside this process: our hypervisor on simulated memory, time and processors.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/transport/doors.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace xenpp::transport {

struct sim_config {
    std::uint64_t memory_mib = 4096; ///< sparse: what is not used costs nothing
    unsigned cpus = 2;
    /// Time stands still but for `sim::advance`; else it is the computer's.
    bool is_clock_manual = true;
    std::string store_path = {}; ///< what `doors::store_path` says
};

/// A vCPU as the software in it sees it. Valid during the visit.
class sim_vcpu {
public:
    domid domain() const noexcept;
    vcpu_id id() const noexcept;

    /// A hypercall, with guest-physical addresses as pointers. Carried on with until it is done.
    std::int64_t hypercall(unsigned number, std::array<std::uint64_t, 6> const& arg);

    /// A page of the domain's memory, which stays valid during the visit; null if there is none.
    std::byte* memory(gfn frame);

    /// Whether an event waits to be taken (evtchn_upcall_pending).
    bool has_event() const noexcept;

private:
    friend struct sim_machine;

    explicit sim_vcpu(void* v) noexcept : vcpu_(v) {}

    void* vcpu_;
};

/// How a visit to a vCPU ends.
enum class sim_exit : std::uint8_t {
    yield, ///< it goes on, others first
    block, ///< until an event arrives
    halt,  ///< for good; when all vCPUs of a domain have, it has powered off
    crash, ///< the domain has crashed
};

/// The software in every domain: no instructions, only this.
class sim_guest {
public:
    sim_guest() noexcept = default;
    sim_guest(sim_guest const&) = delete;
    sim_guest& operator=(sim_guest const&) = delete;
    virtual ~sim_guest() = default;

    /// A vCPU has been given a processor.
    virtual sim_exit run(sim_vcpu& v) = 0;
};

/// A whole machine, used by one thread. A process may have as many as it likes.
class sim {
public:
    static result<sim> create(sim_config const& config = {});

    sim(sim&&) noexcept;
    sim& operator=(sim&&) noexcept;
    ~sim();

    transport::doors& doors() const noexcept;

    /// What runs in the domains from now on; it must outlive the simulation or be replaced. Without
    /// one, vCPUs wait for events for ever.
    void set_guest(sim_guest* guest) noexcept;

    /// Called after each hypercall of domain 0 with its number and arguments (addresses are
    /// pointers), its own hypercalls included: what another process does just then, it can do.
    void set_observer(
        std::function<void(unsigned number, std::array<std::uint64_t, 6> const& arg)> observer);

    /// Lets everything happen that is due: timers, vCPUs, events; at most `visits` visits to vCPUs.
    /// Returns how many there were.
    unsigned run(unsigned visits = 10'000);

    /// Readable when `run` has something to do.
    int fd() const noexcept;

    /// System time, and moving it on (with a manual clock).
    std::uint64_t now_ns() const noexcept;
    void advance(std::uint64_t ns) noexcept;

    /// When the next timer is due; 0: none is set.
    std::uint64_t next_deadline_ns() const noexcept;

    /// The hypervisor's console so far.
    std::string const& console() const noexcept;

    /// Whether domain 0 has shut the machine down.
    bool is_shut_down() const noexcept;

    /// What is inside (src/transport/sim_machine.hpp), for tests that look there.
    struct sim_machine& machine() const noexcept {
        return *machine_;
    }

private:
    explicit sim(std::unique_ptr<struct sim_machine> machine) noexcept;

    std::unique_ptr<struct sim_machine> machine_;
};

} // namespace xenpp::transport
