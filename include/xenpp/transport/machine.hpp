// SPDX-License-Identifier: Apache-2.0
// A connection to the embedded host's machine, found through its state folder.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/os/state_dir.hpp>
#include <xenpp/transport/doors.hpp>

#include <cstddef>
#include <memory>

namespace xenpp::transport {

struct machine_options {
    /// Set by the one process (xenppd) that reads the machine's bell and wakes the others.
    bool answers_bell = false;
};

/// A connection holds one slot of the control window. It is for one thread; a process may have
/// several, the first of which has the window at its own virtual address.
class machine {
public:
    /// Errors: ENOENT when no machine runs there; EBUSY when all slots are taken; what else is
    /// wrong in words.
    static result<machine> connect(os::state_dir const& where, machine_options const& options = {});

    machine(machine&&) noexcept;
    machine& operator=(machine&&) noexcept;
    ~machine();

    transport::doors& doors() const noexcept;

    /// The control window as this connection has it, `link::window_size` bytes.
    std::byte* window() const noexcept;

    /// The slot this connection owns.
    unsigned slot() const noexcept;

    /// The pid of the machine's QEMU, and a descriptor that is readable when it has ended.
    int qemu_pid() const noexcept;
    int qemu_fd() const noexcept;
    /// False only if that QEMU has ended: it is asked itself, not its files.
    bool is_running() const noexcept;

    // --- for who answers the bell ---

    /// Readable when the machine rang, also if this connection heard it while it waited for an
    /// answer itself. -1 for others.
    int bell_fd() const noexcept;

    /// Takes what rang and wakes everybody who waits for an answer. True if it rang since the last
    /// call.
    bool answer_bell();

    /// Says whether we look at `has_events` anyway, so that the machine need not ring for events.
    /// After `false`, look once more.
    void set_events_polled(bool is_polled) noexcept;

    /// Whether domain 0 has events that nobody has delivered.
    bool has_events() const noexcept;

    /// Resets the slots of processes that have died. Returns how many.
    unsigned reap_slots();

private:
    struct connection;
    explicit machine(std::unique_ptr<connection> c) noexcept;

    std::unique_ptr<connection> connection_;
};

/// The pid of the machine that lives in a state folder; 0 if none does. An error: that cannot be
/// told, and what is in the folder must stay.
result<int> running_machine(os::state_dir const& where);

} // namespace xenpp::transport
