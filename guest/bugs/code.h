/*
 * The kernel's code: start, the gates in and out, the services, exceptions.
 * Included by bug.h alone.
 */
	.text
image:
	stack	stack_a				/* what runs over it meets the 2 MiB that are not mapped */

	.globl	_start
_start:	mov	$pml4, %eax
	mov	%rax, %cr3
	mov	$stack_a, %esp
	lgdt	gdt_register
	pushq	$CS0
	pushq	$1f
	lretq
1:	mov	$DS0, %eax
	mov	%eax, %ss
	mov	$DS3, %eax
	mov	%eax, %ds
	mov	%eax, %es
	lidt	idt_register
	mov	$TSS, %eax
	ltr	%ax
	mov	%cr0, %rax
	or	$X86_CR0_TS, %eax		/* the FPU is given out on demand */
	mov	%rax, %cr0
	write_msr X86_MSR_EFER, EFER
	write_msr X86_MSR_STAR, 0, STAR_HIGH
	write_msr X86_MSR_LSTAR, syscall_entry
	write_msr X86_MSR_CSTAR, CSTAR
	write_msr X86_MSR_FMASK, FMASK, FMASK_HIGH
	write_msr X86_MSR_GS_BASE, percpu
	write_msr X86_MSR_KERNEL_GS_BASE, 0
#ifdef OWN_SETUP
	call	own_setup
#endif
	pushq	$DS3
	pushq	$user_stack
	pushq	$FLAGS_USER
	pushq	$CS3
	pushq	$user
	write_msr X86_MSR_KERNEL_GS_BASE, KERNEL_GS
	write_msr X86_MSR_GS_BASE, USER_GS
	iretq

	.macro	save
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	.endm
	.macro	restore
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	.endm

/* The caller's frame, as INT makes one, on the thread's stack; and its service.  RCX, R11: as SYSCALL left them. */
	.macro	serve user_rsp
	pushq	$DS3
	pushq	\user_rsp
	push	%r11
	pushq	$CS3
	push	%rcx
	save
	call	dispatch
	restore
	.endm
/* RCX and R11 for SYSRET from that frame.  Ring 3 ends at 2^47, and SYSRET must not meet what is no address. */
	.macro	take_back
	mov	(%rsp), %rcx
	mov	16(%rsp), %r11
	shr	$47, %rcx
	jnz	bad_return
	mov	(%rsp), %rcx
	.endm

/* SYSCALL.  RCX = the caller's RIP, R11 its RFLAGS, RSP and GS still the caller's; flags of FMASK are 0. */
#ifndef OWN_ENTRY
	ENTRY_SECTION
syscall_entry:
	swapgs
	mov	%rsp, %gs:CPU_USER_RSP
	mov	%gs:CPU_KERNEL_RSP, %rsp
	serve	%gs:CPU_USER_RSP
	jmp	syscall_exit
	.text
#endif
#ifndef OWN_EXIT
syscall_exit:
	take_back
	mov	24(%rsp), %rsp
	swapgs
	sysretq
#endif
bad_return:
	mov	$(KILLED + X86_VECTOR_GP), %edi
	jmp	service_exit

/* SYSCALL of 32-bit code, on AMD: not served, and nothing of the caller's is touched. */
compat_entry:
	mov	$-38, %eax
	sysretl

/* INT 80h of ring 3: the same services.  The processor made the frame. */
#ifndef OWN_INT80
int80_entry:
	swapgs
	cld
	save
	call	dispatch
	restore
#endif
iret_exit:
	swapgs
	iretq

dispatch:
	cmp	$(services_end - services) / 8, %rax
	jae	1f
	sti
	call	*services(, %rax, 8)
	cli
	ret
1:	mov	$-38, %rax
	ret

	.balign	8
services:
	.quad	service_exit, service_sum, service_yield
#ifdef OWN_SERVICE
	.quad	own_service
#endif
services_end:

service_exit:
	mov	%edi, %eax
	out	%eax, $ABI_PORT_EXIT

service_sum:
	lea	(%rdi, %rsi), %rax
	add	%rdx, %rax
	add	%r10, %rax
	ret

service_yield:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%gs:CPU_THREAD, %rax
	mov	%rsp, THREAD_RSP(%rax)
	mov	THREAD_NEXT(%rax), %rax
	mov	%rax, %gs:CPU_THREAD
	mov	THREAD_RSP(%rax), %rsp
	mov	THREAD_STACK(%rax), %rax
	mov	%rax, %gs:CPU_KERNEL_RSP
	mov	%rax, tss + X86_TSS64_RSP0
#ifndef OWN_SS
	mov	$DS0, %eax			/* null behind an interrupt, and AMD's SYSRET keeps what is cached */
	mov	%eax, %ss
#endif
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

/* Thread b's first return to ring 3; its stack below was made for it. */
thread_start:
	cli
	jmp	iret_exit

/* Exceptions: vector and error code on the stack, above the processor's frame. */
	.macro	stub vector, to
	.balign	16
	.if	!(X86_VECTORS_WITH_ERROR >> \vector & 1)
	pushq	$0
	.endif
	pushq	$\vector
	jmp	\to
	.endm
	.balign	16
stubs:
	.set	vector, 0
	.rept	32
	.if	vector == X86_VECTOR_DF || vector == X86_VECTOR_MC
	stub	vector, paranoid
	.elseif	vector == X86_VECTOR_NMI
	stub	vector, NMI_HANDLER
	.elseif	vector == X86_VECTOR_DB
	stub	vector, DB_HANDLER
	.else
	stub	vector, exception
	.endif
	.set	vector, vector + 1
	.endr

/* From ring 3 alone, unless something is wrong: then GS may be anybody's, and is left alone. */
exception:
	testb	$3, 24(%rsp)
	jz	panic
	swapgs
	incq	%gs:CPU_EXCEPTIONS
	cmpl	$X86_VECTOR_NM, (%rsp)
	je	lazy_fpu
	pop	%rdi
	add	$KILLED, %edi
	jmp	service_exit
#ifndef OWN_PANIC
panic:	pop	%rdi
	add	$PANIC, %edi
	jmp	service_exit
#endif

/* NMI, #DB, #DF, #MC come between SYSCALL and SWAPGS too.  Whose GS it is, GS alone can tell. */
paranoid:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rbx
	xor	%ebx, %ebx
	mov	$X86_MSR_GS_BASE, %ecx
	rdmsr
	cmp	$percpu, %eax
	je	1f
	swapgs
	inc	%ebx
1:	incq	%gs:CPU_EXCEPTIONS
	mov	32(%rsp), %eax
	cmp	$X86_VECTOR_DF, %eax
	je	2f
	cmp	$X86_VECTOR_MC, %eax
	je	2f
	xor	%eax, %eax
	mov	%rax, %dr6
	test	%ebx, %ebx
	jz	1f
	swapgs
1:	pop	%rbx
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp
	iretq
2:	add	$32, %rsp
	jmp	panic

/* #NM: the program gets the FPU, and the instruction starts again. */
lazy_fpu:
	clts
	add	$16, %rsp
	jmp	RESUME
