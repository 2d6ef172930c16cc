/*
 * What the kernel's C files share: threads, the processor's blocks, the debug
 * port, user memory, IRQL and APCs.  Services take their arguments as the
 * dispatcher has copied them: stdcall.  Addresses are 32-bit numbers where a
 * structure of Windows holds them.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include "nt32.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NTAPI __attribute__((stdcall))
#define FASTCALL __attribute__((fastcall))
#define NORETURN __attribute__((noreturn))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

typedef uint32_t ntstatus;
typedef uint8_t kirql;

extern struct kpcr32 KiInitialPCR;      /* descriptors.S */
extern struct kthread32 KiThreads[2];   /* process.c: the program's, the system's */

static inline struct kthread32 *current_thread(void)
{
	struct kthread32 *thread;

	__asm__ volatile("mov %%fs:%c1, %0" : "=r"(thread) : "i"(KPCR32_CURRENT_THREAD));
	return thread;
}

static inline void *pointer(uint32_t address)
{
	return (void *)(uintptr_t)address;
}

static inline uint32_t address(const volatile void *p)
{
	return (uint32_t)(uintptr_t)p;
}

/* --- console.c: the debug port --- */
void DbgText(const char *text, size_t size);
void DbgHex(uintptr_t value);                   /* lower case, no leading zeros */
#define DBG(literal) DbgText(literal, sizeof(literal) - 1)
NORETURN void KiHalt(uint32_t code);            /* the exit port */

/* --- usercopy.S --- */
FASTCALL bool KiCopyFromUser(void *to, uint32_t user, uint32_t size);
FASTCALL bool KiCopyToUser(uint32_t user, const void *from, uint32_t size);
FASTCALL bool KiPrintFromUser(uint32_t unused, uint32_t user, uint32_t size);

/* --- init.c --- */
NORETURN void KiInitSystem(void);
void KiSetSysenterCs(uint32_t selector);
ntstatus KiSetSystemCall(bool fast);

/* --- dispatch.c --- */
FASTCALL void KiDispatchTrap(struct ktrap_frame32 *frame, uint32_t vector);
FASTCALL NORETURN void KiBugCheckTask(uint32_t vector);
NORETURN void KeBugCheck(uint32_t code);

/* --- process.c, syscall.S, swap.S --- */
void KiInitThreads(void);
NORETURN void PspExitProcess(ntstatus status);
FASTCALL NORETURN void KiStartUserThread(uint32_t eip, uint32_t esp);
FASTCALL void KiSwapContext(struct kthread32 *current, struct kthread32 *next);
void KiThreadStartup(void);
ntstatus PsConvertToGuiThread(void);

/* --- irql.c --- */
FASTCALL kirql KfRaiseIrql(kirql irql);
FASTCALL void KfLowerIrql(kirql irql);
FASTCALL void HalpLowerIrql(kirql irql);
bool KeInsertQueueDpc(struct kdpc32 *dpc, uint32_t argument1, uint32_t argument2);
void KiDispatchInterrupt(void);
void KiQuantumEnd(struct kprcb32 *prcb);

/* --- apc.c --- */
FASTCALL void KiExitDeliverUserApc(struct ktrap_frame32 *frame);
FASTCALL ntstatus KiContinue(struct ktrap_frame32 *frame, uint32_t context);

/* --- file.c --- */
void ObKillHandles(void);

/* --- services: apc.c, file.c, process.c, services.c --- */
NTAPI ntstatus NtCreateFile(uint32_t handle, uint32_t access, uint32_t attributes, uint32_t iosb,
			    uint32_t allocation, uint32_t file_attributes, uint32_t share,
			    uint32_t disposition, uint32_t options, uint32_t ea, uint32_t ea_size);
NTAPI ntstatus NtReadFile(uint32_t handle, uint32_t event, uint32_t apc, uint32_t apc_context, uint32_t iosb,
			  uint32_t buffer, uint32_t size, uint32_t offset, uint32_t key);
NTAPI ntstatus NtWriteFile(uint32_t handle, uint32_t event, uint32_t apc, uint32_t apc_context, uint32_t iosb,
			   uint32_t buffer, uint32_t size, uint32_t offset, uint32_t key);
NTAPI ntstatus NtClose(uint32_t handle);
NTAPI ntstatus NtQueueApcThread(uint32_t thread, uint32_t routine, uint32_t context, uint32_t argument1,
				uint32_t argument2);
NTAPI ntstatus NtTestAlert(void);
NTAPI ntstatus NtYieldExecution(void);
NTAPI ntstatus NtTerminateProcess(uint32_t process, uint32_t status);
NTAPI uint32_t NtUserGetThread(uint32_t routine);
NTAPI ntstatus NtGdiFlushUserBatch(void);
NTAPI ntstatus GuestSetSystemCall(uint32_t fast);
NTAPI ntstatus GuestSetSysenterCs(uint32_t selector);
NTAPI ntstatus GuestHideSegments(uint32_t hide);

/* --- the kernel's own system calls: syscall.S --- */
NTAPI ntstatus ZwWriteFile(uint32_t handle, uint32_t event, uint32_t apc, uint32_t apc_context, uint32_t iosb,
			   uint32_t buffer, uint32_t size, uint32_t offset, uint32_t key);
NTAPI ntstatus ZwClose(uint32_t handle);

#endif
