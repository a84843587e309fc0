// SPDX-License-Identifier: Apache-2.0
// A guest's address is not a pointer.
// expect: no match for .operator\*.|indirection requires pointer
#include <xenpp/abi/guest_handle.hpp>

using namespace xenpp;

using handle = abi::guest_handle<int>;

#ifndef REJECT
std::uint64_t good(handle h) {
    return h.p;
}
#else
int bad(handle h) {
    return *h;
}
#endif
