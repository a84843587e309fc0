// SPDX-License-Identifier: Apache-2.0
// Exit information in the VMCS is not for writing.
// expect: WritableVmcsField
#include <xenpp/x86/vmcs.hpp>

using namespace xenpp;

struct cpu {
    std::uint64_t vmread(std::uint32_t field);
    void vmwrite(std::uint32_t field, std::uint64_t v);
};

#ifndef REJECT
void good(x86::vmcs_ref<cpu> v) {
    v.write(x86::vmcs::guest_rip, 0);
}
#else
void bad(x86::vmcs_ref<cpu> v) {
    v.write(x86::vmcs::exit_reason, 0);
}
#endif
