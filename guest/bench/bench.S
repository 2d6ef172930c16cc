/*
 * bench.elf: round trips of 64-bit kernels.  Windows' selectors; the handlers do nothing but return.
 *
 *   empty    nothing: what reading the clock twice costs
 *   syscall  SYSCALL and SYSRETQ
 *   int2e    INT 2Eh and IRETQ
 *   wow64    32-bit code: far JMP to 64-bit code, SYSCALL, SYSRETQ, far JMP back
 *   exit     ring 0: an OUT to a port where nothing is, which ends in the VMM
 */
#include "bench.h"
#include "nt.h"

#define CS64_USER               (KGDT64_R3_CODE | NT_RPL_USER)
#define CS32_USER               (KGDT64_R3_CMCODE | NT_RPL_USER)
#define SS_USER                 (KGDT64_R3_DATA | NT_RPL_USER)

	begin
	mov	%eax, routine
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	$X86_CR4_PAE, %eax
	mov	%eax, %cr4
	write_msr X86_MSR_EFER, 0, (X86_EFER_LME | X86_EFER_SCE)
	mov	$(X86_CR0_PG | X86_CR0_PE | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP), %eax
	mov	%eax, %cr0
	lgdt	gdt_register
	ljmp	$KGDT64_R0_CODE, $in_64
	define_parse
	name	"empty", empty
	name	"syscall", syscalls
	name	"int2e", int2e
	name	"wow64", wow64
	name	"exit", exits
	.balign	16
	.quad	0

	.code64
in_64:	mov	$KGDT64_R0_DATA, %eax
	mov	%eax, %ss
	mov	$SS_USER, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	$KGDT64_SYS_TSS, %eax
	ltr	%ax
	lidt	idt_register
	write_msr X86_MSR_STAR, NT_STAR_HIGH, 0
	write_msr X86_MSR_LSTAR, 0, handler
	write_msr X86_MSR_CSTAR, 0, handler
	write_msr X86_MSR_FMASK, 0, NT_FMASK
	mov	$times, %edi
	mov	routine, %eax
	cmp	$exits, %eax
	je	exits
	mov	$CS64_USER, %ecx
	mov	$CS32_USER, %edx
	cmp	$wow64, %eax
	cmove	%edx, %ecx
	pushq	$SS_USER
	pushq	$user_stack
	pushq	$FLAGS_USER
	pushq	%rcx
	pushq	%rax
	iretq

	.globl	handler, int_handler
	.type	handler, @function
	.type	int_handler, @function
handler:
	sysretq
int_handler:
	iretq

empty:	trip
	trip_end

	.globl	syscalls
	.type	syscalls, @function
syscalls:
	trip
	syscall
	trip_end

int2e:	trip
	int	$VECTOR_SERVICE
	trip_end

	.code32
wow64:	trip
	ljmp	$CS64_USER, $1f
	.code64
1:	syscall
	ljmp	*back
	.code32
in_32:	trip_end
	.code64

/* In ring 0. */
exits:	trip
	out	%al, $0x80
	trip_end

	define_report
	ud2

	.balign	16
	.balign	16
gdt:	.quad	0, 0
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE, X86_DESC_G | X86_DESC_L)
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA, X86_DESC_G | X86_DESC_DB)
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE | X86_DESC_DPL3, X86_DESC_G | X86_DESC_DB)
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA | X86_DESC_DPL3, X86_DESC_G | X86_DESC_DB)
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE | X86_DESC_DPL3, X86_DESC_G | X86_DESC_L)
	.quad	0
	.short	X86_TSS64_SIZE - 1, tss - _start
	.byte	IMAGE >> 16, X86_DESC_P | X86_TYPE_TSS_AVAILABLE, 0, 0
	.quad	0
gdt_end:
gdt_register:
	.short	gdt_end - gdt - 1
	.quad	gdt
	.balign	16
tss:	.long	0
	.quad	kernel_stack
	.skip	X86_TSS64_IOMAP - 12
	.short	X86_TSS64_SIZE
back:	.long	in_32
	.short	CS32_USER
	.balign	8
routine:
	.quad	0

	.macro	gate_words handler, dpl
	.short	\handler - _start, KGDT64_R0_CODE
	.byte	0, X86_DESC_P | \dpl | X86_TYPE_INTERRUPT_GATE
	.short	IMAGE >> 16
	.long	0, 0
	.endm
	.balign	16
idt:	.rept	VECTOR_SERVICE
	.quad	0, 0
	.endr
	gate_words int_handler, X86_DESC_DPL3
	.rept	VECTOR_DONE - VECTOR_SERVICE - 1
	.quad	0, 0
	.endr
	gate_words report, X86_DESC_DPL3
idt_end:
idt_register:
	.short	idt_end - idt - 1
	.quad	idt

/* The first GiB one to one, for ring 3 too. */
	.balign	X86_PAGE_SIZE, 0
pml4:	.quad	pdpt + (X86_PTE_P | X86_PTE_W | X86_PTE_U)
	.balign	X86_PAGE_SIZE, 0
pdpt:	.quad	pd + (X86_PTE_P | X86_PTE_W | X86_PTE_U)
	.balign	X86_PAGE_SIZE, 0
pd:	.set	page, 0
	.rept	512
	.quad	page + (X86_PTE_P | X86_PTE_W | X86_PTE_U | X86_PTE_PS)
	.set	page, page + 0x200000
	.endr

	define_memory
	.section .note.GNU-stack, "", @progbits
