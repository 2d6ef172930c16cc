/*
 * What the guests of the boot protocols share.  Each checks the state and the
 * information that it was started with, says so in one line, and ends with code
 * 0 when all is right, otherwise with the code of the first check that failed.
 * They are run as tests/program/boot.sh runs them: 64M of memory, this command
 * line and these modules.  All works in 32-bit and in 64-bit code.
 */
#ifndef KIT_H
#define KIT_H

#include "abi.h"
#include "boot.h"
#include "x86.h"

#define MEMORY                  0x4000000
#define COMMAND_LINE            "root=/dev/ram0  quiet \"two words\""
#define MODULE1_TEXT            "a/mod first=1"
#define MODULE1_CONTENTS        "the first module"      /* 16 bytes */
#define MODULE2_TEXT            "b/mod"
#define MODULE2_CONTENTS        "another"               /* 7 */
#define INITRD_CONTENTS         "this is no archive"    /* 18 */

/* The last comparison must have said CC. */
	.macro	want cc, code
	j\cc	.Lwant\@
	mov	$\code, %eax
	jmp	wrong
.Lwant\@:
	.endm

	.macro	want_long at, value, code
	cmpl	$\value, \at
	want	e, \code
	.endm

/* The string that ESI points to. */
	.macro	want_text text, code
	mov	$\text, %edi
	call	same
	want	e, \code
	.endm

/* ESI points to bytes that begin like a string without its zero. */
	.macro	want_bytes text, length, code
	mov	$\text, %edi
	mov	$\length, %edx
	call	same_bytes
	want	e, \code
	.endm

/* Flat segments, as far as a guest can see: limits of 4 GiB, rights; DPL 0, interrupts off. */
	.macro	want_flat code
	mov	%cs, %ecx
	lsl	%ecx, %eax
	cmp	$0xffffffff, %eax
	want	e, \code
	.irp	segment, ds, es, ss, fs, gs
	mov	%\segment, %ecx
	lsl	%ecx, %eax
	cmp	$0xffffffff, %eax
	want	e, \code
	lar	%ecx, %eax
	and	$0x9a00, %eax                   /* P, S, data, writable */
	cmp	$0x9200, %eax
	want	e, \code
	.endr
	.endm

	.macro	done
	mov	$right, %esi
	call	say
	xor	%eax, %eax
	out	%eax, $ABI_PORT_EXIT
	.endm

	.macro	define_kit name
wrong:	mov	%eax, %ebx
	mov	$wrong_text, %esi
	call	say
	mov	%ebx, %eax
	out	%eax, $ABI_PORT_EXIT

say:	mov	(%esi), %al
	test	%al, %al
	je	1f
	out	%al, $ABI_PORT_DEBUG
	inc	%esi
	jmp	say
1:	ret

/* ZF: the strings at ESI and EDI are the same.  Changes CL. */
same:	mov	(%esi), %cl
	cmp	(%edi), %cl
	jne	1f
	inc	%esi
	inc	%edi
	test	%cl, %cl
	jne	same
1:	ret

same_bytes:
	mov	(%esi), %cl
	cmp	(%edi), %cl
	jne	1f
	inc	%esi
	inc	%edi
	dec	%edx
	jne	same_bytes
1:	ret

right:	.asciz	"\name: all is right\n"
wrong_text:
	.asciz	"\name: something is wrong\n"
command_line:
	.asciz	COMMAND_LINE
module1_text:
	.asciz	MODULE1_TEXT
module1_contents:
	.asciz	MODULE1_CONTENTS
module2_text:
	.asciz	MODULE2_TEXT
module2_contents:
	.asciz	MODULE2_CONTENTS
initrd_contents:
	.asciz	INITRD_CONTENTS
rsdp_signature:
	.ascii	"RSD PTR "
	.balign	16
	.skip	256
stack:
	.endm

#endif
