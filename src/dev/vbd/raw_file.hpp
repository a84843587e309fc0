// SPDX-License-Identifier: Apache-2.0
// A raw image's descriptor: opened, locked, measured.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/dev/vbd/image.hpp>
#include <xenpp/os/unique_fd.hpp>

namespace xenpp::dev::detail {

struct raw_file {
    os::unique_fd fd;
    image_info info;
    std::uint32_t alignment = 1; ///< of memory, offsets and lengths (O_DIRECT)
};

result<raw_file> open_raw_file(vbd_config const& config);

/// fallocate(2)'s mode for a discard.
int discard_mode() noexcept;

} // namespace xenpp::dev::detail
