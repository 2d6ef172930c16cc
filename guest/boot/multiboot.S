/*
 * Multiboot 1, built three times: as an ELF32 and as an ELF64 file, and with
 * ADDRESSES as a flat one whose header says where it goes.
 *
 * State on entry (3.2): EAX = 2BADB002h, EBX = information, flat segments,
 * CR0.PE = 1, CR0.PG = 0, EFLAGS.VM = IF = 0.
 */
#include "kit.h"

#ifdef ADDRESSES
#define FLAGS   (MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY | MULTIBOOT_ADDRESSES)
#else
#define FLAGS   (MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY)
#endif
#define FLAGS_TOLD (MBI_HAS_MEMORY | MBI_HAS_CMDLINE | MBI_HAS_MODS | MBI_HAS_MMAP | MBI_HAS_LOADER_NAME)

	.code32
	.text
	.long	0x11111111              /* so that the header is not where the file begins */
	.balign	MULTIBOOT_ALIGN
header:	.long	MULTIBOOT_MAGIC, FLAGS, -(MULTIBOOT_MAGIC + FLAGS)
#ifdef ADDRESSES
	.long	header, header - 4, data_end, bss_end, _start
#endif

	.globl	_start
_start:	mov	$stack, %esp
	cmp	$MULTIBOOT_EAX, %eax
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

	/* The information lies apart from the kernel, below 640 KiB. */
	cmp	$0x9fc00, %ebx
	want	b, 5
	mov	MBI_FLAGS(%ebx), %eax
	and	$FLAGS_TOLD, %eax
	cmp	$FLAGS_TOLD, %eax
	want	e, 6
	want_long MBI_MEM_LOWER(%ebx), 639, 7
	want_long MBI_MEM_UPPER(%ebx), ((MEMORY - 0x100000) / 1024), 8
	mov	MBI_CMDLINE(%ebx), %esi
	want_text command_line, 9
	mov	MBI_LOADER_NAME(%ebx), %esi
	want_text loader_name, 10

	/* The memory map: four entries, the last is what lies above 1 MiB. */
	want_long MBI_MMAP_LENGTH(%ebx), 96, 11
	mov	MBI_MMAP_ADDR(%ebx), %ebp
	want_long 0(%ebp), 20, 12
	want_long 4(%ebp), 0, 13
	want_long 12(%ebp), 0x9fc00, 14
	want_long 20(%ebp), MEMORY_USABLE, 15
	want_long 24+4(%ebp), 0x9fc00, 16
	want_long 24+20(%ebp), MEMORY_RESERVED, 17
	want_long 48+4(%ebp), 0xe0000, 18
	want_long 48+12(%ebp), 0x20000, 19
	want_long 72+4(%ebp), 0x100000, 20
	want_long 72+12(%ebp), (MEMORY - 0x100000), 21
	want_long 72+20(%ebp), MEMORY_USABLE, 22

	/* The modules, at page boundaries behind the kernel. */
	want_long MBI_MODS_COUNT(%ebx), 2, 23
	mov	MBI_MODS_ADDR(%ebx), %ebp
	mov	0(%ebp), %esi
	test	$0xfff, %esi
	want	z, 24
	cmp	$bss_end, %esi
	want	ae, 25
	mov	4(%ebp), %eax
	sub	%esi, %eax
	cmp	$16, %eax
	want	e, 26
	want_bytes module1_contents, 16, 27
	mov	8(%ebp), %esi
	want_text module1_text, 28
	mov	16(%ebp), %esi
	test	$0xfff, %esi
	want	z, 29
	mov	20(%ebp), %eax
	sub	%esi, %eax
	cmp	$7, %eax
	want	e, 30
	want_bytes module2_contents, 7, 31
	mov	24(%ebp), %esi
	want_text module2_text, 32

	/* What is behind the file's bytes is zero. */
	cmpl	$0, bss
	want	e, 33

#ifndef ADDRESSES
	/* The sections: their names and the symbols are in memory. */
	testl	$MBI_HAS_SECTIONS, MBI_FLAGS(%ebx)
	want	nz, 34
	mov	MBI_SECTIONS+4(%ebx), %eax
	mull	MBI_SECTIONS+12(%ebx)
	add	MBI_SECTIONS+8(%ebx), %eax      /* the header of the names */
#ifdef __x86_64__
	mov	16(%eax), %ebp                  /* sh_addr */
#else
	mov	12(%eax), %ebp
#endif
	test	%ebp, %ebp
	want	nz, 35
	add	(%eax), %ebp                    /* sh_name: its own */
	mov	%ebp, %esi
	want_text names, 36
#endif
	done

	define_kit multiboot
loader_name:
	.asciz	"vmm"
names:	.asciz	".shstrtab"
	.balign	4
data_end:
	.bss
bss:	.skip	0x2000
bss_end:

	.section .note.GNU-stack, "", @progbits
