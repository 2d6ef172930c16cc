/*
 * Multiboot 2, as an ELF64 file whose e_entry is linear (high.ld), and no entry
 * tag says otherwise.
 *
 * State on entry (3.4): EAX = 36D76289h, EBX = information, flat segments,
 * CR0.PE = 1, CR0.PG = 0, EFLAGS.VM = IF = 0.
 */
#include "kit.h"

	.code32
	.text
	.balign	MULTIBOOT2_ALIGN
header:	.long	MULTIBOOT2_MAGIC, 0, header_end - header, -(MULTIBOOT2_MAGIC + (header_end - header))
	.short	MULTIBOOT2_TAG_REQUEST, 0
	.long	16, MBI2_MODULE, MBI2_MMAP
	.short	MULTIBOOT2_TAG_PAGE_ALIGN, 0
	.long	8
	.short	MULTIBOOT2_TAG_RELOCATABLE, MULTIBOOT2_OPTIONAL
	.long	24, 0x100000, 0x3000000, 0x1000, 1
	.short	99, MULTIBOOT2_OPTIONAL         /* no loader knows it; none needs to */
	.long	12, 0
	.balign	8
	.short	MULTIBOOT2_TAG_END, 0
	.long	8
header_end:

	.section .high, "ax"
	.globl	high_start
high_start:
	mov	$start, %ecx
	jmp	*%ecx

	.text
start:	mov	$stack, %esp
	cmp	$MULTIBOOT2_EAX, %eax
	want	e, 1
	pushf
	pop	%eax
	test	$(X86_RFLAGS_IF | X86_RFLAGS_VM | X86_RFLAGS_TF), %eax
	want	z, 2
	mov	%cr0, %eax
	and	$(X86_CR0_PE | X86_CR0_PG), %eax
	cmp	$X86_CR0_PE, %eax
	want	e, 3
	want_flat 4
	cmp	$0x9fc00, %ebx
	want	b, 5
	test	$7, %ebx
	want	z, 6
	want_long 4(%ebx), 0, 7

	/* One tag after the other; EBP is at the next. */
	lea	8(%ebx), %ebp
	movl	$0, seen
next:	mov	%ebp, %eax
	sub	%ebx, %eax
	cmp	(%ebx), %eax
	want	b, 8
	mov	0(%ebp), %eax
	cmp	$MBI2_END, %eax
	je	end
	cmp	$MBI2_CMDLINE, %eax
	je	cmdline
	cmp	$MBI2_LOADER_NAME, %eax
	je	loader
	cmp	$MBI2_MODULE, %eax
	je	module
	cmp	$MBI2_MEMORY, %eax
	je	memory
	cmp	$MBI2_MMAP, %eax
	je	mmap
	cmp	$MBI2_SECTIONS, %eax
	je	sections
	cmp	$MBI2_LOAD_BASE, %eax
	je	base
	cmp	$MBI2_RSDP_NEW, %eax
	je	acpi
skip:	mov	4(%ebp), %eax
	cmp	$8, %eax
	want	ae, 9
	add	$7, %eax
	and	$~7, %eax
	add	%eax, %ebp
	jmp	next

cmdline:
	lea	8(%ebp), %esi
	want_text command_line, 10
	orl	$1, seen
	jmp	skip
loader:	lea	8(%ebp), %esi
	want_text loader_name, 11
	orl	$2, seen
	jmp	skip
module:	mov	8(%ebp), %esi
	test	$0xfff, %esi
	want	z, 12
	mov	12(%ebp), %eax
	sub	%esi, %eax
	testl	$4, seen
	jnz	1f
	cmp	$16, %eax
	want	e, 13
	want_bytes module1_contents, 16, 14
	lea	16(%ebp), %esi
	want_text module1_text, 15
	orl	$4, seen
	jmp	skip
1:	cmp	$7, %eax
	want	e, 16
	want_bytes module2_contents, 7, 17
	lea	16(%ebp), %esi
	want_text module2_text, 18
	orl	$8, seen
	jmp	skip
memory:	want_long 8(%ebp), 639, 19
	want_long 12(%ebp), ((MEMORY - 0x100000) / 1024), 20
	orl	$16, seen
	jmp	skip
mmap:	want_long 4(%ebp), (16 + 4 * 24), 21
	want_long 8(%ebp), 24, 22
	want_long 12(%ebp), 0, 23
	want_long 16+8(%ebp), 0x9fc00, 24
	want_long 16+72(%ebp), 0x100000, 25
	want_long 16+72+8(%ebp), (MEMORY - 0x100000), 26
	want_long 16+72+16(%ebp), MEMORY_USABLE, 27
	orl	$32, seen
	jmp	skip
base:	want_long 8(%ebp), 0x100000, 28
	orl	$64, seen
	jmp	skip
acpi:	want_long 4(%ebp), (8 + 36), 34
	lea	8(%ebp), %esi
	want_bytes rsdp_signature, 8, 35
	orl	$256, seen
	jmp	skip
sections:
	mov	12(%ebp), %eax
	mull	16(%ebp)
	mov	20+16(%ebp,%eax), %esi          /* sh_addr of the names */
	test	%esi, %esi
	want	nz, 29
	add	20(%ebp,%eax), %esi
	want_text names, 30
	orl	$128, seen
	jmp	skip

end:	want_long 4(%ebp), 8, 31
	lea	8(%ebp), %eax
	sub	%ebx, %eax
	cmp	(%ebx), %eax
	want	e, 32
	want_long seen, 511, 33
	done

	define_kit multiboot2
loader_name:
	.asciz	"vmm"
names:	.asciz	".shstrtab"
	.balign	4
seen:	.long	0

	.section .note.GNU-stack, "", @progbits
