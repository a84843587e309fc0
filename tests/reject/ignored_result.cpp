// SPDX-License-Identifier: Apache-2.0
// A result that may be an error cannot be dropped.
// expect: nodiscard
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>

using namespace xenpp;

expected<int, errc> attempt() {
    return unexpected(errc::busy);
}

#ifndef REJECT
bool good() {
    return attempt().has_value();
}
#else
void bad() {
    attempt();
}
#endif
