/*
 * The 32-bit process: kernel32, kernelbase and ntdll in miniature, and a
 * program that writes a file by SYSCALL and reads it back by INT 2Eh.
 * Runs at CS 23, SS 2B, FS 53; everything is called by stdcall.
 */
#include "app32.h"
#include "layout.h"
#include "nt.h"

#define SYSTEM_CALL             (NT_SHARED_USER + KUSER_SYSTEM_CALL)
#define GENERIC_READ_WRITE      0xc0000000
#define CREATE_ALWAYS           2
#define OBJ_CASE_INSENSITIVE    0x40

	.section .user32.text, "ax"
	.code32

/* ntdll: the stub of Windows 7 and 8, through TEB.WOW32Reserved. */
#define STUB(name, number, arguments)			\
	.balign	16;					\
	FUNCTION(name)					\
	mov	$number, %eax;				\
	call	*%fs:TEB32_WOW32_RESERVED;		\
	ret	$(4 * arguments);			\
	END(name)
STUB(ntdll32.NtReadFile, NT_READ_FILE, 9)
STUB(ntdll32.NtWriteFile, NT_WRITE_FILE, 9)
STUB(ntdll32.NtClose, NT_CLOSE, 1)
STUB(ntdll32.NtTerminateProcess, NT_TERMINATE_PROCESS, 2)
STUB(ntdll32.NtCreateFile, NT_CREATE_FILE, 11)
STUB(ntdll32.NtDisplayString, NT_DISPLAY_STRING, 1)
STUB(ntdll32.GuestSetSystemCall, GUEST_SET_SYSTEM_CALL, 1)

/*
 * wow64cpu's page below 4 GiB.  The jump is seven bytes and goes nine on; what
 * it lands on is 64-bit code.
 */
	.balign	16
FUNCTION(KiFastSystemCall)
	ljmp	$(KGDT64_R3_CODE | NT_RPL_USER), $1f
	nop
	nop
	.code64
1:	jmp	*(8 * TURBO_RETURN)(%r15)
	.code32
END(KiFastSystemCall)

/* HANDLE CreateFileW(name, access, share, security, disposition, flags, template) */
	.balign	16
FUNCTION(kernel32.CreateFileW)
	jmp	kernelbase.CreateFileW
END(kernel32.CreateFileW)

#define ARGUMENT(n)             (8 + 4 * (n))(%ebp)
#define LOCAL(offset)           (offset)(%ebp)
#define NAME                    -8              /* UNICODE_STRING */
#define ATTRIBUTES              -32             /* OBJECT_ATTRIBUTES, 24 bytes */
#define IOSB                    -40
#define HANDLE                  -44
	.balign	16
FUNCTION(kernelbase.CreateFileW)
	push	%ebp
	mov	%esp, %ebp
	sub	$44, %esp

	/* RtlInitUnicodeString */
	mov	ARGUMENT(0), %eax
	mov	%eax, LOCAL(NAME + 4)
1:	add	$2, %eax
	cmpw	$0, (%eax)
	jne	1b
	sub	ARGUMENT(0), %eax
	mov	%ax, LOCAL(NAME)
	mov	%ax, LOCAL(NAME + 2)

	lea	LOCAL(NAME), %eax
	movl	$24, LOCAL(ATTRIBUTES)
	movl	$0, LOCAL(ATTRIBUTES + 4)
	mov	%eax, LOCAL(ATTRIBUTES + 8)
	movl	$OBJ_CASE_INSENSITIVE, LOCAL(ATTRIBUTES + 12)
	movl	$0, LOCAL(ATTRIBUTES + 16)
	movl	$0, LOCAL(ATTRIBUTES + 20)

	push	$0				/* EaLength, EaBuffer, CreateOptions */
	push	$0
	push	$0
	mov	$FILE_OPEN, %eax
	cmpl	$CREATE_ALWAYS, ARGUMENT(4)
	jne	2f
	mov	$FILE_OVERWRITE_IF, %eax
2:	push	%eax
	pushl	ARGUMENT(2)
	pushl	ARGUMENT(5)
	push	$0				/* AllocationSize */
	lea	LOCAL(IOSB), %eax
	push	%eax
	lea	LOCAL(ATTRIBUTES), %eax
	push	%eax
	pushl	ARGUMENT(1)
	lea	LOCAL(HANDLE), %eax
	push	%eax
	call	ntdll32.NtCreateFile
	test	%eax, %eax
	mov	$-1, %eax			/* INVALID_HANDLE_VALUE */
	js	3f
	mov	LOCAL(HANDLE), %eax
3:	leave
	ret	$28
END(kernelbase.CreateFileW)

/* Nine arguments: HANDLE in EDI, the buffer in ESI, its size in ECX, the offset's address in EDX. */
	.macro	transfer function
	push	$0				/* Key */
	push	%edx				/* ByteOffset */
	push	%ecx
	push	%esi
	push	$iosb
	push	$0				/* ApcContext, ApcRoutine, Event */
	push	$0
	push	$0
	push	%edi
	call	\function
	.endm

	.balign	16
FUNCTION(app32.Start)
	push	$0
	push	$0
	push	$CREATE_ALWAYS
	push	$0
	push	$0
	push	$GENERIC_READ_WRITE
	push	$App32FileName
	call	kernel32.CreateFileW
	mov	%eax, %edi
	mov	$App32Content, %esi
	mov	$APP32_CONTENT_SIZE, %ecx
	xor	%edx, %edx
	transfer ntdll32.NtWriteFile
	test	%eax, %eax
	jnz	failed

	push	$1				/* from here on: INT 2Eh */
	call	ntdll32.GuestSetSystemCall
	mov	$(App32Message + APP32_MESSAGE_CONTENT), %esi
	mov	$APP32_CONTENT_SIZE, %ecx
	mov	$start_of_file, %edx
	transfer ntdll32.NtReadFile
	test	%eax, %eax
	jnz	failed
	cmpl	$APP32_CONTENT_SIZE, iosb + 4
	jne	failed
	push	%edi
	call	ntdll32.NtClose

	testb	$1, SYSTEM_CALL			/* say which way the stubs took */
	jz	1f
	mov	$App32ByInt, %esi
	mov	$(App32Message + APP32_MESSAGE_PATH), %edi
	mov	$(APP32_PATH_SIZE / 4), %ecx
	rep movsl
1:	push	$message_string
	call	ntdll32.NtDisplayString

	/* Not what Windows does: enter the kernel without leaving CS 23. */
app32.Syscall:
	syscall
app32.SyscallRefused:
	xor	%ebx, %ebx
	jmp	exit
failed:	mov	%eax, %ebx
	or	$1, %ebx
exit:	push	%ebx
	push	$-1
	call	ntdll32.NtTerminateProcess
	ud2
END(app32.Start)
	RECOVER(app32.Syscall, app32.SyscallRefused)

	.section .user32.data, "aw"
	.balign	16
OBJECT(KiTeb32)
	.org	KiTeb32 + TEB32_SELF
	.long	KiTeb32
	.org	KiTeb32 + TEB32_WOW32_RESERVED
	.long	KiFastSystemCall
	.org	KiTeb32 + TEB32_SIZE
END(KiTeb32)

start_of_file:
	.quad	0
iosb:	.quad	0
message_string:
	.short	APP32_MESSAGE_SIZE, APP32_MESSAGE_SIZE
	.long	App32Message

	.section .user32.bss, "aw", @nobits
	.balign	16
	.skip	0x800
	.globl	App32StackTop
App32StackTop:

	.section .note.GNU-stack, "", @progbits
