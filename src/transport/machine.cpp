// SPDX-License-Identifier: Apache-2.0
// Connecting to a machine that runs.
#include <xenpp/abi/xen.hpp>
#include <xenpp/base/atomic.hpp>
#include <xenpp/os/clock.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/transport/machine.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <transport/evtchn_client.hpp>
#include <transport/link_doors.hpp>
#include <transport/machine_bell.hpp>
#include <transport/state_files.hpp>

namespace xenpp::transport {

namespace {

link::link_header& header_of(std::byte* window) noexcept {
    return *reinterpret_cast<link::link_header*>(window);
}

link::slot_header& slot_of(std::byte* window, unsigned n) noexcept {
    return *reinterpret_cast<link::slot_header*>(window + link::slot_offset(n));
}

/// The window at its own address, where an address is also a guest handle; else anywhere, for a
/// second connection of this process.
result<os::mapping> map_window(int ram) {
    auto const offset = link::window_machine_base.raw();
    auto at_home = os::mapping::of_file_at(link::window_virtual_base, ram, offset,
                                           link::window_size, os::access::read_write);
    if (at_home || at_home.error().code != static_cast<int>(errc::exist)) {
        return at_home;
    }
    return os::mapping::of_file(ram, offset, link::window_size, os::access::read_write);
}

result<void> check_header(link::link_header const& h) {
    if (h.magic != link::magic) {
        return fail("connect to machine", errc::badmsg, "its RAM holds no control window");
    }
    if (h.version != link::version || h.window_size != link::window_size ||
        h.region_count > h.regions.size()) {
        return fail("connect to machine", errc::opnotsupp,
                    fmt::format("it speaks version {} of the machine link, this is version {}",
                                h.version, link::version));
    }
    return {};
}

/// Somebody may be starting the machine just now.
result<void> await_hypervisor(link::link_header const& h, os::process const& qemu) {
    constexpr unsigned most_ms = 60'000;
    for (unsigned ms = 0; ms < most_ms; ++ms) {
        auto const state = static_cast<link::hv_state>(atomic_load(h.state));
        if (state == link::hv_state::up) {
            return {};
        }
        if (state == link::hv_state::stopped || !qemu.is_running()) {
            return fail("connect to machine", errc::io, "the machine is going down");
        }
        os::sleep_ns(1'000'000);
    }
    return fail("connect to machine", errc::timedout, "the hypervisor does not come up");
}

/// A slot nobody has, locked through this open file.
result<unsigned> claim_slot(int lock) {
    for (unsigned n = 0; n < link::slot_count; ++n) {
        if (XENPP_TRY(os::try_lock_byte(lock, n))) {
            return n;
        }
    }
    return fail("connect to machine", errc::busy,
                fmt::format("all {} connections are taken", link::slot_count));
}

} // namespace

/// Doors over the link whose events come from the broker's socket.
class machine_doors final : public link_doors {
public:
    machine_doors(os::state_dir where,
                  std::byte* window,
                  std::uint64_t virtual_base,
                  unsigned slot,
                  bell& b,
                  ram_file const& ram,
                  int qemu)
        : link_doors(window, virtual_base, slot, b, ram)
        , where_(std::move(where))
        , window_(window)
        , qemu_(qemu) {}

    result<std::unique_ptr<event_channels>> open_event_channels() override {
        return connect_event_channels(where_.file(state_files::event_socket), *this, window_);
    }

    std::string store_path() const override { return where_.file(state_files::store_socket); }

    std::string description() const override {
        return fmt::format("embedded host in {} (QEMU is process {})", where_.path(), qemu_);
    }

private:
    os::state_dir where_;
    std::byte* window_;
    int qemu_;
};

struct machine::connection {
    os::unique_fd lock; ///< its open file holds our slot's byte
    os::mapping window;
    ram_file ram;
    machine_bell bell;
    unsigned slot;
    machine_doors doors;

    connection(os::unique_fd l,
               os::mapping w,
               std::uint64_t virtual_base,
               ram_file r,
               machine_bell b,
               unsigned s,
               os::state_dir const& where)
        : lock(std::move(l))
        , window(std::move(w))
        , ram(std::move(r))
        , bell(std::move(b))
        , slot(s)
        , doors(where, window.data(), virtual_base, slot, bell, ram, bell.qemu().pid()) {}

