// SPDX-License-Identifier: Apache-2.0
// Descriptors, events and the like for backends.
#include <xenpp/dev/vbd/backend.hpp>
#include <xenpp/dev/vif/backend.hpp>
#include <xenpp/os/clock.hpp>
#include <xenpp/os/file.hpp>

#include <daemon/backends.hpp>
#include <daemon/machine_state.hpp>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

namespace xenpp::detail {

result<std::unique_ptr<backends>> backends::create(transport::doors& d,
                                                   event_router& events,
                                                   store::client& store,
                                                   os::state_dir const& where,
                                                   std::function<void(std::string_view)> log,
                                                   bool is_beside_kernel) {
    auto fds = XENPP_TRY(os::poller::create());
    os::unique_fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    os::unique_fd clock(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!wake || !clock) {
        return os::fail_errno("start backends");
    }
    XENPP_TRY(fds.add(wake.get(), static_cast<std::uint64_t>(wake.get())));
    XENPP_TRY(fds.add(clock.get(), static_cast<std::uint64_t>(clock.get())));
    auto const folder = where.file("devices");
    std::error_code failed;
    std::filesystem::create_directory(folder, failed);
    if (failed) {
        return fail("start backends", failed.value(), folder);
    }
    remove_files(folder, ".log"); // of servers and scripts whose daemon was killed
    std::unique_ptr<backends> b(new backends(d, events, folder, std::move(log), std::move(fds),
                                             std::move(wake), std::move(clock)));
    b->kinds_.push_back(
        {"vbd", [](dev::backend_context c) { return dev::make_vbd_backend(std::move(c)); }});
    b->kinds_.push_back({"vif", [raw = b.get()](dev::backend_context c) {
                             return dev::create_vif_backend(raw->switches_, std::move(c));
                         }});
    b->bus_ = XENPP_TRY(dev::backend_bus::create(store, *b, b->kinds_, is_beside_kernel));
    return b;
}

/// The bus first: its devices use all of this.
backends::~backends() {
    bus_.reset();
}

void backends::dispatch() {
    for (auto const& r : fds_.wait(0)) {
        auto const fd = static_cast<int>(r.tag);
        if (fd == wake_.get()) {
            std::uint64_t count = 0;
            static_cast<void>(!::read(fd, &count, sizeof count));
        } else if (fd == clock_.get()) {
            std::uint64_t count = 0;
            static_cast<void>(!::read(fd, &count, sizeof count));
            is_clock_set_ = false;
            bus_->write_statistics();
        } else if (auto const found = ready_.find(fd); found != ready_.end()) {
            note_activity();
            auto const a = found->second; // stays, even if it removes itself
            (*a)();
        }
    }
    for (auto const& what : std::exchange(put_off_, {})) {
        what();
    }
}

/// Devices have something to do, and soon something to tell.
void backends::note_activity() noexcept {
    is_active_ = true;
    if (!std::exchange(is_clock_set_, true)) {
        itimerspec const once{{0, 0}, {1, 0}};
        ::timerfd_settime(clock_.get(), 0, &once, nullptr);
    }
}

result<evtchn_port>
backends::bind(domid remote, evtchn_port remote_port, std::function<void()> fired) {
    auto const a = std::make_shared<std::function<void()> const>(std::move(fired));
    auto const port =
        XENPP_TRY(events_.bind_interdomain(remote, remote_port, [this, a]() -> result<void> {
            note_activity();
            (*a)();
            return {};
        }));
    fired_[port] = a;
    later([this, port, a] {
        auto const now = fired_.find(port);
        if (now != fired_.end() && now->second == a) {
            (*a)();
        }
    });
    return port;
}

void backends::unbind(evtchn_port port) noexcept {
    fired_.erase(port);
    events_.unbind(port);
}

result<void> backends::add_fd(int fd, std::function<void()> ready, bool to_write) {
    auto const tag = static_cast<std::uint64_t>(fd);
    auto done = ready_.contains(fd) ? fds_.modify(fd, tag, to_write) : fds_.add(fd, tag, to_write);
    // It was closed before it was removed, and the number means another now.
    if (!done && done.error().code == ENOENT) {
        ready_.erase(fd);
        done = fds_.add(fd, tag, to_write);
    }
    XENPP_TRY(done);
    ready_[fd] = std::make_shared<std::function<void()> const>(std::move(ready));
    return {};
}

void backends::remove_fd(int fd) noexcept {
    if (ready_.erase(fd) != 0) {
        fds_.remove(fd);
    }
}

void backends::later(std::function<void()> what) {
    if (put_off_.empty()) {
        std::uint64_t const one = 1;
        static_cast<void>(!::write(wake_.get(), &one, sizeof one));
    }
    put_off_.push_back(std::move(what));
}

void backends::log(std::string_view line) {
    switch (lines_.judge(line.substr(0, line.find(": ")), os::monotonic_ns())) {
    case line_limit::verdict::write: log_(line); return;
    case line_limit::verdict::write_last:
        log_(std::string(line) + " (and no more of it for a minute)");
        return;
    case line_limit::verdict::drop: return;
    }
}

std::string backends::state_file(std::string_view name) const {
    return folder_ + "/" + std::string(name);
}

} // namespace xenpp::detail
