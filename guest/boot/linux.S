/*
 * A bzImage by hand: boot sector and setup header, one sector of real-mode code
 * that never runs, and a kernel that is entered at its start in 32-bit mode and
 * 200h behind it in 64-bit mode.  With ENTRY64 it says that it has the latter.
 *
 * State on entry (boot.rst, 32-bit and 64-bit boot protocol): ESI or RSI =
 * struct boot_params, CS = 10h, DS = ES = SS = 18h, interrupts off; in 32-bit
 * mode no paging, EBP = EDI = EBX = 0; in 64-bit mode identity mapping.
 */
#include "kit.h"

#define LOAD            0x1000000
#define INIT_SIZE       0x800000
#define SECTORS         1
#ifdef ENTRY64
#define XLOADFLAGS      LINUX_KERNEL_64
#else
#define XLOADFLAGS      0
#endif

	.section .setup, "a"
	.org	LINUX_SETUP_SECTS
	.byte	SECTORS
	.org	LINUX_BOOT_FLAG
	.short	LINUX_BOOT_FLAG_VALUE
	.byte	0xeb, setup_end - 1f            /* a jump over the header: there it ends */
1:	.long	LINUX_MAGIC
	.short	0x020c
	.org	LINUX_LOADFLAGS
	.byte	LINUX_LOADED_HIGH
	.org	LINUX_CODE32_START
	.long	0x100000
	.org	LINUX_INITRD_ADDR_MAX
	.long	0x3000000 - 1
	.long	0x200000                        /* kernel_alignment */
	.byte	1, 21                           /* relocatable; min_alignment */
	.short	XLOADFLAGS
	.long	255                             /* cmdline_size */
	.org	LINUX_PREF_ADDRESS
	.quad	LOAD
	.long	INIT_SIZE
	.long	0, 0
setup_end:
	.byte	0xff                            /* behind the header: not to be copied */
	.org	(SECTORS + 1) * 512

	/* What both modes find; ESI = struct boot_params. */
	.macro	check_params
	want_long LINUX_HEADER(%esi), LINUX_MAGIC, 10
	cmpb	$LINUX_LOADER_UNDEFINED, LINUX_TYPE_OF_LOADER(%esi)
	want	e, 11
	want_long LINUX_CODE32_START(%esi), LOAD, 12
	want_long LINUX_INIT_SIZE(%esi), INIT_SIZE, 13
	cmpb	$0, 0x1ef(%esi)                 /* the sentinel */
	want	e, 14
	cmpb	$0, LINUX_INIT_SIZE+12(%esi)
	want	e, 15
	cmpb	$4, LINUX_E820_ENTRIES(%esi)
	want	e, 16
	want_long LINUX_E820_TABLE+0(%esi), 0, 17
	want_long LINUX_E820_TABLE+8(%esi), 0x9fc00, 18
	want_long LINUX_E820_TABLE+16(%esi), MEMORY_USABLE, 19
	want_long LINUX_E820_TABLE+60(%esi), 0x100000, 20
	want_long LINUX_E820_TABLE+68(%esi), (MEMORY - 0x100000), 21
	want_long LINUX_E820_TABLE+76(%esi), MEMORY_USABLE, 22

	mov	%esi, %ebp
	mov	LINUX_RSDP_ADDR(%ebp), %esi
	want_bytes rsdp_signature, 8, 28
	mov	%ebp, %esi

	/* The initrd ends where the header says that it must, at a page boundary below. */
	want_long LINUX_RAMDISK_SIZE(%esi), 18, 23
	cmpl	$0x2fff000, LINUX_RAMDISK_IMAGE(%esi)
	want	e, 24
	mov	%esi, %ebp
	mov	LINUX_RAMDISK_IMAGE(%ebp), %esi
	want_bytes initrd_contents, 18, 25
	mov	LINUX_CMD_LINE_PTR(%ebp), %esi
	want_text command_line, 26
	cmp	$0xa0000, %esi
	want	b, 27
	done
	.endm

	.macro	check_segments
	mov	%cs, %eax
	cmp	$LINUX_BOOT_CS, %eax
	want	e, 3
	.irp	segment, ds, es, ss
	mov	%\segment, %eax
	cmp	$LINUX_BOOT_DS, %eax
	want	e, 4
	.endr
	want_flat 5
	.endm

#ifdef ENTRY64
	.text
	.code32
	ud2                                     /* the 32-bit entry, which is not the one to be taken */
	.org	LINUX_ENTRY_64
	.code64
	mov	$stack, %esp
	pushf
	pop	%rax
	test	$(X86_RFLAGS_IF | X86_RFLAGS_TF), %eax
	want	z, 1
	lea	.(%rip), %rax
	shr	$9, %rax
	cmp	$((LOAD + LINUX_ENTRY_64) >> 9), %rax
	want	e, 2
	check_segments
	mov	$X86_MSR_EFER, %ecx
	rdmsr
	and	$(X86_EFER_LME | X86_EFER_LMA), %eax
	cmp	$(X86_EFER_LME | X86_EFER_LMA), %eax
	want	e, 6
	/* Identity mapping of all that the kernel is to have before it maps more. */
	mov	LOAD + INIT_SIZE - 8, %eax
	test	%eax, %eax
	want	z, 7
	mov	%rsi, %rax
	shr	$32, %rax
	want	z, 8
	check_params
#else
	.text
	.code32
	test	%ebx, %ebx
	jnz	1f
	test	%edi, %edi
	jnz	1f
	test	%ebp, %ebp
1:	mov	$stack, %esp
	want	z, 1
	pushf
	pop	%eax
	test	$(X86_RFLAGS_IF | X86_RFLAGS_VM | X86_RFLAGS_TF), %eax
	want	z, 2
	check_segments
	mov	%cr0, %eax
	and	$(X86_CR0_PE | X86_CR0_PG), %eax
	cmp	$X86_CR0_PE, %eax
	want	e, 6
	check_params
#endif
	define_kit bzimage

	.section .note.GNU-stack, "", @progbits
