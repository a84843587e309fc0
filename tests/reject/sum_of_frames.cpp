// SPDX-License-Identifier: Apache-2.0
// Two positions have a distance and no sum.
// expect: no match for .operator\+.|invalid operands to binary expression
#include <xenpp/base/strong.hpp>

using namespace xenpp;

mfn first() {
    return mfn(1);
}

#ifndef REJECT
mfn good(mfn f) {
    return first() + (f - first());
}
#else
mfn bad(mfn f) {
    return first() + f;
}
#endif
