// SPDX-License-Identifier: Apache-2.0
// A qemu-nbd of our own, which serves an image of QEMU's formats to us alone.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/dev/vbd/config.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <string>

namespace xenpp::dev::detail {

/// It has our connection before it runs, and nobody else can make one. Until `is_met`, it does not
/// outlive this object, nor us if we are killed. From then on it ends, and closes its image
/// properly, when its one client is gone: also when we are killed. (A server that libnbd starts
/// leaves a folder in /tmp and itself, with its image locked, if we are killed before they met.)
class nbd_server {
public:
    /// `name` is free for a moment, in a folder of ours; nothing is left there.
    static result<nbd_server> start(vbd_config const& c, std::string const& name);

    nbd_server(nbd_server&&) noexcept = default;
    nbd_server& operator=(nbd_server&&) = delete;
    ~nbd_server();

    os::unique_fd take_connection() noexcept { return std::move(connection_); }

    /// Our connection has been greeted. The process, for who waits for its end.
    os::process is_met();

    /// What it complained about, in one line.
    std::string words() const;

private:
    nbd_server() noexcept = default;

    os::unique_fd connection_;
    os::unique_fd bond_; ///< closed without a word, it is the end of a server that was not met
    os::unique_fd log_;
    os::process process_;
};

} // namespace xenpp::dev::detail
