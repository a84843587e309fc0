// SPDX-License-Identifier: Apache-2.0
// Text that may be a guest's, made harmless to who reads it.
#pragma once

#include <string>
#include <string_view>

namespace xenpp {

/// Text to be shown or logged: of the control characters newline and tab alone are left, others and
/// what is not UTF-8 become "\x1b".
std::string printable(std::string_view text);

} // namespace xenpp
