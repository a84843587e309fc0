// SPDX-License-Identifier: Apache-2.0
// What a harness claims of its subject: libFuzzer keeps the input for which it does not hold.
#pragma once

#include <cstdlib>

namespace xenpp::fakes {

inline void must(bool holds) noexcept {
    if (!holds) {
        std::abort();
    }
}

} // namespace xenpp::fakes
