// SPDX-License-Identifier: Apache-2.0
// hvm/hvm_vcpu.hpp against the installed xen/hvm/hvm_vcpu.h.
#include "same.hpp"

#include <xenpp/abi/hvm/hvm_vcpu.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/xen.h>
#include <xen/hvm/hvm_vcpu.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(vcpu_hvm_x86_32, vcpu_hvm_x86_32),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, eax),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, ecx),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, edx),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, ebx),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, esp),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, ebp),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, esi),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, edi),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, eip),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, eflags),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, cr0),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, cr3),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, cr4),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, pad1),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, efer),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, cs_base),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, ds_base),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, ss_base),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, es_base),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, tr_base),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, cs_limit),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, ds_limit),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, ss_limit),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, es_limit),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, tr_limit),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, cs_ar),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, ds_ar),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, ss_ar),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, es_ar),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, tr_ar),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_32, vcpu_hvm_x86_32, pad2),
    XENPP_SAME_STRUCT(vcpu_hvm_x86_64, vcpu_hvm_x86_64),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, rax),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, rcx),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, rdx),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, rbx),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, rsp),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, rbp),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, rsi),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, rdi),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, rip),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, rflags),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, cr0),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, cr3),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, cr4),
    XENPP_SAME_MEMBER(vcpu_hvm_x86_64, vcpu_hvm_x86_64, efer),
    XENPP_SAME_STRUCT(vcpu_hvm_context, vcpu_hvm_context),
    XENPP_SAME_MEMBER(vcpu_hvm_context, vcpu_hvm_context, mode),
    XENPP_SAME_MEMBER(vcpu_hvm_context, vcpu_hvm_context, pad),
    XENPP_SAME_MEMBER(vcpu_hvm_context, vcpu_hvm_context, cpu_regs.x86_32),
    XENPP_SAME_MEMBER(vcpu_hvm_context, vcpu_hvm_context, cpu_regs.x86_64),
    XENPP_SAME_MEMBER(vcpu_hvm_context, vcpu_hvm_context, cpu_regs),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(VCPU_HVM_MODE_32B, vcpu_hvm_mode_32b),
    XENPP_SAME_NUMBER(VCPU_HVM_MODE_64B, vcpu_hvm_mode_64b),
};
// clang-format on

} // namespace

TEST_CASE("abi.hvm_hvm_vcpu has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.hvm_hvm_vcpu has the numbers of the public header") {
    check(numbers);
}
