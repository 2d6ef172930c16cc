/*
 * The #DB handler decides by CS.RPL whether to SWAPGS.  Between SYSCALL and
 * SWAPGS the processor is in ring 0 and GS still the program's; #DB, NMI, #MC
 * and #DF can come there.
 *
 * Seen: a breakpoint on the first instruction of the entry; the handler takes
 * the program's GS for the kernel's: #PF at address 18, code 4E.  Both vendors.
 * SDM vol. 2B, SWAPGS; vol. 3B, 17.2.
 */
#define OWN_SETUP
#define DB_HANDLER              own_db
#include "bug.h"

#define DR7_L0                  1

own_setup:
	mov	$syscall_entry, %eax
	mov	%rax, %dr0
	mov	$DR7_L0, %eax
	mov	%rax, %dr7
	ret

own_db:	orl	$X86_RFLAGS_RF, 32(%rsp)	/* once only */
	jmp	BUG(by_rpl, paranoid)

by_rpl:	testb	$3, 24(%rsp)
	jz	1f
	swapgs
1:	incq	%gs:CPU_EXCEPTIONS
	push	%rax
	xor	%eax, %eax
	mov	%rax, %dr6
	pop	%rax
	testb	$3, 24(%rsp)
	jz	1f
	swapgs
1:	add	$16, %rsp
	iretq
