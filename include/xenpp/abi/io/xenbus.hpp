// SPDX-License-Identifier: Apache-2.0
// The states that both ends of a device go through; public header io/xenbus.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// The value of a node "state".
// clang-format off
enum class xenbus_state : std::uint32_t {
    unknown       = 0,
    initialising  = 1,
    init_wait     = 2,
    initialised   = 3,
    connected     = 4,
    closing       = 5,
    closed        = 6,
    reconfiguring = 7,
    reconfigured  = 8,
};
// clang-format on

} // namespace xenpp::abi
