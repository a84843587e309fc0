// SPDX-License-Identifier: Apache-2.0
// What every transport checks of the pieces of a grant copy.
#pragma once

#include <xenpp/transport/doors.hpp>

#include <span>

namespace xenpp::transport {

/// EINVAL: a piece is not within a page.
result<void> check_pieces(domid d, std::span<grant_copy const> pieces);

} // namespace xenpp::transport
