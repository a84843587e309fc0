// SPDX-License-Identifier: Apache-2.0
// Ring 3 and back: pv_run enters a PV guest; SYSCALL comes back to pv_hypercall, traps and interrupts
// to pv_trap, which say whether to go on.
//
// While a guest runs, the stack of ring 0 (TSS.rsp0) is the end of its own guest_context: the
// processor pushes ss, rsp, rflags, cs and rip where they belong, the stub error and vector. SYSCALL
// pushes nothing; a stub for each CPU knows where to go.

#include "entry/context_offsets.inc"

    .set flat_code, 0xe033      // abi::flat_ring3_cs64
    .set flat_code32, 0xe023
    .set flat_stack, 0xe02b
    .set vector_syscall32, 257  // pv_vcpu.cpp has the same numbers
    .set may_sysret, 1          // guest_context::entry
    .set kept_registers, 2
    .set slot_size, 64
    .set most_cpus, 64
    .set stub_size, 32

    .section .text

// The registers that C++ does not preserve, but for those in the processor's frame, rdi, rcx and r11.
    .macro save_call_registers
    movq    %rax, ctx_rax(%rdi)
    movq    %rdx, ctx_rdx(%rdi)
    movq    %rsi, ctx_rsi(%rdi)
    movq    %r8,  ctx_r8(%rdi)
    movq    %r9,  ctx_r9(%rdi)
    movq    %r10, ctx_r10(%rdi)
    .endm

// From the end of the frame that the processor and the stub pushed to the hypervisor's own stack.
    .macro begin_trap
    movq    %rdi, ctx_rdi - ctx_vector(%rsp)
    leaq    -ctx_vector(%rsp), %rdi
    movq    %rcx, ctx_rcx(%rdi)
    movq    %r11, ctx_r11(%rdi)
    movq    ctx_host_sp(%rdi), %rsp
    movq    $kept_registers, ctx_entry(%rdi)
    cld
    .endm

// pv_run(guest_context* rdi, vcpu* rsi, percpu* rdx): until pv_hypercall or pv_trap gives false.
    .align 16
    .globl pv_run
pv_run:
    pushq   %rbx
    pushq   %rbp
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    pushq   %rdx                // 16(%rsp) from here on
    pushq   %rsi                // 8(%rsp)
    pushq   %rdi                // (%rsp)
    movq    %rsp, ctx_host_sp(%rdi)

resume_all:                     // rdi: the context, which has everything
    movq    ctx_rbx(%rdi), %rbx
    movq    ctx_rbp(%rdi), %rbp
    movq    ctx_r12(%rdi), %r12
    movq    ctx_r13(%rdi), %r13
    movq    ctx_r14(%rdi), %r14
    movq    ctx_r15(%rdi), %r15
    testb   $may_sysret, ctx_entry(%rdi)
    jz      by_iret
by_sysret:
    // SYSRET to an address that is not canonical faults in ring 0, on the guest's stack.
    movq    ctx_rip(%rdi), %rcx
    movabsq $1 << 47, %r11
    addq    %rcx, %r11
    shrq    $48, %r11
    jnz     by_iret
    movq    ctx_rflags(%rdi), %r11
    movq    ctx_rax(%rdi), %rax
    movq    ctx_rdx(%rdi), %rdx
    movq    ctx_rsi(%rdi), %rsi
    movq    ctx_r8(%rdi),  %r8
    movq    ctx_r9(%rdi),  %r9
    movq    ctx_r10(%rdi), %r10
    movq    ctx_rsp(%rdi), %rsp // only what has a stack of its own can strike from here on
    movq    ctx_rdi(%rdi), %rdi
    sysretq

by_iret:
    pushq   ctx_ss(%rdi)
    pushq   ctx_rsp(%rdi)
    pushq   ctx_rflags(%rdi)
    pushq   ctx_cs(%rdi)
    pushq   ctx_rip(%rdi)
    movq    ctx_rax(%rdi), %rax
    movq    ctx_rcx(%rdi), %rcx
    movq    ctx_rdx(%rdi), %rdx
    movq    ctx_rsi(%rdi), %rsi
    movq    ctx_r8(%rdi),  %r8
    movq    ctx_r9(%rdi),  %r9
    movq    ctx_r10(%rdi), %r10
    movq    ctx_r11(%rdi), %r11
    movq    ctx_rdi(%rdi), %rdi
