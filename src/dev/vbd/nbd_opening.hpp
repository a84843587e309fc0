// SPDX-License-Identifier: Apache-2.0
// The way to an NBD server: a qemu-nbd of our own for QEMU's formats, or a server elsewhere.
#pragma once

#include <xenpp/dev/vbd/image.hpp>
#include <xenpp/dev/xenbus/backend.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <dev/vbd/nbd_image.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace xenpp::dev::detail {

/// Whether a disk's target is the URI of an NBD server.
bool is_nbd_uri(std::string_view target) noexcept;

/// Connects without blocking. A qemu-nbd of ours ends, and closes its image properly, when its one
/// client is gone: also when we are killed. Our successor then waits for its lock to go.
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
    void start();
    void event();
    void poll_fd();
    void leave_fd() noexcept;
    void finish(std::optional<error> e);
    void try_later();
    std::string server_words() const;
    std::string log_path() const;

    vbd_config config_;
    backend_services& services_;
    std::function<void()> opened_;
    nbd_connection handle_;
    os::unique_fd timer_;
    int polled_ = -1;
    unsigned tries_ = 0;
    bool is_finished_ = false;
    std::optional<error> error_;
};

} // namespace xenpp::dev::detail
