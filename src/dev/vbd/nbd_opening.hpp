// SPDX-License-Identifier: Apache-2.0
// The way to an NBD server: a qemu-nbd of our own for QEMU's formats, or a server elsewhere.
#pragma once

#include <xenpp/dev/vbd/image.hpp>
#include <xenpp/dev/xenbus/backend.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <dev/vbd/nbd_host.hpp>
#include <dev/vbd/nbd_image.hpp>
#include <dev/vbd/nbd_server.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::dev::detail {

/// Connects without blocking; names of hosts are looked up elsewhere. Of an image that a qemu-nbd
/// of a killed process is about to close it waits for the lock to go.
class nbd_opening {
public:
    /// `opened` is called once there is an answer; the services outlive this object.
    nbd_opening(vbd_config config, backend_services& services, std::function<void()> opened);
    nbd_opening(nbd_opening const&) = delete;
    nbd_opening& operator=(nbd_opening const&) = delete;
    ~nbd_opening();

    /// The image, or why there is none; a null pointer: not yet.
    result<std::unique_ptr<block_image>> take();

private:
    using step = void (nbd_opening::*)();

    void start();
    result<void> start_server();
    result<void> start_lookup(std::string const& name);
    result<void> renew_handle();
    void connect_next();
    void event();
    void look_at_lookup();
    void wait_for(int fd, step then, bool to_write = false);
    void leave_fd() noexcept;
    void finish(std::optional<error> e);
    void try_later();
    error refusal(std::string_view words) const;

    vbd_config config_;
    backend_services& services_;
    std::function<void()> opened_;
    std::optional<nbd_server> server_;
    std::optional<host_lookup> lookup_;
    std::vector<std::string> uris_; ///< to be tried yet, the next one last
    nbd_connection handle_;
    os::unique_fd timer_;
    int waited_for_ = -1;
    unsigned tries_ = 0;
    bool is_finished_ = false;
    std::optional<error> error_;
};

} // namespace xenpp::dev::detail
