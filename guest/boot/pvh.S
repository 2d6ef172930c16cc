/*
 * PVH, as an ELF64 file: what runs is what the note names, not e_entry.
 *
 * State on entry (docs/misc/pvh.pandoc): EBX = struct hvm_start_info, CR0 = PE
 * (and ET, which is fixed), CR4 = 0, flat CS, DS, ES, a TSS of base 0 and limit
 * 67h in TR, EFLAGS.VM = IF = TF = 0.
 */
#include "kit.h"

	.section .note.other, "a", @note
	.long	8, 5, 18                /* another's note of that type, with a name and contents that need padding */
	.asciz	"Another"
	.long	0, 0
	.section .note.pvh, "a", @note
	.long	4, 4, PVH_NOTE_ENTRY
	.asciz	"Xen"
	.long	entry

	.code32
	.text
	.globl	_start
_start:	mov	$1, %eax                /* whoever believes e_entry comes here */
	jmp	wrong

entry:	mov	$stack, %esp
	pushf
	pop	%eax
	test	$(X86_RFLAGS_IF | X86_RFLAGS_VM | X86_RFLAGS_TF), %eax
	want	z, 2
	mov	%cr0, %eax
	cmp	$(X86_CR0_PE | X86_CR0_ET), %eax
	want	e, 3
	mov	%cr4, %eax
	test	%eax, %eax
	want	z, 4
	want_flat 5
	str	%eax
	test	%eax, %eax
	want	z, 6

	cmp	$0x9fc00, %ebx
	want	b, 7
	want_long 0(%ebx), PVH_MAGIC, 8
	want_long PVH_START_VERSION(%ebx), 1, 9
	want_long PVH_START_MODULES(%ebx), 3, 10
	mov	PVH_START_CMDLINE(%ebx), %esi
	want_text command_line, 11
	want_long PVH_START_CMDLINE+4(%ebx), 0, 12

	/* The initrd is the first module. */
	mov	PVH_START_MODLIST(%ebx), %ebp
	mov	0(%ebp), %esi
	want_long 8(%ebp), 18, 13
	want_bytes initrd_contents, 18, 14
	mov	32(%ebp), %esi
	test	$0xfff, %esi
	want	z, 15
	want_long 40(%ebp), 16, 16
	want_bytes module1_contents, 16, 17
	mov	48(%ebp), %esi
	want_text module1_text, 18
	mov	64(%ebp), %esi
	want_long 72(%ebp), 7, 19
	want_bytes module2_contents, 7, 20
	mov	80(%ebp), %esi
	want_text module2_text, 21

	want_long PVH_START_ENTRIES(%ebx), 4, 22
	mov	PVH_START_MEMMAP(%ebx), %ebp
	want_long 0(%ebp), 0, 23
	want_long 8(%ebp), 0x9fc00, 24
	want_long 16(%ebp), MEMORY_USABLE, 25
	want_long 72(%ebp), 0x100000, 26
	want_long 72+8(%ebp), (MEMORY - 0x100000), 27
	want_long 72+16(%ebp), MEMORY_USABLE, 28
	mov	PVH_START_RSDP(%ebx), %esi
	want_bytes rsdp_signature, 8, 29
	done

	define_kit pvh

	.section .note.GNU-stack, "", @progbits
