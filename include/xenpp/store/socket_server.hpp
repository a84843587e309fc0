// SPDX-License-Identifier: Apache-2.0
// The Unix socket on which tools reach the server; no thread, no blocking call.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/store/server.hpp>

#include <map>
#include <memory>
#include <string>

namespace xenpp::store {

/// Listens and serves. All that connect are the control domain's: the socket's mode is 0600, so
/// the file system decides who may. A client whose replies pile up is not read from; one that
/// leaves its events unread for too long is disconnected.
class socket_server {
public:
    /// While more than this waits for a client, its requests wait too.
    static constexpr std::size_t output_limit = 64 * 1024;

    /// Replaces a socket of that name; whoever calls has made sure that nobody serves it.
    static result<socket_server> listen(std::string path, server& s);

    socket_server(socket_server&& other) noexcept;
    socket_server& operator=(socket_server&&) = delete;
    socket_server(socket_server const&) = delete;
    socket_server& operator=(socket_server const&) = delete;
    ~socket_server();

    /// Readable when `receive` has something to do.
    int event_fd() const noexcept { return epoll_; }

    /// Accepts, reads and executes what is there. Changes must be journalled before `send`.
    result<void> receive();
    /// Writes what waits for the clients, as far as they take it.
    void send();

    /// Looks for clients again, if there was no descriptor for one.
    void accept_again() { watch_listener(true); }

    std::size_t clients() const noexcept { return clients_.size(); }

private:
    struct client {
        connection_id id;
        assembler in;
        std::uint32_t interest = 0;
        bool is_stalled = false; ///< has whole requests that wait for room in the output
    };

    socket_server(std::string path, server& s) : path_(std::move(path)), server_(&s) {}

    void accept_all();
    /// False: the client is to go.
    bool read_from(int fd, client& c);
    bool execute(client& c);
    bool write_to(int fd, client& c);
    void drop(int fd);
    void watch_listener(bool is_on);

    std::string path_;
    server* server_;
    int listener_ = -1;
    int epoll_ = -1;
    bool is_listening_ = true;
    std::map<int, client> clients_;
};

} // namespace xenpp::store
