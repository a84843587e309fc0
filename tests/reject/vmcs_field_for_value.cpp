// SPDX-License-Identifier: Apache-2.0
// A field of the VMCS is not the value in it.
// expect: could not convert|cannot convert|no matching (member )?function|no viable conversion
#include <xenpp/x86/vmcs.hpp>

using namespace xenpp;

struct cpu {
    std::uint64_t vmread(std::uint32_t field);
    void vmwrite(std::uint32_t field, std::uint64_t v);
};

#ifndef REJECT
void good(x86::vmcs_ref<cpu> v) {
    v.write(x86::vmcs::guest_rip, v.read(x86::vmcs::guest_rsp));
}
#else
void bad(x86::vmcs_ref<cpu> v) {
    v.write(x86::vmcs::guest_rip, x86::vmcs::guest_rsp);
}
#endif
