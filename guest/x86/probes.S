/*
 * What the program does that C cannot say: calls whose stack pointer is
 * measured, instructions that must fault, system calls from an odd state.  The
 * functions that end in "Faults" return whether they did.  All are fastcall:
 * arguments in ECX and EDX.
 */
#include "layout.h"
#include "nt32.h"
#include "x86.h"

	.section .user.text, "ax"
/*
 * The three conventions, called as a compiler would with (1, 2, 3).  ECX = where
 * the result goes: EAX, and by how much ESP is higher behind the CALL than before it.
 */
	.macro	measure callee
	mov	%esp, %esi
	call	\callee
	mov	%esp, %edx
	sub	%esi, %edx
	mov	%eax, (%ebx)
	mov	%edx, 4(%ebx)
	.endm
	.macro	begin
	push	%ebx
	push	%esi
	push	%edi
	mov	%esp, %edi
	mov	%ecx, %ebx
	.endm
	.macro	end
	mov	%edi, %esp
	pop	%edi
	pop	%esi
	pop	%ebx
	ret
	.endm

	.balign	16
FUNCTION(CallCdecl)
	begin
	push	$3
	push	$2
	push	$1
	measure	app.Cdecl
	end
END(CallCdecl)
	.balign	16
FUNCTION(CallStdcall)
	begin
	push	$3
	push	$2
	push	$1
	measure	app.Stdcall
	end
END(CallStdcall)
	.balign	16
FUNCTION(CallFastcall)
	begin
	push	$3
	mov	$2, %edx
	mov	$1, %ecx
	measure	app.Fastcall
	end
END(CallFastcall)

/*
 * uint32_t ReadAndMeasure(transfer *stub, const uint32_t args[9]): how much
 * higher ESP is behind the call than at the stub's first instruction; 0 if the
 * call failed.  The INT 2Eh shows the same ESP to whoever watches the gates.
 */
	.balign	16
FUNCTION(ReadAndMeasure)
	push	%ebx
	push	%esi
	push	%edi
	push	%ebp
	mov	%ecx, %eax
	mov	%edx, %esi
	sub	$36, %esp
	mov	%esp, %edi
	mov	$9, %ecx
	rep movsl
	mov	%esp, %ebx
	call	*%eax
	mov	%esp, %edi
	mov	%eax, %ebp
	mov	$NT32_TEST_ALERT, %eax
	.globl	app.AfterReadFile
app.AfterReadFile:
	int	$NT_VECTOR_SYSTEM_SERVICE
	lea	36(%ebx), %esp
	lea	4(%edi), %eax
	sub	%ebx, %eax
	test	%ebp, %ebp
	jz	1f
	xor	%eax, %eax
1:	pop	%ebp
	pop	%edi
	pop	%esi
	pop	%ebx
	ret
END(ReadAndMeasure)

/*
 * bool DirectionFlagSurvives(const uint32_t args[9]): NtReadFile with DF = 1.
 * The kernel must copy the arguments upwards all the same, and give DF back.
 */
	.balign	16
FUNCTION(DirectionFlagSurvives)
	push	%esi
	push	%edi
	mov	%ecx, %esi
	sub	$36, %esp
	mov	%esp, %edi
	mov	$9, %ecx
	rep movsl
	std
	call	ntdll.NtReadFile
	pushf
	cld
	pop	%edx
	bt	$10, %edx			/* DF */
	setc	%dl
	test	%eax, %eax
	setz	%al
	and	%dl, %al
	pop	%edi
	pop	%esi
	ret
END(DirectionFlagSurvives)

/* bool: INT 2Eh leaves what lies below the user's stack pointer as it was. */
#define CANARY                  0x5afe57ac
	.balign	16
FUNCTION(UserStackUntouched)
	mov	$NT32_TEST_ALERT, %eax
	movl	$CANARY, -4(%esp)
	movl	$CANARY, -8(%esp)
	movl	$CANARY, -12(%esp)
	movl	$CANARY, -16(%esp)
	movl	$CANARY, -20(%esp)
	int	$NT_VECTOR_SYSTEM_SERVICE
	mov	$CANARY, %ecx
	xor	%eax, %eax
	cmp	%ecx, -4(%esp)
	jne	1f
	cmp	%ecx, -8(%esp)
	jne	1f
	cmp	%ecx, -12(%esp)
	jne	1f
	cmp	%ecx, -16(%esp)
	jne	1f
	cmp	%ecx, -20(%esp)
	jne	1f
	inc	%eax
1:	ret
END(UserStackUntouched)

/* bool WriteFaults(uint32_t address): a fault goes on behind the XOR, with EAX still 1. */
	.balign	16
FUNCTION(WriteFaults)
	mov	$1, %eax
write_fault:
	movb	$0, (%ecx)
	xor	%eax, %eax
write_recovered:
	ret
END(WriteFaults)
	RECOVER(write_fault, write_recovered)

	.balign	16
FUNCTION(ReadFaults)
	mov	$1, %eax
read_fault:
	testb	$0, (%ecx)
	xor	%eax, %eax
read_recovered:
	ret
END(ReadFaults)
	RECOVER(read_fault, read_recovered)

	.balign	16
FUNCTION(InterruptFaults)
	mov	$1, %eax
interrupt_fault:
	int	$VECTOR_PRIVILEGED
	xor	%eax, %eax
interrupt_recovered:
	ret
END(InterruptFaults)
	RECOVER(interrupt_fault, interrupt_recovered)

/* uint32_t AmdSyscall(number): the kernel's answer, or the number again where SYSCALL is undefined. */
	.balign	16
FUNCTION(AmdSyscall)
	mov	%ecx, %eax
amd_syscall:
	syscall
amd_syscall_recovered:
	ret
END(AmdSyscall)
	RECOVER(amd_syscall, amd_syscall_recovered)

	.section .note.GNU-stack, "", @progbits
