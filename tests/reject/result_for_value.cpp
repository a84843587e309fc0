// SPDX-License-Identifier: Apache-2.0
// A result is no value before somebody looked.
// expect: cannot convert|could not convert|no viable conversion
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>

using namespace xenpp;

expected<int, errc> attempt() {
    return 3;
}

#ifndef REJECT
int good() {
    return *attempt();
}
#else
int bad() {
    int const v = attempt();
    return v;
}
#endif
