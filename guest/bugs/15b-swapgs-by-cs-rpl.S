/*
 * The NMI handler decides by CS.RPL whether to SWAPGS: a program that calls and
 * calls, and at one call after another a timer is set, whose end is an NMI.
 *
 * Seen: sooner or later an NMI comes between SYSCALL and SWAPGS, and its handler
 * takes the program's GS for the kernel's: #PF at address 18; code 4E.  Both
 * vendors.  SDM vol. 2B, SWAPGS; vol. 3A, 6.7.
 */
#define OWN_SETUP
#define OWN_SERVICE
#define OWN_PAGING
#define OWN_USER
#define NMI_HANDLER             own_nmi
#include "bug.h"

#define NMIS                    300
#define LAPIC                   0xfee00000
#define LAPIC_SPURIOUS          0xf0
#define LAPIC_LVT_LINT0         0x350
#define LAPIC_ENABLE            0x100
#define LAPIC_NMI               0x400

	.macro	outb port, value
	mov	$\value, %eax
	out	%al, $\port
	.endm

/* The PIT's channel 0, once whenever it is set (mode 0), to LINT0 as an NMI. */
own_setup:
	movl	$(LAPIC_ENABLE | 0xff), %eax
	mov	$LAPIC, %ebx
	mov	%eax, LAPIC_SPURIOUS(%rbx)
	movl	$LAPIC_NMI, LAPIC_LVT_LINT0(%rbx)
	outb	0x43, 0x30
	ret

/*
 * How many NMIs have come; and when the last one has, the next in 50 us to 3.5 ms: another time at each turn, so that no
 * speed of the machine keeps them from where the entry is.  There is one at a time, and calls go on meanwhile.
 */
own_service:
	mov	nmis, %eax
	cmp	%eax, set
	jne	1f
	incl	set
	imul	$61, %eax, %eax
	and	$0xfff, %eax
	or	$0x40, %eax
	out	%al, $0x40
	mov	%ah, %al
	out	%al, $0x40
	mov	nmis, %eax
1:	ret
	.balign	4
nmis:	.long	0
set:	.long	0

own_nmi:
	incl	nmis
	jmp	BUG(by_rpl, paranoid)

by_rpl:	testb	$3, 24(%rsp)
	jz	1f
	swapgs
1:	incq	%gs:CPU_EXCEPTIONS
	testb	$3, 24(%rsp)
	jz	1f
	swapgs
1:	add	$16, %rsp
	iretq

	.balign	X86_PAGE_SIZE
pml4:	.quad	pdpt + PML4E_FLAGS
	.fill	511, 8, 0
pdpt:	.quad	page_directory + PML4E_FLAGS, 0, 0, directory_lapic + PML4E_FLAGS
	.fill	508, 8, 0
page_directory:
	.quad	0
	.quad	IMAGE + (X86_PTE_P | X86_PTE_W | X86_PTE_PS)
	.quad	USER_IMAGE + (X86_PTE_P | X86_PTE_W | X86_PTE_U | X86_PTE_PS)
	.fill	509, 8, 0
directory_lapic:
	.fill	503, 8, 0
	.quad	0xfee00000 + (X86_PTE_P | X86_PTE_W | X86_PTE_PS | 0x18)
	.fill	8, 8, 0

	.section .user
user:	mov	$SYS_OWN, %eax
	syscall
	cmp	$NMIS, %eax
	jb	user
	leave	0
