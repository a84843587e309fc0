// SPDX-License-Identifier: Apache-2.0
// A result holds values; a reference in it would dangle.
// expect: hold a pointer instead of a reference
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>

using namespace xenpp;

int number();

#ifndef REJECT
int good() {
    expected<int, errc> const r(number());
    return *r;
}
#else
int bad(int& n) {
    expected<int&, errc> const r(n);
    return *r;
}
#endif
