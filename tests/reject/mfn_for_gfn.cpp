// SPDX-License-Identifier: Apache-2.0
// A machine frame cannot stand where a guest frame is meant.
// expect: could not convert|no known conversion|no matching function|invalid initialization
#include <xenpp/base/strong.hpp>

using namespace xenpp;

gpa address_of(gfn f) {
    return to_gpa(f);
}

#ifndef REJECT
gpa good(gfn f) {
    return address_of(f);
}
#else
gpa bad(mfn f) {
    return address_of(f);
}
#endif
