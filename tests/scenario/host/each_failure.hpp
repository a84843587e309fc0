// SPDX-License-Identifier: Apache-2.0
// Creations of which the first call fails, then the second, and so on: nothing is left of any.
#pragma once

#include "fakes/failing_doors.hpp"
#include "host_bed.hpp"

#include <catch2/catch.hpp>

#include <cstdint>

namespace xenpp::fakes {

/// Creates and starts a domain of `c` through `f`, while the n-th of `calls` fails, until one is
/// made without. All is as before after each; `judge` gets the outcome of each that met a failure.
/// Returns how many calls a creation has.
template <class Bed, class Judge>
std::uint64_t
fail_each(Bed& b, failing_host<Bed>& f, fuse& calls, config::domain_config const& c, Judge judge) {
    auto const before = b.look();
    for (std::uint64_t n = 0;; ++n) {
        calls.fail_at(n);
        auto made = f.host().create(c, {.start = true});
        bool const has_failed = calls.has_failed();
        calls.fail_never();
        if (made) {
            made->destroy().value();
        }
        INFO("call " << n);
        CHECK(b.look() == before);
        if (!has_failed) {
            REQUIRE(made);
            return n;
        }
        judge(made);
    }
}

} // namespace xenpp::fakes
