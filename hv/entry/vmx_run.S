// SPDX-License-Identifier: Apache-2.0
// vmx_run(guest_context*, launched): one stay in the guest of the current VMCS. Returns 0 after it,
// 1 where VM entry failed and there was none. rsp, rip and rflags travel in the VMCS.

#include "entry/context_offsets.inc"

    .set host_rsp, 0x6c14       // the VMCS field

    .section .text
    .align 16
    .globl vmx_run
vmx_run:
    pushq   %rbx
    pushq   %rbp
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    pushq   %rdi                // the context, for the way back
    movl    $host_rsp, %eax
    vmwrite %rsp, %rax
    testl   %esi, %esi          // no load below changes the flags
    movq    ctx_rax(%rdi), %rax
    movq    ctx_rbx(%rdi), %rbx
    movq    ctx_rcx(%rdi), %rcx
    movq    ctx_rdx(%rdi), %rdx
    movq    ctx_rsi(%rdi), %rsi
    movq    ctx_rbp(%rdi), %rbp
    movq    ctx_r8(%rdi),  %r8
    movq    ctx_r9(%rdi),  %r9
    movq    ctx_r10(%rdi), %r10
    movq    ctx_r11(%rdi), %r11
    movq    ctx_r12(%rdi), %r12
    movq    ctx_r13(%rdi), %r13
    movq    ctx_r14(%rdi), %r14
    movq    ctx_r15(%rdi), %r15
    movq    ctx_rdi(%rdi), %rdi
    jnz     1f
    vmlaunch
    jmp     2f
1:  vmresume
2:  movl    $1, %eax            // still here: the registers of the context are as they were
    addq    $8, %rsp
    jmp     3f

    .globl vmx_exit
vmx_exit:
    pushq   %rdi
    movq    8(%rsp), %rdi
    movq    %rax, ctx_rax(%rdi)
    movq    %rbx, ctx_rbx(%rdi)
    movq    %rcx, ctx_rcx(%rdi)
    movq    %rdx, ctx_rdx(%rdi)
    movq    %rsi, ctx_rsi(%rdi)
    movq    %rbp, ctx_rbp(%rdi)
    movq    %r8,  ctx_r8(%rdi)
    movq    %r9,  ctx_r9(%rdi)
    movq    %r10, ctx_r10(%rdi)
    movq    %r11, ctx_r11(%rdi)
    movq    %r12, ctx_r12(%rdi)
    movq    %r13, ctx_r13(%rdi)
    movq    %r14, ctx_r14(%rdi)
    movq    %r15, ctx_r15(%rdi)
    popq    %rax
    movq    %rax, ctx_rdi(%rdi)
    addq    $8, %rsp
    xorl    %eax, %eax
3:  popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbp
    popq    %rbx
    ret

    .section .note.GNU-stack, "", @progbits
