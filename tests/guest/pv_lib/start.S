// SPDX-License-Identifier: Apache-2.0
// Where a PV test guest is entered: at its start, by exceptions, events and system calls.

    .section .note.Xen, "a", @note
    .align 4
    .macro note type, size, value:vararg
    .long 4, \size, \type
    .asciz "Xen"
    \value
    .align 4
    .endm
    note 6, 6, .asciz "xenpp"               // GUEST_OS
    note 5, 8, .asciz "xen-3.0"             // XEN_VERSION
    note 3, 8, .quad 0xffffffff80000000     // VIRT_BASE
    note 1, 8, .quad pv_entry               // ENTRY

    .section .text.start, "ax"
    .globl  pv_entry
pv_entry:
    cld
    leaq    stack_top(%rip), %rsp
    movq    %rsi, %rdi                      // start_info
    call    guest_main
    ud2

    // The other vCPUs start here, on a stack of their own; rdi is what they are to do.
    .globl  pv_second_entry
pv_second_entry:
    cld
    call    guest_second_main
    ud2

    // The hypervisor pushes rcx and r11, then what a processor would (Xen: arch-x86/xen.h). Each
    // stub makes that one shape: error code, vector.
    .macro stub vector, has_code
    .balign 32
    movq    (%rsp), %rcx
    movq    8(%rsp), %r11
    .if \has_code
    addq    $16, %rsp
    .else
    movq    $0, 8(%rsp)
    addq    $8, %rsp
    .endif
    pushq   $\vector
    jmp     common
    .endm

    .text
    .balign 32
    .globl  trap_stubs                      // 32 bytes each
trap_stubs:
    .altmacro
    .set    vector, 0
    .rept   32
    // #DF #TS #NP #SS #GP #PF #AC carry an error code.
    stub    %vector, %((0x00027d00 >> vector) & 1)
    .set    vector, vector + 1
    .endr
    .noaltmacro
    stub    0x80, 0                         // the stub after the exceptions' is int 0x80's
    .globl  event_stub
event_stub:
    stub    0x100, 0
    .globl  failsafe_stub                   // rcx, r11, ds, es, fs, gs, then the frame
failsafe_stub:
    movq    (%rsp), %rcx
    movq    8(%rsp), %r11
    addq    $40, %rsp
    movq    $0, (%rsp)
    pushq   $0x101
    jmp     common
    .balign 32
    .globl  syscall_stub
syscall_stub:
    stub    0x102, 0

common:
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
    cld
    movq    %rsp, %rdi
    movq    %rsp, %rbp
    andq    $-16, %rsp
    call    guest_trap
    movq    %rbp, %rsp
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
    addq    $16, %rsp                       // vector, error code
    pushq   $0                              // iret_context.flags
    .globl  do_iret
do_iret:
    pushq   %rcx
    pushq   %r11
    pushq   %rax
    movl    $23, %eax                       // iret
    syscall
    ud2

    // bool run_guarded(void (*f)(void*), void* argument): false when `f` was left by a fault. What
    // is to be kept is kept on the stack that guard_stack names.
    .globl  run_guarded
run_guarded:
    pushq   %rbx
    pushq   %rbp
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    pushq   guard_stack(%rip)
    movq    %rsp, guard_stack(%rip)
    movq    %rdi, %rax
    movq    %rsi, %rdi
    call    *%rax
    movl    $1, %eax
    jmp     1f
    .globl  guard_return                    // a fault comes here, on guard_stack
guard_return:
    xorl    %eax, %eax
1:  popq    guard_stack(%rip)
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbp
    popq    %rbx
    ret

    .bss
    .align 4096
    .skip 32768
    .globl  stack_top
stack_top:
    .align 8
    .globl  guard_stack
guard_stack:
    .skip 8

    .section .note.GNU-stack, "", @progbits
