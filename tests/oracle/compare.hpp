// SPDX-License-Identifier: Apache-2.0
// The loop that holds two readers of one grammar against each other.
#pragma once

#include "oracle/oracle.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>

namespace oracle {

/// Makes one text after the other, and compares what the two sides say of it.
template <class Make, class Theirs, class Ours>
void compare(Make make, Theirs theirs, Ours ours) {
    generator from(seed());
    std::uint64_t accepted = 0;
    for (std::uint64_t i = 0; i < inputs(); ++i) {
        std::string const text = make(from);
        std::string const expected = theirs(text);
        accepted += expected == "refused" ? 0U : 1U;
        if (ours(text) != expected) {
            INFO("'" << shown(text) << "'");
            CHECK(ours(text) == expected);
        }
    }
    CHECK(accepted > inputs() / 20); // the generator makes good texts too
    CHECK(accepted < inputs() * 19 / 20);
}

} // namespace oracle
