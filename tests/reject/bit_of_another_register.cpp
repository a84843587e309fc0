// SPDX-License-Identifier: Apache-2.0
// A bit of CR4 cannot be looked for in CR0.
// expect: no known conversion|cannot convert|could not convert|no viable conversion|no matching
#include <xenpp/x86/control_register.hpp>

using namespace xenpp;

namespace cr0 = x86::cr0;

#ifndef REJECT
bool good(cr0::value v) {
    return v.has(cr0::pg);
}
#else
bool bad(cr0::value v) {
    return v.has(x86::cr4::pae);
}
#endif
