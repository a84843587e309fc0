// SPDX-License-Identifier: Apache-2.0
// The backend of one disk: rings on one side, an image on the other.
#pragma once

#include <xenpp/dev/vbd/image.hpp>
#include <xenpp/dev/xenbus/backend.hpp>

#include <functional>
#include <memory>

namespace xenpp::dev {

/// How a disk's image is opened. The answer may be a null pointer: it takes longer, and `opened`
/// will be called; then it is asked again.
using image_opener = std::function<result<std::unique_ptr<block_image>>(
    vbd_config const&, std::function<void()> opened)>;

/// The kind "vbd". Images are opened by `open_image`.
result<std::unique_ptr<backend>> make_vbd_backend(backend_context context);

/// The same, for tests that bring an image of their own.
std::unique_ptr<backend> make_vbd_backend(backend_context context, image_opener open);

/// The name of a disk's record of requests and counts in the state folder.
std::string vbd_record_name(device_address const& a);

} // namespace xenpp::dev
