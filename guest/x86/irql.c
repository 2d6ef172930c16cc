/*
 * IRQL and the software interrupt below it: raise, lower, deferred procedure
 * calls that run when the level drops, and the end of a quantum, which then
 * switches threads.  There is one processor and no interrupt controller.
 */
#include "kernel.h"

static uint32_t disable_interrupts(void)
{
	uint32_t flags;

	__asm__ volatile("pushf; pop %0; cli" : "=r"(flags) : : "memory");
	return flags;
}

static void restore_interrupts(uint32_t flags)
{
	__asm__ volatile("push %0; popf" : : "r"(flags) : "memory", "cc");
}

/* The level is per processor, not per thread: KPCR.Irql, fs:[24h]. */
static kirql current_irql(void)
{
	return *(volatile uint8_t *)&KiInitialPCR.irql;
}

static void set_irql(kirql irql)
{
	*(volatile uint8_t *)&KiInitialPCR.irql = irql;
}

FASTCALL kirql KfRaiseIrql(kirql irql)
{
	kirql old = current_irql();

	if (irql < old)
		KeBugCheck(IRQL_NOT_GREATER_OR_EQUAL);
	set_irql(irql);
	return old;
}

/* Set the level, then take what waited for it.  Other threads may run in between. */
FASTCALL void HalpLowerIrql(kirql irql)
{
	struct kpcr32 *pcr = &KiInitialPCR;
	uint32_t flags = disable_interrupts();

	set_irql(irql);
	while (irql < DISPATCH_LEVEL && pcr->irr & 1 << DISPATCH_LEVEL) {
		pcr->irr &= ~(1u << DISPATCH_LEVEL);
		set_irql(DISPATCH_LEVEL);
		KiDispatchInterrupt();
		set_irql(irql);
	}
	restore_interrupts(flags);
}

/* Document 002's version of this function hangs on the first condition; this one says so and ends. */
FASTCALL void KfLowerIrql(kirql irql)
{
	if (irql > current_irql())
		KeBugCheck(IRQL_NOT_GREATER_OR_EQUAL);
	HalpLowerIrql(irql);
}

/* False: it is in the queue already. */
bool KeInsertQueueDpc(struct kdpc32 *dpc, uint32_t argument1, uint32_t argument2)
{
	struct kprcb32 *prcb = &KiInitialPCR.prcb;
	uint32_t flags = disable_interrupts();
	bool inserted = !dpc->lock;

	if (inserted) {
		struct list_entry32 *last = pointer(prcb->dpc_list_head.blink);

		dpc->lock = address(prcb);
		dpc->argument1 = argument1;
		dpc->argument2 = argument2;
		dpc->list.flink = address(&prcb->dpc_list_head);
		dpc->list.blink = address(last);
		last->flink = prcb->dpc_list_head.blink = address(&dpc->list);
		prcb->dpc_queue_depth++;
		prcb->dpc_count++;
		KiInitialPCR.irr |= 1 << DISPATCH_LEVEL;        /* HalRequestSoftwareInterrupt */
	}
	restore_interrupts(flags);
	return inserted;
}

static void run_dpc(struct kprcb32 *prcb, struct list_entry32 *entry)
{
	struct kdpc32 *dpc = (void *)((char *)entry - offsetof(struct kdpc32, list));
	NTAPI void (*routine)(struct kdpc32 *, uint32_t, uint32_t, uint32_t) = pointer(dpc->routine);

	prcb->dpc_list_head.flink = entry->flink;
	((struct list_entry32 *)pointer(entry->flink))->blink = entry->blink;
	prcb->dpc_queue_depth--;
	dpc->lock = 0;
	routine(dpc, dpc->context, dpc->argument1, dpc->argument2);
}

/* The quantum is used up: the other thread's turn. */
void KiQuantumEnd(struct kprcb32 *prcb)
{
	struct kthread32 *current = pointer(prcb->current_thread);

	prcb->next_thread = address(&KiThreads[current == KiThreads]);
}

/* At DISPATCH_LEVEL, with interrupts off: DPCs first, then a switch if there is reason for one. */
void KiDispatchInterrupt(void)
{
	struct kprcb32 *prcb = &KiInitialPCR.prcb;

	while (prcb->dpc_list_head.flink != address(&prcb->dpc_list_head)) {
		prcb->dpc_routine_active = 1;
		run_dpc(prcb, pointer(prcb->dpc_list_head.flink));
		prcb->dpc_routine_active = 0;
	}
	if (prcb->quantum_end) {
		prcb->quantum_end = 0;
		KiQuantumEnd(prcb);
	}
	if (prcb->next_thread) {
		struct kthread32 *next = pointer(prcb->next_thread);

		prcb->next_thread = 0;
		KiSwapContext(current_thread(), next);
	}
}
