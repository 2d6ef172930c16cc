/*
 * What bench.S and bench32.S share.  Each is started by PVH with the command line "NAME COUNT", makes COUNT round
 * trips of that kind, and times each with the time-stamp counter, as a program in ring 3 would.  On the console: how
 * long all took together, then each of the last KEPT, in hexadecimal digits, a line each.  Code 0; 1: the command line
 * is none of ours.  All here works in 32-bit and in 64-bit code.
 */
#ifndef BENCH_H
#define BENCH_H

#include "abi.h"
#include "boot.h"
#include "x86.h"

#define IMAGE                   0x100000        /* where bench.ld puts it: all but .bss within 64 KiB, so that the low half of an
                                                 * address is its distance from _start */
#define KEPT                    4096
#define VECTOR_SERVICE          0x2e
#define VECTOR_DONE             0x30
#define FLAGS_USER              (X86_RFLAGS_IF | X86_RFLAGS_FIXED)

#define CODE                    (X86_DESC_P | X86_DESC_S | X86_TYPE_CODE_ER)
#define DATA                    (X86_DESC_P | X86_DESC_S | X86_TYPE_DATA_RW)

	.macro	write_msr msr, high, low
	mov	$\msr, %ecx
	mov	$\high, %edx
	mov	$\low, %eax
	wrmsr
	.endm

/* The start, in 32-bit code, with EBX as PVH says; goes on with EAX = what the command line names, EBX = its count. */
	.macro	begin
	.section .note.pvh, "a", @note
	.long	4, 4, PVH_NOTE_ENTRY
	.asciz	"Xen"
	.long	entry
	.code32
	.text
	.globl	_start
_start:
entry:	mov	$kernel_stack, %esp
	mov	PVH_START_CMDLINE(%ebx), %esi
	mov	$0xff, %al                      /* no interrupt: firmware may have left a timer running */
	out	%al, $0x21
	out	%al, $0xa1
	call	parse
	test	%eax, %eax
	jnz	.Lknown
	inc	%eax
	out	%eax, $ABI_PORT_EXIT
.Lknown:
	.endm

/* A trip lies between these.  EBX trips are still to be made, EDI is where the next time goes; ESI, EAX, EDX are lost. */
	.macro	trip
	rdtsc
	mov	%eax, start_of_all
	mov	%edx, start_of_all + 4
7:	rdtsc
	mov	%eax, %esi
	.endm
	.macro	trip_end
	rdtsc
	sub	%esi, %eax
	mov	%eax, (%edi)
	add	$4, %edi
	and	$~(KEPT * 4), %edi
	dec	%ebx
	jnz	7b
	rdtsc
	int	$VECTOR_DONE
	.endm

/* EAX: what "NAME COUNT", to which ESI points, names; 0: nothing.  EBX: the count.  Changes ECX, EDX, EBP, ESI, EDI.  The names follow. */
	.macro	define_parse
parse:	mov	$names, %ebp
1:	mov	(%ebp), %eax
	test	%eax, %eax
	jz	5f
	lea	4(%ebp), %edi
	mov	%esi, %edx
2:	mov	(%edi), %cl
	test	%cl, %cl
	jz	3f
	cmp	(%edx), %cl
	jne	4f
	inc	%edi
	inc	%edx
	jmp	2b
3:	cmpb	$' ', (%edx)
	je	6f
4:	add	$16, %ebp
	jmp	1b
5:	ret
6:	xor	%ebx, %ebx
7:	inc	%edx
	movzbl	(%edx), %ecx
	sub	$'0', %ecx
	cmp	$9, %ecx
	ja	8f
	imul	$10, %ebx
	add	%ecx, %ebx
	jmp	7b
8:	test	%ebx, %ebx
	jnz	9f
	xor	%eax, %eax
9:	mov	%ebx, count
	ret
	.balign	16
names:
	.endm

	.macro	name text, routine
	.balign	16
	.long	\routine
	.asciz	"\text"
	.endm

/* Entered by INT from ring 3 at the end, EDX:EAX the time. */
	.macro	define_report
report:	sub	start_of_all, %eax
	sbb	start_of_all + 4, %edx
	mov	%eax, %esi
	mov	%edx, %ecx
	call	print
	mov	%esi, %ecx
	call	print
	mov	$'\n', %al
	out	%al, $ABI_PORT_DEBUG
	mov	count, %esi
	cmp	$KEPT, %esi
	jbe	1f
	mov	$KEPT, %esi
1:	mov	$times, %edi
2:	mov	(%edi), %ecx
	call	print
	mov	$'\n', %al
	out	%al, $ABI_PORT_DEBUG
	add	$4, %edi
	dec	%esi
	jnz	2b
	xor	%eax, %eax
	out	%eax, $ABI_PORT_EXIT

/* ECX in 8 digits; changes EAX, EBX. */
print:	mov	$8, %ebx
1:	rol	$4, %ecx
	mov	%ecx, %eax
	and	$15, %eax
	mov	digits(%eax), %al
	out	%al, $ABI_PORT_DEBUG
	dec	%ebx
	jnz	1b
	ret
digits:	.ascii	"0123456789abcdef"
	.endm

	.macro	define_memory
	.text
	.balign	8
start_of_all:
	.quad	0
count:	.long	0
	.bss
	.balign	KEPT * 8                        /* so that the bit above the last offset is clear in every address */
times:	.skip	KEPT * 4
	.balign	16
	.skip	1024
kernel_stack:
	.skip	1024
user_stack:
	.endm

#endif
