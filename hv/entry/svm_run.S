// SPDX-License-Identifier: Apache-2.0
// svm_run(guest_context*, physical address of the VMCB): one stay in the guest.
// rax and rsp travel in the VMCB.

#include "entry/context_offsets.inc"

    .section .text
    .align 16
    .globl svm_run
svm_run:
    pushq   %rbx
    pushq   %rbp
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    pushq   %rdi                // the context, for the way back
    movq    %rsi, %rax          // the VMCB
    clgi                        // nothing between here and the guest is interrupted
    sti                         // with V_INTR_MASKING this lets interrupts end the stay
    // Not right before VMRUN: QEMU's emulation would carry the shadow of this STI into the guest,
    // where it ends the shadow of a STI that comes first, and a HLT after it sleeps for ever.
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
    vmrun
    cli
    stgi
    pushq   %rdi
    movq    8(%rsp), %rdi
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
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbp
    popq    %rbx
    ret

    .section .note.GNU-stack, "", @progbits
