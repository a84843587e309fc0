// SPDX-License-Identifier: Apache-2.0
// The PVH entry of a test guest: from 32-bit code without paging to guest_main in long mode.

    .section .note.Xen, "a", @note
    .align 4
    .long 4, 8, 18              // XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad pvh_entry

    .section .text.start, "ax"
    .code32
    .globl  pvh_entry
pvh_entry:
    cli
    cld
    movl    $stack_top, %esp

    // The low 4 GiB, each address where it is, in 2 MiB pages: the console's page is near the top.
    movl    $directories, %edi
    movl    $0x83, %eax         // present, writable, large
1:  movl    %eax, (%edi)
    addl    $8, %edi
    addl    $0x200000, %eax
    jnc     1b
    movl    $directories + 0x0003, pointers
    movl    $directories + 0x1003, pointers + 8
    movl    $directories + 0x2003, pointers + 16
    movl    $directories + 0x3003, pointers + 24
    movl    $pointers + 3, root

    movl    $0x20, %eax         // CR4.PAE
    movl    %eax, %cr4
    movl    $root, %eax
    movl    %eax, %cr3
    movl    $0xc0000080, %ecx   // EFER
    rdmsr
    orl     $0x100, %eax        // LME
    wrmsr
    movl    $0x80010001, %eax   // CR0: PG, WP, PE
    movl    %eax, %cr0
    lgdt    descriptors_pointer
    ljmp    $8, $1f

    .code64
1:  movw    $16, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %ss
    call    guest_main
    ud2

    .section .rodata
    .align 8
descriptors:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
descriptors_pointer:
    .word . - descriptors - 1
    .long descriptors

    .bss
    .align 4096
root:
    .skip 4096
pointers:
    .skip 4096
directories:
    .skip 4 * 4096
    .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits
