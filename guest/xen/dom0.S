/*
 * A first guest for Xen: a paravirtual kernel, which runs in ring 3 as its
 * programs would, and calls Xen by SYSCALL.  It says hello, yields, and has
 * the machine started anew.  Numbers: Xen's public headers xen.h, sched.h and
 * elfnote.h.
 */
#define NOTE_ENTRY              1
#define NOTE_HYPERCALL_PAGE     2
#define NOTE_VIRT_BASE          3
#define NOTE_PADDR_OFFSET       4
#define NOTE_XEN_VERSION        5
#define NOTE_GUEST_OS           6
#define NOTE_LOADER             8
#define NOTE_FEATURES           17
#define FEATURE_DOM0            (1 << 11)

#define XEN_VERSION             17
#define CONSOLE_IO              18
#define SCHED_OP                29
#define CONSOLE_WRITE           0
#define SCHED_YIELD             0
#define SCHED_SHUTDOWN          2
#define SHUTDOWN_REBOOT         1

#define BASE                    0xffffffff80000000
#define YIELDS                  3

.macro note type, kind, value:vararg
	.long	4, 2f - 1f, \type
	.asciz	"Xen"
1:	\kind	\value
2:	.balign	4
.endm

	.section .note.Xen, "a", @note
	note	NOTE_GUEST_OS, .asciz, "hello"
	note	NOTE_XEN_VERSION, .asciz, "xen-3.0"
	note	NOTE_LOADER, .asciz, "generic"
	note	NOTE_ENTRY, .quad, _start
	note	NOTE_VIRT_BASE, .quad, BASE
	note	NOTE_PADDR_OFFSET, .quad, BASE
	note	NOTE_HYPERCALL_PAGE, .quad, hypercall_page
	note	NOTE_FEATURES, .long, FEATURE_DOM0

	.text
	.balign	4096
hypercall_page:                         /* Xen fills it; here SYSCALL stands where it is made */
	.skip	4096

	.globl	_start
_start:
	cld
	mov	$CONSOLE_WRITE, %edi
	mov	$hello_end - hello, %esi
	lea	hello(%rip), %rdx
	mov	$CONSOLE_IO, %eax
	syscall
	xor	%edi, %edi
	mov	$XEN_VERSION, %eax
	syscall
	mov	$YIELDS, %ebx
1:	mov	$SCHED_YIELD, %edi
	xor	%esi, %esi
	mov	$SCHED_OP, %eax
	syscall
	dec	%ebx
	jnz	1b
	mov	$SCHED_SHUTDOWN, %edi
	lea	reason(%rip), %rsi
	mov	$SCHED_OP, %eax
	syscall
	ud2

	.data
	.balign	4
reason:	.long	SHUTDOWN_REBOOT
hello:	.ascii	"dom0: hello\n"
hello_end:
	.section .note.GNU-stack, "", @progbits
