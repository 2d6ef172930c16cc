/*
 * STAR[47:32] with an RPL: 0B for 08.  SYSCALL clears it from CS and not from SS:
 * ring 0 with SS 13.  An interrupt there pushes it, and IRETQ to ring 0 wants an
 * SS of RPL 0: #GP(10).
 *
 * Seen: on silicon of both vendors, #GP(10) at the IRETQ of an interrupt that
 * came in ring 0 behind a SYSCALL; code 4D.  QEMU and Bochs clear the RPL: their
 * traces show a contradicted SS, and the guest ends with code 0.
 * SDM vol. 2B, SYSCALL; vol. 2A, IRET.  APM vol. 3, SYSCALL and IRET.
 */
#define STAR_HIGH               BUG(0x1b000b, 0x1b0008)
#define OWN_SERVICE
#define OWN_IRQ
#define OWN_USER
#include "bug.h"

own_service:
	int	$0x20				/* as a timer might */
	ret
own_irq:
	iretq

	.section .user
user:	sys	SYS_OWN
	leave	0
