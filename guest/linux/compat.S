/*
 * A 32-bit program for a Linux kernel: makes calls by the way that its kernel
 * offers (AT_SYSINFO: SYSENTER, SYSCALL or INT 80h, as the processor has it)
 * and by INT 80h.  As the first program of all it ends the machine.
 */
/* <asm/unistd_32.h>, <linux/auxvec.h> and <linux/reboot.h>, which the compiler does not find for 32-bit code. */
#define NR_EXIT         1
#define NR_WRITE        4
#define NR_OPEN         5
#define NR_GETPID       20
#define NR_REBOOT       88
#define NR_MMAP2        192
#define AT_SYSINFO      32
#define REBOOT_MAGIC1   0xfee1dead
#define REBOOT_MAGIC2   672274793
#define REBOOT_RESTART  0x01234567

#define STDOUT          1
#define EXIT_CODE       9

	.text
	.globl	_start
_start:
	mov	%esp, %esi
	/* Behind argc, argv and envp. */
	lodsl
	lea	4(%esi,%eax,4), %esi
1:	lodsl
	test	%eax, %eax
	jnz	1b
2:	lodsl
	mov	%eax, %edx
	lodsl
	cmp	$AT_SYSINFO, %edx
	je	3f
	test	%edx, %edx
	jnz	2b
	mov	$plain, %eax
3:	mov	%eax, vsyscall

	mov	$NR_WRITE, %eax
	mov	$STDOUT, %ebx
	mov	$hello, %ecx
	mov	$hello_end - hello, %edx
	call	*vsyscall
	/* Six arguments: the last one is EBP. */
	mov	$NR_MMAP2, %eax
	xor	%ebx, %ebx
	mov	$0x2000, %ecx
	mov	$3, %edx
	mov	$0x22, %esi
	mov	$-1, %edi
	xor	%ebp, %ebp
	call	*vsyscall
	mov	$NR_OPEN, %eax
	mov	$missing, %ebx
	xor	%ecx, %ecx
	call	*vsyscall
	mov	$NR_GETPID, %eax
	int	$0x80
	cmp	$1, %eax
	je	4f
	mov	$NR_EXIT, %eax
	mov	$EXIT_CODE, %ebx
	int	$0x80
4:	mov	$NR_REBOOT, %eax
	mov	$REBOOT_MAGIC1, %ebx
	mov	$REBOOT_MAGIC2, %ecx
	mov	$REBOOT_RESTART, %edx
	int	$0x80
	ud2
plain:	int	$0x80
	ret

	.data
	.balign	4
vsyscall:
	.long	0
hello:	.ascii	"compat: hello\n"
hello_end:
missing:
	.asciz	"/missing"
	.section .note.GNU-stack, "", @progbits
