// SPDX-License-Identifier: Apache-2.0
// An event channel's port is not a grant reference.
// expect: no match for .operator==.|invalid operands to binary expression
#include <xenpp/base/strong.hpp>

using namespace xenpp;

evtchn_port port() {
    return evtchn_port(3);
}

#ifndef REJECT
bool good(evtchn_port p) {
    return p == port();
}
#else
bool bad(grant_ref r) {
    return r == port();
}
#endif
