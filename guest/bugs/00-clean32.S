/*
 * The 32-bit kernel of bug32.h as it is; the program enters with DF, NT and AC.
 * Ends with code 0, without a finding.
 */
#define OWN_USER
#include "bug32.h"

	.section .user
user:	pushl	$(FLAGS_USER | X86_RFLAGS_DF | X86_RFLAGS_NT | X86_RFLAGS_AC)
	popfl
	sys	SYS_SUM, 1, 2
	cmp	$3, %eax
	jne	struck
	mov	$SYS_SUM, %eax
	int	$0x80
	cmp	$3, %eax
	jne	struck
	pushl	$FLAGS_USER
	popfl
	sys	SYS_SUM, 3, 4
	cmp	$7, %eax
	jne	struck
	leave_with 0
