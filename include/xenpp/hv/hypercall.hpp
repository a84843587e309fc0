// SPDX-License-Identifier: Apache-2.0
// What a hypercall's handler receives and returns.
#pragma once

#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv {

/// The arguments as the caller's registers held them, widened to 64 bits. A handler that returns
/// `errc::restart` first writes its progress here: the call is made again with these arguments.
struct hypercall_args {
    std::array<std::uint64_t, 6> arg{};
};

/// The non-negative return value, or the error; `errc::restart` means "call again".
using hypercall_result = expected<std::uint64_t, errc>;

} // namespace xenpp::hv
