// SPDX-License-Identifier: Apache-2.0
// A process that can open nothing more, for as long as this lives.
#pragma once

#include <sys/resource.h>

namespace xenpp::fakes {

class no_descriptors {
public:
    no_descriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit const none{3, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }

    no_descriptors(no_descriptors const&) = delete;
    no_descriptors& operator=(no_descriptors const&) = delete;

    ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

} // namespace xenpp::fakes
