// SPDX-License-Identifier: Apache-2.0
// The view of a VMCB reads through its arrow and never writes, so no clean bit is forgotten.
// expect: read-only|const-qualified|discards qualifiers
#include <xenpp/x86/vmcb.hpp>

using namespace xenpp;

std::uint64_t code(x86::vmcb_ref v) {
    return v->exit_code;
}

#ifndef REJECT
bool good(x86::vmcb_ref v) {
    return v->exit_code == 0;
}
#else
void bad(x86::vmcb_ref v) {
    v->exit_code = 0;
}
#endif
