// SPDX-License-Identifier: Apache-2.0
// From the two entries (32-bit, paging off) to the C++ world in long mode: PVH with EBX =
// hvm_start_info, multiboot2 with EBX = its boot information.

    .set image_offset, 0xffff82d040000000
    .set stack_size, 65536

// A symbol's physical address.
#define PHYS(symbol) (symbol - image_offset)

    .section .note.Xen, "a", @note
    .align 4
    .long 4, 8, 18              // XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad PHYS(pvh_entry)

// Multiboot2's header (specification 2.0, 3.1): 32-bit entry, modules on pages of their own.
    .section .multiboot, "a"
    .align 8
multiboot2_header:
    .set multiboot2_magic, 0xe85250d6
    .set multiboot2_size, multiboot2_end - multiboot2_header
    .long multiboot2_magic, 0, multiboot2_size, -(multiboot2_magic + multiboot2_size)
    .short 3, 0                 // entry address
    .long 12, PHYS(multiboot2_entry)
    .align 8
    .short 6, 0                 // module alignment
    .long 8
    .short 0, 0                 // end
    .long 8
multiboot2_end:

    .section .text.boot, "ax"
    .code32
    .globl pvh_entry
// Not told apart by EAX: who enters by PVH may leave multiboot's number there.
multiboot2_entry:
    movl    $1, %esi
    jmp     1f
pvh_entry:
    xorl    %esi, %esi
1:  cli
    cld
    movl    %ebx, %ebp          // hvm_start_info
    movl    $PHYS(boot_stack_top), %esp

    // Two mappings of the first GiB with 2 MiB pages: identity, and at image_offset.
    movl    $PHYS(boot_pd), %edi
    movl    $0x83, %eax         // present, writable, large
    movl    $512, %ecx
1:  movl    %eax, (%edi)
    movl    $0, 4(%edi)
    addl    $0x200000, %eax
    addl    $8, %edi
    loop    1b
    movl    $PHYS(boot_pd) + 3, PHYS(boot_pdpt_low)
    movl    $PHYS(boot_pd) + 3, PHYS(boot_pdpt_image) + 8 * ((0x82d040000000 >> 30) & 511)
    movl    $PHYS(boot_pdpt_low) + 3, PHYS(boot_pml4)
    movl    $PHYS(boot_pdpt_image) + 3, PHYS(boot_pml4) + 8 * ((0x82d040000000 >> 39) & 511)

    call    enter_long_mode
    lgdt    PHYS(boot_gdt_pointer)
    ljmp    $8, $PHYS(1f)
    .code64
1:  movw    $16, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %ss
    xorl    %eax, %eax
    movw    %ax, %fs
    movw    %ax, %gs
    movabsq $2f, %rax
    jmp     *%rax
2:  movabsq $boot_stack_top, %rsp
    movl    %ebp, %edi          // and esi: whether it is multiboot2's
    call    boot_main
    ud2

    // Paging, long mode and no-execute on; returns still in 32-bit code.
    .code32
enter_long_mode:
    movl    $PHYS(boot_pml4), %eax
    movl    %eax, %cr3
    movl    %cr4, %eax
    orl     $0x20, %eax         // PAE
    movl    %eax, %cr4
    movl    $0xc0000080, %ecx   // EFER
    rdmsr
    orl     $0x900, %eax        // LME, NXE
    wrmsr
    movl    %cr0, %eax
    orl     $0x80010001, %eax   // PG, WP, PE
    andl    $0x9fffffff, %eax   // CD, NW off
    movl    %eax, %cr0
    ret

// The start of another CPU, copied to a page below 1 MiB; runs there in real mode. The last words
// of the page are filled by smp.cpp: the CPU's stack.
    .globl ap_trampoline, ap_trampoline_end, ap_stack_slot
    .set trampoline_base, 0x8000
#define LOW(symbol) (trampoline_base + symbol - ap_trampoline)
    .code16
ap_trampoline:
    cli
    cld
    xorw    %ax, %ax
    movw    %ax, %ds
    lgdtl   LOW(ap_gdt_pointer)
    movl    %cr0, %eax
    orl     $1, %eax
    movl    %eax, %cr0
    ljmpl   $24, $LOW(ap_protected)
    .code32
ap_protected:
    movw    $16, %ax
    movw    %ax, %ds
    movw    %ax, %ss
    movl    $PHYS(enter_long_mode), %eax
    movl    $LOW(ap_scratch_top), %esp
    call    *%eax
    ljmp    $8, $LOW(ap_long)
    .code64
ap_long:
    movw    $16, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %ss
    movq    LOW(ap_stack_slot), %rsp
    movabsq $ap_main, %rax
    jmp     *%rax
    .align 8
ap_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .long PHYS(boot_gdt)
    .align 8
ap_stack_slot:
    .quad 0
    .skip 32
ap_scratch_top:
ap_trampoline_end:

    .section .data
    .align 16
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff    // 08: 64-bit code
    .quad 0x00cf93000000ffff    // 10: data
    .quad 0x00cf9b000000ffff    // 18: 32-bit code
boot_gdt_end:
boot_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .quad PHYS(boot_gdt)

    .section .bss
    .align 4096
    .globl boot_pml4
boot_pml4:       .skip 4096
boot_pdpt_low:   .skip 4096
    .globl boot_pdpt_image
boot_pdpt_image: .skip 4096
boot_pd:         .skip 4096
    .align stack_size
    .globl boot_stack
boot_stack:
    .skip stack_size - 16
boot_stack_top:
    .skip 16

    .section .note.GNU-stack, "", @progbits
