/*
 * The probe's guest: for every row a few position-independent instructions,
 * copied to guest memory and entered at its label by the host, which also
 * chooses the ring and the registers.  Each ends in a HLT, where the host
 * looks.  In ring 3 HLT is a #GP (SDM vol. 2A HLT), and its frame shows
 * what ring 3 was.
 */

	.macro	label name
	.globl	probe_guest_\name
	.hidden	probe_guest_\name
probe_guest_\name:
	.endm

	.section .rodata
	.balign	16
label start

/* Ring 0.  EAX = CS, EDX = SS. */
label selectors
	mov	%cs, %eax
	mov	%ss, %edx
	hlt
label selectors_end

/* Ring 3, to the handler below. */
label syscall
	syscall
label syscall_next
	hlt

/* LSTAR, on the caller's stack.  EAX = CS, EDX = SS, RBX = RFLAGS. */
label lstar
	mov	%cs, %eax
	mov	%ss, %edx
	pushfq
	pop	%rbx
	hlt
label lstar_end

/* Ring 0.  RCX = ring3, R11 = RFLAGS for it. */
label sysret
	sysretq

/* Ring 0.  On the stack: a frame that leads to ring3. */
label iret
	iretq

/* Ring 3.  EAX = CS, EDX = SS. */
label ring3
	mov	%cs, %eax
	mov	%ss, %edx
label ring3_halt
	hlt

/* Ring 3, through a gate of DPL 3. */
label int
	int	$0x2e
label int_next
	hlt

/* Either ring. */
label step
	inc	%rax
label step_1
	inc	%rax
label step_2
	inc	%rax
label step_halt
	hlt
label step_end

/* Ring 3. */
label push
	push	%rax
label push_halt
	hlt

/* Either ring. */
label int3
	nop
label int3_at
	int3
	hlt

/* Ring 0.  ECX = the MSR, EDX:EAX = a value. */
label msr
	wrmsr
label msr_read
	rdmsr
	hlt
label msr_end

/* One handler for every vector, 8 bytes apart. */
	.balign	8
label handlers
	.rept	48
	hlt
	.balign	8
	.endr
label end

	.section .note.GNU-stack, "", @progbits
