// SPDX-License-Identifier: Apache-2.0
// An image at the other end of an NBD connection.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/dev/vbd/image.hpp>
#include <xenpp/os/process.hpp>

#include <memory>
#include <optional>

struct nbd_handle;

namespace xenpp::dev::detail {

struct nbd_close_handle {
    std::optional<os::process> server; ///< has the image, if it is ours, until it ends

    void operator()(nbd_handle* h) const noexcept;
};

using nbd_connection = std::unique_ptr<nbd_handle, nbd_close_handle>;

/// The image behind a connection that is ready. Errors: what the server offers does not do.
result<std::unique_ptr<block_image>> make_nbd_image(nbd_connection handle, vbd_config const& c);

} // namespace xenpp::dev::detail
