/*
 * User APCs: queued to a thread, delivered when it is about to leave the
 * kernel.  Delivery puts the interrupted context and the routine's arguments
 * on the user's stack and lets the frame return to ntdll's dispatcher, which
 * calls the routine and then NtContinue; that makes the context the frame again.
 */
#include "kernel.h"
#include "layout.h"
#include "x86.h"

extern const char NtdllKiUserApcDispatcher[] __asm__("ntdll.KiUserApcDispatcher");

#define APCS 2
#define USER_MODE 1

/* What a program may set of EFLAGS; the rest is as at its start. */
#define USER_FLAGS (X86_RFLAGS_CF | X86_RFLAGS_PF | X86_RFLAGS_AF | X86_RFLAGS_ZF | X86_RFLAGS_SF | \
		    X86_RFLAGS_TF | X86_RFLAGS_DF | X86_RFLAGS_OF | X86_RFLAGS_AC | X86_RFLAGS_ID)

/* The user's stack at the dispatcher: what it calls, with three arguments, and what it continues. */
struct user_apc {
	uint32_t routine, context, argument1, argument2;
	struct context32 saved;
};

/* ContextFlags do not name the extended registers, so nobody reads or writes them. */
#define CONTEXT_BYTES offsetof(struct context32, extended)

static struct kapc32 apcs[APCS];

static void queue(struct kthread32 *thread, struct kapc32 *apc)
{
	struct list_entry32 *head = &thread->apc_state.list_head[USER_MODE];
	struct list_entry32 *last = pointer(head->blink);

	apc->list.flink = address(head);
	apc->list.blink = address(last);
	last->flink = head->blink = address(&apc->list);
	apc->thread = address(thread);
	apc->mode = USER_MODE;
	apc->inserted = 1;
}

/* Only the calling thread: NtCurrentThread() is -2. */
NTAPI ntstatus NtQueueApcThread(uint32_t thread, uint32_t routine, uint32_t context, uint32_t argument1,
				uint32_t argument2)
{
	if (thread != (uint32_t)-2)
		return STATUS_INVALID_HANDLE;
	for (struct kapc32 *apc = apcs; apc < apcs + APCS; apc++) {
		if (apc->inserted)
			continue;
		apc->normal_routine = routine;
		apc->normal_context = context;
		apc->argument1 = argument1;
		apc->argument2 = argument2;
		queue(current_thread(), apc);
		return STATUS_SUCCESS;
	}
	return STATUS_UNSUCCESSFUL;
}

static bool test_alert(struct kthread32 *thread)
{
	const struct list_entry32 *head = &thread->apc_state.list_head[USER_MODE];

	if (head->flink == address(head))
		return false;
	thread->apc_state.user_apc_pending = 1;
	return true;
}

/* User APCs wait until the thread says that it is ready for them; this is one way to. */
NTAPI ntstatus NtTestAlert(void)
{
	test_alert(current_thread());
	return STATUS_SUCCESS;
}

static void context_from_frame(struct context32 *context, const struct ktrap_frame32 *frame)
{
	bool service = frame->previous_mode != UINT32_MAX;

	context->flags = CONTEXT32_FULL;
	context->seg_fs = frame->seg_fs;
	context->seg_ds = context->seg_es = KGDT32_R3_DATA | NT_RPL_USER;
	context->seg_gs = 0;
	context->edi = frame->edi;
	context->esi = frame->esi;
	context->ebx = frame->ebx;
	context->edx = service ? 0 : frame->edx;        /* a system call does not save these two */
	context->ecx = service ? 0 : frame->ecx;
	context->eax = frame->eax;
	context->ebp = frame->ebp;
	context->eip = frame->eip;
	context->seg_cs = frame->seg_cs;
	context->eflags = frame->eflags;
	context->esp = frame->esp;
	context->seg_ss = frame->seg_ss;
}

/* KiInitializeUserApc; false: the user's stack cannot take it. */
static bool initialize_user_apc(struct ktrap_frame32 *frame, const struct kapc32 *apc)
{
	static struct user_apc build;           /* one processor, and no fault in between switches threads */
	uint32_t esp = (frame->esp & ~3u) - sizeof(build);

	build.routine = apc->normal_routine;
	build.context = apc->normal_context;
	build.argument1 = apc->argument1;
	build.argument2 = apc->argument2;
	context_from_frame(&build.saved, frame);
	if (!KiCopyToUser(esp, &build, offsetof(struct user_apc, saved) + CONTEXT_BYTES))
		return false;
	frame->esp = esp;
	frame->eip = address(NtdllKiUserApcDispatcher);
	frame->frame_type = TF32_TYPE_INTERRUPT;        /* no longer what SYSENTER built: IRETD */
	return true;
}

static void KiDeliverApc(struct ktrap_frame32 *frame)
{
	struct kthread32 *thread = current_thread();
	struct list_entry32 *head = &thread->apc_state.list_head[USER_MODE];
	struct list_entry32 *entry = pointer(head->flink);
	struct kapc32 *apc;

	thread->apc_state.user_apc_pending = 0;
	if (entry == head)
		return;
	apc = (void *)((char *)entry - offsetof(struct kapc32, list));
	head->flink = entry->flink;
	((struct list_entry32 *)pointer(entry->flink))->blink = entry->blink;
	apc->inserted = 0;
	if (!initialize_user_apc(frame, apc))
		PspExitProcess(STATUS_ACCESS_VIOLATION);
}

/* On the way out of the kernel, interrupts off: at APC_LEVEL and with interrupts on. */
FASTCALL void KiExitDeliverUserApc(struct ktrap_frame32 *frame)
{
	kirql old = KfRaiseIrql(APC_LEVEL);

	__asm__ volatile("sti" : : : "memory");
	KiDeliverApc(frame);
	KfLowerIrql(old);
	__asm__ volatile("cli" : : : "memory");
}

/* What NtContinue does, but for the return. */
FASTCALL ntstatus KiContinue(struct ktrap_frame32 *frame, uint32_t context)
{
	struct kthread32 *thread = current_thread();
	uint32_t previous_frame = frame->edx;
	static struct context32 c;

	if (!KiCopyFromUser(&c, context, CONTEXT_BYTES))
		return STATUS_ACCESS_VIOLATION;
	test_alert(thread);
	thread->trap_frame = previous_frame;
	thread->previous_mode = (uint8_t)frame->previous_mode;
	frame->previous_mode = UINT32_MAX;
	frame->seg_gs = 0;
	frame->seg_ds = frame->seg_es = frame->seg_ss = KGDT32_R3_DATA | NT_RPL_USER;
	frame->seg_fs = KGDT32_R3_TEB | NT_RPL_USER;
	frame->seg_cs = KGDT32_R3_CODE | NT_RPL_USER;
	frame->edi = c.edi;
	frame->esi = c.esi;
	frame->ebx = c.ebx;
	frame->edx = c.edx;
	frame->ecx = c.ecx;
	frame->eax = c.eax;
	frame->ebp = c.ebp;
	frame->eip = c.eip;
	frame->esp = c.esp;
	frame->eflags = (c.eflags & USER_FLAGS) | X86_RFLAGS_IF | X86_RFLAGS_FIXED;
	return STATUS_SUCCESS;
}
