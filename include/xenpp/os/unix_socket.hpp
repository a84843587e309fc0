// SPDX-License-Identifier: Apache-2.0
// Unix sockets: stream and packet, non-blocking ends for an event loop.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <string>

namespace xenpp::os {

enum class socket_kind : bool {
    stream,
    packet
};

/// A non-blocking listening socket at `path`. A socket left by a dead process is replaced; the
/// caller holds a lock that says it may.
result<unique_fd> listen_unix(std::string const& path, socket_kind kind);

/// A blocking connection to `path`.
result<unique_fd> connect_unix(std::string const& path, socket_kind kind);

/// A non-blocking connection that waits at `listener`; an empty one if none does.
result<unique_fd> accept_unix(int listener);

/// Hands a copy of a descriptor to the peer, with one byte; and takes one that comes so.
result<void> send_descriptor(int socket, int fd);
result<unique_fd> receive_descriptor(int socket);

} // namespace xenpp::os
