// SPDX-License-Identifier: Apache-2.0
// Which kind of image a disk is.
#pragma once

#include <xenpp/dev/vbd/image.hpp>
#include <xenpp/dev/xenbus/backend.hpp>

#include <dev/vbd/nbd_opening.hpp>

#include <functional>
#include <memory>

namespace xenpp::dev::detail {

/// Opens a disk's image: raw files and devices at once, the rest by and by.
class image_source {
public:
    /// The services outlive this object.
    explicit image_source(backend_services& services) noexcept : services_(services) {}

    /// As `image_opener`.
    result<std::unique_ptr<block_image>> open(vbd_config const& config,
                                              std::function<void()> opened);

private:
    backend_services& services_;
    std::unique_ptr<nbd_opening> under_way_;
};

} // namespace xenpp::dev::detail
