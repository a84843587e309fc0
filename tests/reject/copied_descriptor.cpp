// SPDX-License-Identifier: Apache-2.0
// A descriptor has one owner.
// expect: deleted
#include <xenpp/os/unique_fd.hpp>

using namespace xenpp;

os::unique_fd make();

#ifndef REJECT
os::unique_fd good(os::unique_fd f) {
    return f;
}
#else
os::unique_fd bad(os::unique_fd const& f) {
    return f;
}
#endif