1:  iretq                       // faults at what the guest asked for: selectors, addresses
2:  addq    $40, %rsp           // its frame; nothing of the guest is lost
    movq    8(%rsp), %rdi
    movq    16(%rsp), %rsi
    call    pv_iret_failed
    jmp     go_on
    .pushsection .fixups, "a"
    .quad   1b, 2b
    .popsection

// From the vector stubs: an exception or interrupt in ring 3. rsp is at the context's vector.
    .align 16
    .globl guest_trap
guest_trap:
    begin_trap
save_rest:
    save_call_registers
    movq    %rbx, ctx_rbx(%rdi)
    movq    %rbp, ctx_rbp(%rdi)
    movq    %r12, ctx_r12(%rdi)
    movq    %r13, ctx_r13(%rdi)
    movq    %r14, ctx_r14(%rdi)
    movq    %r15, ctx_r15(%rdi)
call_trap:
    movq    8(%rsp), %rdi
    movq    16(%rsp), %rsi
    call    pv_trap
    jmp     go_on

// Likewise by INT3, INTO or INT 0x80, for which no instruction is carried out.
    .align 16
    .globl guest_gate
guest_gate:
    begin_trap
    save_call_registers
    movq    8(%rsp), %rdi
    movq    16(%rsp), %rsi
    call    pv_open_gate
    jmp     go_on

// A hypercall, or SYSCALL of a process.
    .align 16
from_syscall:                   // rsp is at the context's rsp
    pushq   %r11                // rflags
    pushq   $flat_code
    pushq   %rcx                // rip
    movq    %rdi, ctx_rdi - ctx_rip(%rsp)
    leaq    -ctx_rip(%rsp), %rdi
    movq    ctx_host_sp(%rdi), %rsp
    movq    $flat_stack, ctx_ss(%rdi)
    movq    $may_sysret | kept_registers, ctx_entry(%rdi)
    save_call_registers
    movq    8(%rsp), %rdi
    movq    16(%rsp), %rsi
    call    pv_hypercall
go_on:
    movq    (%rsp), %rdi
    testb   %al, %al
    jz      leave
    cmpb    $kept_registers, ctx_entry(%rdi)
    ja      by_sysret           // both of the flags
    je      by_iret
    jmp     resume_all
leave:
    testb   $kept_registers, ctx_entry(%rdi)
    jz      1f
    movq    %rbx, ctx_rbx(%rdi) // a hypercall left them where they were
    movq    %rbp, ctx_rbp(%rdi)
    movq    %r12, ctx_r12(%rdi)
    movq    %r13, ctx_r13(%rdi)
    movq    %r14, ctx_r14(%rdi)
    movq    %r15, ctx_r15(%rdi)
1:  addq    $24, %rsp
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbp
    popq    %rbx
    ret

// pv_handle_saved(guest_context*): for a trap that came on another stack, when the context is
// complete.
    .globl pv_handle_saved
pv_handle_saved:
    movq    ctx_host_sp(%rdi), %rsp
    jmp     call_trap

// SYSCALL, per CPU: the guest's rsp into the context's field, which the slot knows the end of.
    .macro syscall_stub cpu, to
    .align  stub_size
    movq    %rsp, pv_slots + slot_size * \cpu(%rip)
    movq    pv_slots + slot_size * \cpu + 8(%rip), %rsp
    pushq   pv_slots + slot_size * \cpu(%rip)
    jmp     \to
    .endm

    .align  stub_size
    .globl  pv_syscall_stubs, pv_syscall32_stubs
pv_syscall_stubs:
    .set i, 0
    .rept most_cpus
    syscall_stub i, from_syscall
    .set i, i + 1
    .endr
    .align  stub_size
pv_syscall32_stubs:
    .set i, 0
    .rept most_cpus
    syscall_stub i, from_syscall32
    .set i, i + 1
    .endr

    .align 16
from_syscall32:
    pushq   %r11
    pushq   $flat_code32
    pushq   %rcx
    movq    %rdi, ctx_rdi - ctx_rip(%rsp)
    leaq    -ctx_rip(%rsp), %rdi
    movq    ctx_host_sp(%rdi), %rsp
    movq    $vector_syscall32, ctx_vector(%rdi)
    movq    $flat_stack, ctx_ss(%rdi)
    movq    $kept_registers, ctx_entry(%rdi)
    jmp     save_rest

    .bss
    .align  64
    .globl  pv_slots
pv_slots:                       // for each CPU: scratch, and the address of the context's ss
    .skip   slot_size * most_cpus

    .section .note.GNU-stack, "", @progbits
