// SPDX-License-Identifier: Apache-2.0
// Closing descriptors.
#include <xenpp/os/unique_fd.hpp>

#include <unistd.h>

namespace xenpp::os {

void unique_fd::reset(int fd) noexcept {
    if (fd_ >= 0) {
        ::close(fd_); // an error here is about data already handed over; nothing can be done
    }
    fd_ = fd;
}

} // namespace xenpp::os
