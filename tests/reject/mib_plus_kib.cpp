// SPDX-License-Identifier: Apache-2.0
// Amounts of different units add only after a conversion that is spelt out.
// expect: no match for .operator\+.|invalid operands to binary expression
#include <xenpp/base/memory_size.hpp>

using namespace xenpp;

mib half() {
    return mib(1);
}

#ifndef REJECT
kib good(kib k) {
    return kib(half()) + k;
}
#else
kib bad(kib k) {
    return half() + k;
}
#endif
