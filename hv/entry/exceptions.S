// SPDX-License-Identifier: Apache-2.0
// One stub a vector: makes the frame uniform, saves the registers, calls handle_vector. What strikes
// in ring 3 goes to guest_trap or guest_gate (pv_run.S), but for the vectors with a stack of their own.

    .section .text
    .set stub_size, 32          // exceptions.cpp has the same number
    .macro vector_stub n
    .org    vector_stubs + stub_size * \n
    .if !((\n == 8) || (\n >= 10 && \n <= 14) || (\n == 17) || (\n == 21) || (\n == 29) || (\n == 30))
    pushq   $0                  // no error code from the processor
    .endif
    pushq   $\n
    .if (\n == 1) || (\n == 2) || (\n == 8) || (\n == 18)
    jmp     save_and_handle
    .else
    testb   $3, 24(%rsp)        // the interrupted code's selector
    .if (\n == 3) || (\n == 4) || (\n == 0x80)
    jnz     guest_gate          // what a guest's program may raise by an instruction
    .else
    jnz     guest_trap
    .endif
    jmp     save_and_handle
    .endif
    .endm

    .align stub_size
    .globl vector_stubs
vector_stubs:
    .set i, 0
    .rept 256
    vector_stub i
    .set i, i + 1
    .endr
    .org    vector_stubs + stub_size * 256

save_and_handle:
    pushq   %rax
    pushq   %rcx
    pushq   %rdx
    pushq   %rbx
    pushq   %rbp
    pushq   %rsi
    pushq   %rdi
    pushq   %r8
    pushq   %r9
    pushq   %r10
    pushq   %r11
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    movq    %rsp, %rdi
    cld
    call    handle_vector
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %r11
    popq    %r10
    popq    %r9
    popq    %r8
    popq    %rdi
    popq    %rsi
    popq    %rbp
    popq    %rbx
    popq    %rdx
    popq    %rcx
    popq    %rax
    addq    $16, %rsp
    iretq

    .section .note.GNU-stack, "", @progbits