    connection(connection const&) = delete;
    connection& operator=(connection const&) = delete;

    ~connection() {
        // A machine that does not answer has nothing to drop; the lock goes in any case.
        if (bell.check()) {
            static_cast<void>(doors.reset());
        }
        atomic_store(slot_of(window.data(), slot).owner_pid, 0);
    }
};

machine::machine(std::unique_ptr<connection> c) noexcept : connection_(std::move(c)) {}

machine::machine(machine&&) noexcept = default;
machine& machine::operator=(machine&&) noexcept = default;
machine::~machine() = default;

result<machine> machine::connect(os::state_dir const& where, machine_options const& options) {
    auto qemu = XENPP_TRY(state_files::find_qemu(where));
    auto ram = XENPP_TRY(os::open_file(where.file(state_files::ram), O_RDWR));
    auto window = XENPP_TRY(map_window(ram.get()));
    link::link_header const h = header_of(window.data()); // a copy: what was checked stays so
    XENPP_TRY(check_header(h));
    XENPP_TRY(await_hypervisor(header_of(window.data()), qemu));
    std::vector<link::ram_region> regions(h.regions.begin(), h.regions.begin() + h.region_count);

    auto lock = XENPP_TRY(os::open_file(where.file(state_files::slots_lock), O_RDWR | O_CREAT));
    auto const slot = XENPP_TRY(claim_slot(lock.get()));
    auto in = XENPP_TRY(os::open_file(where.file(state_files::bell_in), O_RDWR | O_NONBLOCK));
    machine_bell b(std::move(in), std::move(qemu), where.file(state_files::console_log),
                   window.data());
    if (options.answers_bell) {
        XENPP_TRY(b.answer_from(
            XENPP_TRY(os::open_file(where.file(state_files::bell_out), O_RDWR | O_NONBLOCK))));
    }
    auto c = std::make_unique<connection>(std::move(lock), std::move(window), h.virtual_base,
                                          ram_file(std::move(ram), std::move(regions)),
                                          std::move(b), slot, where);
    XENPP_TRY(c->doors.reset());
    machine m(std::move(c));
    if (options.answers_bell) {
        m.set_events_polled(false); // who answered before us may have died while it looked
    }
    return m;
}

doors& machine::doors() const noexcept {
    return connection_->doors;
}

std::byte* machine::window() const noexcept {
    return connection_->window.data();
}

unsigned machine::slot() const noexcept {
    return connection_->slot;
}

int machine::qemu_pid() const noexcept {
    return connection_->bell.qemu().pid();
}

int machine::qemu_fd() const noexcept {
    return connection_->bell.qemu().fd();
}

bool machine::is_running() const noexcept {
    return connection_->bell.qemu().is_running();
}

int machine::bell_fd() const noexcept {
    return connection_->bell.fd();
}

bool machine::answer_bell() {
    return connection_->bell.answer();
}

void machine::set_events_polled(bool is_polled) noexcept {
    atomic_store(header_of(window()).events_polled, is_polled ? 1U : 0U);
    full_barrier(); // against vcpu_event_notify
}

bool machine::has_events() const noexcept {
    auto const& info =
        *reinterpret_cast<abi::shared_info const*>(window() + link::shared_info_offset);
    return atomic_load(info.vcpu_info[0].evtchn_upcall_pending) != 0;
}

unsigned machine::reap_slots() {
    unsigned reaped = 0;
    auto& c = *connection_;
    c.doors.nudge();
    for (unsigned n = 0; n < link::slot_count; ++n) {
        auto& page = slot_of(c.window.data(), n);
        auto const locked = n == c.slot || atomic_load(page.owner_pid) == 0
                                ? result<bool>(false)
                                : os::try_lock_byte(c.lock.get(), n);
        if (!locked || !*locked) {
            continue;
        }
        link_client dead(c.window.data(), n, c.bell);
        if (dead.reset()) {
            ++reaped;
            atomic_store(page.owner_pid, 0);
        }
        os::unlock_byte(c.lock.get(), n);
    }
    return reaped;
}

result<int> running_machine(os::state_dir const& where) {
    auto const qemu = state_files::find_qemu(where);
    if (!qemu && qemu.error().code != ENOENT) {
        return unexpected(qemu.error());
    }
    return qemu ? qemu->pid() : 0;
}

} // namespace xenpp::transport
