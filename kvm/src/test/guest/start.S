# Entry of the memory guest, and the way by which further vCPUs come to it.
# The loader enters at the first byte in 64-bit mode: RDI = bytes of RAM, RSI = command line, RDX = vCPUs.
    .code64
    .section .start, "ax"
    .globl _start
_start:
    mov $stacks + 0x2000, %esp          # vCPU 0's stack: 8 KiB
    call guest_main
1:  hlt
    jmp 1b

# A vCPU that got INIT and SIPI with vector 0x07 starts at 0x7000 in real mode; the code is copied there.
# It takes the page tables and the GDT of vCPU 0, whose registers lie at 0x7f00.
    .globl trampoline, trampoline_end
    .code16
trampoline:
    cli
    xor %ax, %ax
    mov %ax, %ds
    lgdtl 0x7f08                        # limit and base, as vCPU 0 stored them
    mov %cr4, %eax
    or $0x620, %eax
    mov %eax, %cr4
    movl 0x7f00, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000033, %eax
    and $0x9fffffff, %eax               # caches on
    mov %eax, %cr0
    ljmpl $0x10, $further
trampoline_end:

    .code64
further:
    mov $0x18, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov 0x7f18, %edi                    # which vCPU this is
    mov %edi, %eax
    inc %eax
    shl $13, %eax
    lea stacks(%rax), %rsp
    call guest_further
1:  hlt
    jmp 1b

    .bss
    .balign 4096
stacks:
    .skip 0x2000 * 8
