// SPDX-License-Identifier: Apache-2.0
// The time, as the programs that run inside of guests want it.
#pragma once

#include <time.h>

/// Seconds since some moment; never steps back.
inline double now() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}
