// SPDX-License-Identifier: Apache-2.0
// The seam between a xenstore client and what carries its messages.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/store/server.hpp>
#include <xenpp/store/wire.hpp>

#include <memory>
#include <optional>
#include <string>

namespace xenpp::store {

/// Carries messages to a server and back. One thread.
class connection {
public:
    connection() = default;
    connection(connection const&) = delete;
    connection& operator=(connection const&) = delete;
    virtual ~connection() = default;

    /// Sends a request and waits for its reply; events that come meanwhile are kept. `req_id` is
    /// the connection's own affair. An error is one of the transport; the server's come as
    /// messages of type `error`.
    virtual result<message> ask(message request) = 0;
    /// The next event; nothing if none came within `timeout_ms` (negative: wait for ever).
    virtual result<std::optional<message>> next_event(int timeout_ms) = 0;
    /// Readable when there may be events beyond those that `next_event(0)` already has; -1 if this
    /// transport has none.
    virtual int event_fd() const noexcept = 0;
};

/// Where clients expect the server: $XENSTORED_PATH, else $XENSTORED_RUNDIR/socket, else
/// /run/xenstored/socket if it exists, else /dev/xen/xenbus.
std::string default_server_path();

/// Over a Unix socket or the kernel's xenbus device.
result<std::unique_ptr<connection>> connect_path(std::string const& path);

/// Straight to a server in this process, which must outlive it. An event exists only after
/// whatever causes it ran, so waiting for one does not wait. A client that the server gave up
/// hears so from `next_event` as well.
std::unique_ptr<connection> connect_memory(server& s, domid self, bool is_privileged);

} // namespace xenpp::store
