// SPDX-License-Identifier: Apache-2.0
// What may fault for what a PV guest asks, and then gives false: copies from, to and over its
// addresses, and loading its selectors.

    .section .text

// bool pv_copy(void* rdi, void const* rsi, size_t rdx)
    .align 16
    .globl pv_copy
pv_copy:
    cmpq    $8, %rdx
    je      pv_copy_8
    cmpq    $4, %rdx
    je      pv_copy_4
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

// The same for a word of 8 or 4 bytes, in one access; changes nothing but rax.
    .macro copy_word size, suffix, register
    .align 16
    .globl pv_copy_\size
pv_copy_\size:
1:  mov\suffix    (%rsi), %\register
2:  mov\suffix    %\register, (%rdi)
    movl    $1, %eax
    ret
3:  xorl    %eax, %eax
    ret
    .pushsection .fixups, "a"
    .quad   1b, 3b
    .quad   2b, 3b
    .popsection
    .endm
    copy_word 8, q, rax
    copy_word 4, l, eax

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
