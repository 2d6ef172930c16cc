/*
 * WOW64, the 64-bit side of the mode switch: it runs the 32-bit code, takes
 * over when that code jumps to CS 33, keeps its context, and goes back.
 *
 *  R13  the 32-bit context (TLS slot 1, behind two words)
 *  R14  the 64-bit stack while 32-bit code runs
 *  R15  TurboThunkDispatch
 *
 * R8-R15 survive 32-bit code (SDM vol. 1, 3.4.1.1); the upper halves of the
 * other registers do not, so they are only read as 32 bits after it.
 */
#include "layout.h"
#include "nt.h"

/* On the 64-bit stack: home space for calls, then the far pointer 23:EIP. */
#define FAR_POINTER             NT_HOME_SIZE
#define CONTEXT(field)          WOW64_CONTEXT_##field(%r13)

	.section .user64.text, "ax"
/* The first instruction of the process; RSP as behind a CALL. */
	.balign	16
FUNCTION(BTCpuSimulate)
	sub	$(FAR_POINTER + 8), %rsp
	mov	%gs:(TEB64_TLS_SLOTS + 8 * WOW64_TLS_CPURESERVED), %r13
	add	$CPURESERVED_CONTEXT, %r13
	lea	TurboThunkDispatch(%rip), %r15
	.globl	RunSimulatedCode
RunSimulatedCode:
	mov	CONTEXT(EDI), %edi
	mov	CONTEXT(ESI), %esi
	mov	CONTEXT(EBX), %ebx
	mov	CONTEXT(EBP), %ebp
	mov	CONTEXT(EAX), %eax
	mov	%rsp, %r14
	btrw	$CPURESERVED_RESET_STATE, CPURESERVED_FLAGS - CPURESERVED_CONTEXT(%r13)
	jc	1f
	/* A call returns: ECX, EDX and the flags are not part of that. */
	mov	CONTEXT(EIP), %ecx
	mov	%ecx, FAR_POINTER(%r14)
	movw	$(KGDT64_R3_CMCODE | NT_RPL_USER), FAR_POINTER + 4(%r14)
	mov	CONTEXT(ESP), %esp
	ljmpl	*FAR_POINTER(%r14)
	/* The context was set from outside: all of it counts. */
1:	mov	CONTEXT(SEG_SS), %ecx
	push	%rcx
	mov	CONTEXT(ESP), %ecx
	push	%rcx
	mov	CONTEXT(EFLAGS), %ecx
	push	%rcx
	mov	CONTEXT(SEG_CS), %ecx
	push	%rcx
	mov	CONTEXT(EIP), %ecx
	push	%rcx
	mov	CONTEXT(ECX), %ecx
	mov	CONTEXT(EDX), %edx
	iretq
END(BTCpuSimulate)

/*
 * 32-bit code has jumped to CS 33.  EAX = service number, ESP: return address
 * in the stub, return address in its caller, arguments.
 */
	.balign	16
FUNCTION(CpupReturnFromSimulatedCode)
	xchg	%rsp, %r14
	mov	%r14d, %r14d
	mov	(%r14), %ecx
	mov	%ecx, CONTEXT(EIP)
	lea	4(%r14), %ecx
	mov	%ecx, CONTEXT(ESP)
	mov	%edi, CONTEXT(EDI)
	mov	%esi, CONTEXT(ESI)
	mov	%ebx, CONTEXT(EBX)
	mov	%ebp, CONTEXT(EBP)
	lea	8(%r14), %edx
	mov	%eax, %ecx
	shr	$16, %ecx			/* which thunk; 0 is the general one */
	and	$(TURBO_THUNKS - 1), %ecx
	jmp	*(%r15, %rcx, 8)
END(CpupReturnFromSimulatedCode)

	.balign	16
FUNCTION(TurboDispatchJumpAddressEnd)
	movzwl	%ax, %ecx
	call	Wow64SystemServiceEx
	mov	%eax, CONTEXT(EAX)
	jmp	RunSimulatedCode
END(TurboDispatchJumpAddressEnd)

	.section .user64.rodata, "a"
	.balign	8
OBJECT(TurboThunkDispatch)
	.rept	TURBO_RETURN
	.quad	TurboDispatchJumpAddressEnd
	.endr
	.quad	CpupReturnFromSimulatedCode	/* where KiFastSystemCall goes */
	.rept	TURBO_THUNKS - 1 - TURBO_RETURN
	.quad	TurboDispatchJumpAddressEnd
	.endr
END(TurboThunkDispatch)

	.section .user64.data, "aw"
	.balign	16
OBJECT(KiWow64Teb)
	.org	KiWow64Teb + TEB64_SELF
	.quad	KiWow64Teb
	.org	KiWow64Teb + TEB64_TLS_SLOTS + 8 * WOW64_TLS_CPURESERVED
	.quad	Wow64CpuReserved
	.org	KiWow64Teb + TEB64_SIZE
END(KiWow64Teb)

OBJECT(KiNativeTeb)
	.org	KiNativeTeb + TEB64_SELF
	.quad	KiNativeTeb
	.org	KiNativeTeb + TEB64_SIZE
END(KiNativeTeb)

#define FIELD(name)             .org Wow64CpuReserved + CPURESERVED_CONTEXT + WOW64_CONTEXT_##name
	.balign	16
OBJECT(Wow64CpuReserved)
	.short	1 << CPURESERVED_RESET_STATE, 0x14c	/* flags; IMAGE_FILE_MACHINE_I386 */
	FIELD(EIP);	.long app32.Start
	FIELD(SEG_CS);	.long KGDT64_R3_CMCODE | NT_RPL_USER
	FIELD(EFLAGS);	.long 0x202
	FIELD(ESP);	.long App32StackTop
	FIELD(SEG_SS);	.long KGDT64_R3_DATA | NT_RPL_USER
	FIELD(SIZE)
END(Wow64CpuReserved)

	.section .user64.bss, "aw", @nobits
	.balign	16
	.skip	0x1000
	.globl	Wow64StackTop
Wow64StackTop:
	.skip	0x1000
	.globl	NativeStackTop
NativeStackTop:

	.section .note.GNU-stack, "", @progbits
