/*
 * What the native process does that C cannot say: instructions that must
 * fault, and system calls from an odd state.  The functions that end in
 * "Faults" return whether they did.
 */
#include "layout.h"
#include "nt.h"
#include "x86.h"

	.section .user64.text, "ax"
/* bool WriteFaults(uint64_t address): a fault goes on behind the XOR, with EAX still 1. */
	.balign	16
FUNCTION(WriteFaults)
	mov	$1, %eax
write_fault:
	movb	$0, (%rdi)
	xor	%eax, %eax
write_recovered:
	ret
END(WriteFaults)
	RECOVER(write_fault, write_recovered)

	.balign	16
FUNCTION(ReadFaults)
	mov	$1, %eax
read_fault:
	testb	$0, (%rdi)
	xor	%eax, %eax
read_recovered:
	ret
END(ReadFaults)
	RECOVER(read_fault, read_recovered)

/* bool: code on a data page must not run.  The fault is at the page itself. */
	.balign	16
FUNCTION(ExecuteFaults)
	mov	$1, %eax
	lea	execute_target(%rip), %rcx
	jmp	*%rcx
execute_recovered:
	ret
	.pushsection .user64.data, "aw"
execute_target:
	xor	%eax, %eax
	ret
	.popsection
END(ExecuteFaults)
	RECOVER(execute_target, execute_recovered)

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

/* bool: with DF = 1 at SYSCALL the kernel works (FMASK), and SYSRET brings DF back (R11). */
	.balign	16
FUNCTION(DirectionFlagSurvives)
	xor	%r10d, %r10d
	mov	$GUEST_SET_SYSTEM_CALL, %eax
	std
	syscall
	pushfq
	cld
	pop	%rdx
	bt	$10, %edx			/* DF */
	setc	%dl
	test	%eax, %eax
	setz	%al
	and	%dl, %al
	ret
END(DirectionFlagSurvives)

/*
 * NTSTATUS: NtReadFile with RSP in kernel space.  SYSCALL does not look at
 * RSP; the dispatcher does, when it fetches the stack arguments.
 */
	.balign	16
FUNCTION(ReadOnKernelStack)
	mov	%rsp, %rsi
	mov	$NT_SHARED_KERNEL, %rsp
	mov	$NT_READ_FILE, %eax
	syscall
	mov	%rsi, %rsp
	ret
END(ReadOnKernelStack)

	.section .note.GNU-stack, "", @progbits
