// SPDX-License-Identifier: Apache-2.0
// The backends of all devices, and what they use of the daemon.
#pragma once

#include <xenpp/dev/vif/switches.hpp>
#include <xenpp/dev/xenbus/backend_bus.hpp>
#include <xenpp/os/poller.hpp>
#include <xenpp/os/state_dir.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <daemon/event_router.hpp>
#include <daemon/line_limit.hpp>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xenpp::detail {

class backends final : public dev::backend_services {
public:
    /// All but the log outlive this object. `is_beside_kernel`: see `dev::device_address`.
    static result<std::unique_ptr<backends>> create(transport::doors& d,
                                                    event_router& events,
                                                    store::client& store,
                                                    os::state_dir const& where,
                                                    std::function<void(std::string_view)> log,
                                                    bool is_beside_kernel = false);
    ~backends();

    /// Readable when `dispatch` has something to do.
    int poll_fd() const noexcept { return fds_.fd(); }

    /// Serves descriptors and what was put off.
    void dispatch();

    /// Takes devices on through their states, until what happened causes nothing more: what the
    /// store reports meanwhile, `read_reports` passes on, and in this process it wakes nobody. Two
    /// ends of a device take fewer turns than these; should one not, it goes on with the next that
    /// comes.
    template <class Read>
    result<void> settle(Read read_reports) {
        constexpr int most_turns = 64;
        XENPP_TRY(read_reports());
        for (int turn = 0; turn != most_turns && bus_->dispatch(); ++turn) {
            XENPP_TRY(read_reports());
        }
        return {};
    }

    /// Whether a device has had something to do since the last call.
    bool take_activity() noexcept { return std::exchange(is_active_, false); }

    bool changed(store::watch_report const& report) { return bus_->changed(report); }

    void remove(domid d) { bus_->remove(d); }

    bool has_devices() const noexcept { return bus_->is_busy(); }

    std::set<domid> frontends() const { return bus_->frontends(); }

    transport::doors& doors() noexcept override { return doors_; }

    result<evtchn_port>
    bind(domid remote, evtchn_port remote_port, std::function<void()> fired) override;
    void unbind(evtchn_port port) noexcept override;

    void notify(evtchn_port port) noexcept override { events_.notify(port); }

    result<void> add_fd(int fd, std::function<void()> ready, bool to_write) override;
    void remove_fd(int fd) noexcept override;
    void later(std::function<void()> what) override;
    std::string state_file(std::string_view name) const override;

    /// Of each device so many lines a minute.
    void log(std::string_view line) override;

private:
    using action = std::shared_ptr<std::function<void()> const>;

    backends(transport::doors& d,
             event_router& events,
             std::string folder,
             std::function<void(std::string_view)> log,
             os::poller fds,
             os::unique_fd wake,
             os::unique_fd clock)
        : doors_(d)
        , events_(events)
        , folder_(std::move(folder))
        , log_(std::move(log))
        , fds_(std::move(fds))
        , wake_(std::move(wake))
        , clock_(std::move(clock)) {}

    void note_activity() noexcept;

    transport::doors& doors_;
    event_router& events_;
    std::string folder_;
    std::function<void(std::string_view)> log_;
    line_limit lines_;
    os::poller fds_;
    os::unique_fd wake_;
    os::unique_fd clock_; ///< for the counts, which are written some time after they changed
    bool is_clock_set_ = false;
    bool is_active_ = false;
    std::map<int, action> ready_;
    std::vector<std::function<void()>> put_off_;
    std::map<evtchn_port, action> fired_;
    dev::switches switches_;
    std::vector<dev::backend_kind> kinds_; ///< the devices that this host serves
    std::unique_ptr<dev::backend_bus> bus_;
};

} // namespace xenpp::detail
