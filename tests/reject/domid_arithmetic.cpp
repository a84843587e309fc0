// SPDX-License-Identifier: Apache-2.0
// Identities are not computed with.
// expect: no match for .operator\+.|invalid operands to binary expression
#include <xenpp/base/strong.hpp>

using namespace xenpp;

domid the_domain() {
    return dom0;
}

#ifndef REJECT
domid good() {
    return domid(static_cast<domid::rep>(the_domain().raw() + 1));
}
#else
domid bad() {
    return the_domain() + 1;
}
#endif
