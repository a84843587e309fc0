// SPDX-License-Identifier: Apache-2.0
// What may fault for what a PV guest asks, and then gives false: copies from, to and over its
// addresses (pv_access.hpp has those of a few words), and loading its selectors.

    .section .text

// bool pv_copy(void* rdi, void const* rsi, size_t rdx)
    .align 16
    .globl pv_copy
pv_copy:
    movq    %rdx, %rcx
    shrq    $3, %rcx
1:  rep movsq
    movl    %edx, %ecx
    andl    $7, %ecx
2:  rep movsb
    movl    $1, %eax
    ret
3:  xorl    %eax, %eax
    ret
    .pushsection .fixups, "a"
    .quad   1b, 3b
    .quad   2b, 3b
    .popsection

// Does what another CPU waits for, before a copy; changes no register.
    .align 16
    .globl pv_flush_first
pv_flush_first:
    .irp    r, rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11
    pushq   %\r
    .endr
    call    pv_flush_wanted
    .irp    r, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax
    popq    %\r
    .endr
    ret

// bool pv_zero(void* rdi, size_t rsi)
    .align 16
    .globl pv_zero
pv_zero:
    xorl    %eax, %eax
    movq    %rsi, %rcx
    shrq    $3, %rcx
1:  rep stosq
    movl    %esi, %ecx
    andl    $7, %ecx
2:  rep stosb
    incl    %eax
    ret
3:  xorl    %eax, %eax
    ret
    .pushsection .fixups, "a"
    .quad   1b, 3b
    .quad   2b, 3b
    .popsection

// bool pv_load_XS(uint16_t di): a selector that cannot be loaded becomes null.
    .macro load_segment register
    .align 16
    .globl pv_load_\register
pv_load_\register:
    movl    $1, %eax
1:  movw    %di, %\register
    ret
2:  xorl    %eax, %eax
    movw    %ax, %\register
    ret
    .pushsection .fixups, "a"
    .quad   1b, 2b
    .popsection
    .endm
    load_segment ds
    load_segment es
    load_segment fs
    load_segment gs

    .section .note.GNU-stack, "", @progbits
