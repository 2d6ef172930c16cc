/*
 * Two processes of one thread each, run one after the other: first the 32-bit
 * one, then the native one, which reads what the first has written.
 */
#include "kernel.h"
#include "layout.h"
#include "x86.h"

#pragma GCC visibility push(hidden)
extern const char KiThread0StackTop[], KiThread1StackTop[];
extern const char KiNativePml4[], KiWow64Pml4[];
extern const char BTCpuSimulate[], NativeMain[];
extern const char KiWow64Teb[], KiNativeTeb[], Wow64StackTop[], NativeStackTop[];
extern struct kthread KiThreads[];
extern char KiTss[];
#pragma GCC visibility pop

struct process {
	const char *start, *stack, *teb, *page_tables, *kernel_stack;
};

/* Neither const nor static: a compiler that knew a value would take its address by 32-bit displacement, out of reach. */
struct process KiProcesses[] = {
#ifndef SWEEP                                   /* which has no use for 32-bit code */
	{ BTCpuSimulate, Wow64StackTop, KiWow64Teb, KiWow64Pml4, KiThread0StackTop },
#endif
	{ NativeMain, NativeStackTop, KiNativeTeb, KiNativePml4, KiThread1StackTop },
};

struct kthread KiThreads[ARRAY_SIZE(KiProcesses)];
static size_t started;
static ntstatus first_failure;

static void set_current_thread(struct kthread *thread, uint64_t stack)
{
	thread->initial_stack = stack;
	__builtin_memcpy(KiTss + X86_TSS64_RSP0, &stack, sizeof(stack));
	__asm__ volatile("mov %0, %%gs:%c1" : : "r"(thread), "i"(KPCR_CURRENT_THREAD) : "memory");
	__asm__ volatile("mov %0, %%gs:%c1" : : "r"(stack), "i"(KPCR_RSP_BASE) : "memory");
}

void KiStartNextProcess(void)
{
	const struct process *p;

	if (started == ARRAY_SIZE(KiProcesses))
		KiHalt(first_failure);
	p = &KiProcesses[started];
	set_current_thread(&KiThreads[started], (uint64_t)p->kernel_stack);
	started++;
	/* A function's first instruction finds RSP as a CALL leaves it, home space above. */
	KiStartUserThread((uint64_t)p->start, (uint64_t)p->stack - NT_HOME_SIZE - 8, (uint64_t)p->teb,
			  (uint64_t)p->page_tables - KERNEL_BASE);
}

void PspExitProcess(ntstatus status)
{
	if (!first_failure)
		first_failure = status;
	KiStartNextProcess();
}

NTAPI ntstatus PspTerminateProcess(uint64_t process, uint64_t status)
{
	if (process != UINT64_MAX)              /* NtCurrentProcess(), the only handle there is */
		return STATUS_INVALID_HANDLE;
	PspExitProcess((ntstatus)status);
}
