/*
 * A first task for GNU Mach, 32-bit: asks for its own port by the call gate
 * that Mach has in every LDT.
 */
#define TASK_SELF       -28             /* mach_task_self, <mach/syscall_sw.h> */
#define CALL_GATE       7               /* row 0 of the LDT, ring 3 */

	.text
	.globl	_start
_start:
	mov	$TASK_SELF, %eax
	lcall	$CALL_GATE, $0
1:	jmp	1b
	.section .note.GNU-stack, "", @progbits
