// SPDX-License-Identifier: Apache-2.0
// The names of ring layouts in xenstore; public header io/protocols.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// The value of a node "protocol".
inline constexpr char io_proto_abi_x86_32[] = "x86_32-abi";
inline constexpr char io_proto_abi_x86_64[] = "x86_64-abi";
inline constexpr char io_proto_abi_arm[] = "arm-abi";

/// The layout of a 64-bit x86 guest: that of the structures here.
inline constexpr char io_proto_abi_native[] = "x86_64-abi";

} // namespace xenpp::abi
