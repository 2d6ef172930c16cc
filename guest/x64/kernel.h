/*
 * What the kernel's C files share: threads and processes, the debug port, user
 * memory, and the workers behind the service entry points of ssdt.S.
 * NTAPI functions take their arguments as the dispatcher passes them.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include "nt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

#define NTAPI __attribute__((ms_abi))
#define NORETURN __attribute__((noreturn))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

typedef uint32_t ntstatus;

struct kthread {
	uint8_t reserved0[KTHREAD_INITIAL_STACK];
	uint64_t initial_stack;
	uint8_t reserved1[KTHREAD_MISC_FLAGS - KTHREAD_INITIAL_STACK - 8];
	uint32_t misc_flags, reserved2;
	uint32_t system_call_number, reserved3;
	uint64_t first_argument;
	struct ktrap_frame *trap_frame;
	uint8_t reserved4[KTHREAD_PREVIOUS_MODE - KTHREAD_TRAP_FRAME - 8];
	uint8_t previous_mode;          /* 0 kernel, 1 user */
	uint8_t reserved5[5];
	uint32_t win32k_calls;          /* ours */
};

#define KTHREAD_ASSERT(field, offset) _Static_assert(offsetof(struct kthread, field) == (offset), #field)
KTHREAD_ASSERT(misc_flags, KTHREAD_MISC_FLAGS);
KTHREAD_ASSERT(system_call_number, KTHREAD_SYSTEM_CALL_NUMBER);
KTHREAD_ASSERT(first_argument, KTHREAD_FIRST_ARGUMENT);
KTHREAD_ASSERT(trap_frame, KTHREAD_TRAP_FRAME);
KTHREAD_ASSERT(previous_mode, KTHREAD_PREVIOUS_MODE);

static inline struct kthread *current_thread(void)
{
	struct kthread *thread;

	__asm__ volatile("mov %%gs:%c1, %0" : "=r"(thread) : "i"(KPCR_CURRENT_THREAD));
	return thread;
}

/* --- console.c: the debug port --- */
void DbgText(const char *text, size_t size);
void DbgHex(uintptr_t value);                   /* lower case, no leading zeros */
#define DBG(literal) DbgText(literal, sizeof(literal) - 1)
NORETURN void KiHalt(uint32_t code);            /* the exit port */

/* --- usercopy.S --- */
bool KiCopyFromUser(void *to, uint64_t user, uint32_t size);
bool KiCopyToUser(uint64_t user, const void *from, uint32_t size);

/* --- init.c, boot.S --- */
NORETURN void KiInitSystem(void);
void DbgBreakPointUnaligned(void);

/* --- dispatch.c --- */
void KiDispatchTrap(struct ktrap_frame *frame, uint32_t vector);
NORETURN void KiBugCheckTrap(struct ktrap_frame *frame, uint32_t vector);

/* --- process.c, syscall.S --- */
NORETURN void KiStartNextProcess(void);
NORETURN void PspExitProcess(ntstatus status);
NORETURN void KiStartUserThread(uint64_t rip, uint64_t rsp, uint64_t teb, uint64_t cr3);
void KiConvertToGuiThread(struct kthread *thread);

/* --- services --- */
NTAPI ntstatus IopCreateFile(uint64_t handle, uint64_t access, uint64_t attributes, uint64_t iosb,
			     uint64_t allocation, uint64_t file_attributes, uint64_t share,
			     uint64_t disposition, uint64_t options, uint64_t ea, uint64_t ea_size);
NTAPI ntstatus IopReadFile(uint64_t handle, uint64_t event, uint64_t apc, uint64_t apc_context,
			   uint64_t iosb, uint64_t buffer, uint64_t size, uint64_t offset, uint64_t key);
NTAPI ntstatus IopWriteFile(uint64_t handle, uint64_t event, uint64_t apc, uint64_t apc_context,
			    uint64_t iosb, uint64_t buffer, uint64_t size, uint64_t offset, uint64_t key);
NTAPI ntstatus ObpCloseHandle(uint64_t handle);
NTAPI ntstatus PspTerminateProcess(uint64_t process, uint64_t status);
NTAPI ntstatus KxDisplayString(uint64_t string);
NTAPI ntstatus KxSetSystemCall(uint64_t value);
NTAPI uint64_t xxxGetThreadState(uint64_t routine);

#pragma GCC visibility pop

#endif
