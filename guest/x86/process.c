/*
 * The two threads: the program's, which enters the kernel from ring 3, and a
 * system thread, which never leaves it and runs when the program's quantum ends.
 */
#include "kernel.h"
#include "layout.h"

extern char KiThread0Stack[], KiThread0StackTop[], KiThread1Stack[], KiThread1StackTop[];
extern const char KeServiceDescriptorTable[], KeServiceDescriptorTableShadow[];
extern const uint32_t PerfSystemCallsLogged;

/*
 * What a system call saves and puts back: the exception list and the frame
 * that a thread has outside of one.  Nobody follows either.
 */
static const struct { uint32_t next, handler; } first_registration = { UINT32_MAX, 0 };
static const struct ktrap_frame32 first_frame;

#define SELF(list) { (uint32_t)&(list), (uint32_t)&(list) }

struct kthread32 KiThreads[2] = {
	{
		.initial_stack = (uint32_t)KiThread0StackTop,
		.stack_limit = (uint32_t)KiThread0Stack,
		.apc_state.list_head[0] = SELF(KiThreads[0].apc_state.list_head[0]),
		.apc_state.list_head[1] = SELF(KiThreads[0].apc_state.list_head[1]),
		.teb = TEB_ADDRESS,
		.service_table = (uint32_t)KeServiceDescriptorTable,
		.previous_mode = 1,
		.trap_frame = (uint32_t)&first_frame,
	}, {
		.initial_stack = (uint32_t)KiThread1StackTop,
		.stack_limit = (uint32_t)KiThread1Stack,
		.apc_state.list_head[0] = SELF(KiThreads[1].apc_state.list_head[0]),
		.apc_state.list_head[1] = SELF(KiThreads[1].apc_state.list_head[1]),
		.service_table = (uint32_t)KeServiceDescriptorTable,
	},
};

/* What the clock would do: say that the quantum is used up.  It runs at DISPATCH_LEVEL. */
static NTAPI void quantum_dpc_routine(struct kdpc32 *dpc, uint32_t context, uint32_t argument1,
				      uint32_t argument2)
{
	(void)dpc, (void)context, (void)argument1, (void)argument2;
	DBG("dpc at irql ");
	DbgHex(KiInitialPCR.irql);
	DBG("\n");
	KiInitialPCR.prcb.quantum_end = 1;
}

static struct kdpc32 quantum_dpc = { .type = 19, .routine = (uint32_t)quantum_dpc_routine };

/* The DPC is queued above its level, so it waits for the drop; behind that the other thread has run. */
static void yield(void)
{
	kirql old = KfRaiseIrql(DISPATCH_LEVEL);

	KeInsertQueueDpc(&quantum_dpc, 0, 0);
	KfLowerIrql(old);
}

NTAPI ntstatus NtYieldExecution(void)
{
	yield();
	return STATUS_SUCCESS;
}

/* Its own system call: on kernel addresses, which only PreviousMode allows. */
static void system_thread(void)
{
	static const char text[] = "system thread\n";
	struct io_status_block32 iosb;

	for (;;) {
		ZwWriteFile(CONSOLE_HANDLE, 0, 0, 0, address(&iosb), address(text), sizeof(text) - 1, 0, 0);
		yield();
	}
}

/* As KiSwapContext leaves a stack: ExceptionList, EDI, ESI, EBX, EBP, EIP. */
void KiInitThreads(void)
{
	struct kthread32 *thread = &KiThreads[1];
	uint32_t *top = pointer(thread->initial_stack - NT32_NPX_FRAME_LENGTH - TF32_V86_SIZE);
	uint32_t *sp = top - 6;

	sp[0] = UINT32_MAX;
	sp[3] = (uint32_t)system_thread;
	sp[5] = (uint32_t)KiThreadStartup;
	thread->kernel_stack = address(sp);
	KiInitialPCR.tib.exception_list = address(&first_registration);
}

/* A number in table 1 from a thread that has only table 0. */
ntstatus PsConvertToGuiThread(void)
{
	struct kthread32 *thread = current_thread();

	if (thread->service_table == address(KeServiceDescriptorTableShadow))
		return STATUS_ALREADY_WIN32;
	thread->service_table = address(KeServiceDescriptorTableShadow);
	DBG("win32k attached\n");
	return STATUS_SUCCESS;
}

void PspExitProcess(ntstatus status)
{
	DBG("system calls ");
	DbgHex(KiInitialPCR.prcb.system_calls);
	DBG(", context switches ");
	DbgHex(KiInitialPCR.prcb.context_switches);
	if (PerfSystemCallsLogged) {
		DBG(", logged ");
		DbgHex(PerfSystemCallsLogged);
	}
	DBG("\n");
	KiHalt(status);
}
