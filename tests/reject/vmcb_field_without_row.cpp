// SPDX-License-Identifier: Apache-2.0
// What the VMCB's table has no clean bit for is not set through the view.
// expect: VmcbWritable
#include <xenpp/x86/vmcb.hpp>

using namespace xenpp;

void run(x86::vmcb_ref v);

#ifndef REJECT
void good(x86::vmcb_ref v) {
    v.set<&x86::vmcb::n_cr3>({});
}
#else
void bad(x86::vmcb_ref v) {
    v.set<&x86::vmcb::exit_code>({});
}
#endif
