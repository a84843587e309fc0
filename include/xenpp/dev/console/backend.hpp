// SPDX-License-Identifier: Apache-2.0
// The backend of one domain's console: between the ring, the log and the terminal.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/dev/console/log.hpp>
#include <xenpp/dev/console/ring.hpp>
#include <xenpp/dev/console/terminal.hpp>

#include <functional>
#include <string>

namespace xenpp::dev {

/// The domain's page is somebody else's to map, and its event channel to bind; both must be there
/// for as long as this object.
class console_backend {
public:
    struct config {
        console_owner owner;
        std::string folder; ///< of the logs
        std::size_t terminal_limit = console_terminal::default_limit;
    };

    /// `notify` sends the domain's event.
    static result<console_backend>
    start(config c, abi::xencons_interface& page, std::function<void()> notify);

    /// The domain's event came; also to be called once at first. An error is for the log of the
    /// host: something is lost from the domain's, or it broke its ring.
    result<void> ring_event();

    /// The terminal can be read or written.
    void terminal_event();

    console_terminal const& terminal() const noexcept { return terminal_; }

    /// Whether the ring has room for what is typed. While not, `terminal().fd()` is not to be
    /// polled for reading: the next `ring_event` sees to it.
    bool wants_input() const noexcept { return has_input_room_ && !ring_.is_broken(); }

    /// A domain that broke its ring is served no more.
    bool is_broken() const noexcept { return ring_.is_broken(); }

    result<void> rename(std::string name) { return log_.rename(std::move(name)); }

    /// Takes what the domain, which is gone or going, wrote last.
    void finish();

private:
    console_backend(console_ring ring,
                    console_log log,
                    console_terminal terminal,
                    std::function<void()> notify)
        : ring_(ring)
        , log_(std::move(log))
        , terminal_(std::move(terminal))
        , notify_(std::move(notify)) {}

    result<bool> take_output();
    bool put_input();

    console_ring ring_;
    console_log log_;
    console_terminal terminal_;
    std::function<void()> notify_;
    bool has_input_room_ = true;
};

} // namespace xenpp::dev
