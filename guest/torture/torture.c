/*
 * The loop over a batch of cases: prepares each, enters it, and writes down
 * what the handler in which it ended has found.  Judges nothing.
 */
#include "kernel.h"

static volatile struct torture_control *const control = (void *)TORTURE_CONTROL;
static struct torture_record *record;
static uint64_t efer_now;

static uint64_t descriptor(uint16_t selector)
{
	unsigned row = selector >> 3;

	return row < TORTURE_GDT_ROWS && !(selector & X86_SELECTOR_TI) ? torture_gdt[row] : 0;
}

static int in_stacks(uint64_t address)
{
	const uint64_t room = TORTURE_STACKS_SIZE - sizeof(record->out.pushed);

	return address - TORTURE_STACKS <= room || address - TORTURE_STACKS_HIGH <= room;
}

void torture_observe(const struct torture_saved *saved, uint16_t cs, uint16_t ss)
{
	struct torture_outcome *out = &record->out;
	const unsigned observer = record->in.observer & 1;
	const uint64_t entry = (uint64_t)(uintptr_t)saved->frame;
	const uint64_t top = TORTURE_OBSERVER_TOP + observer * TORTURE_OBSERVER_STEP;
	/* Without an error code the frame is a word shorter. */
	const unsigned first = top - entry > 5 * sizeof(uint64_t);
	const uint64_t rsp = saved->frame[first + 3];

	for (unsigned i = 0; i < 16; i++)
		out->gpr[i] = saved->gpr[i];
	out->gpr[4] = entry;
	out->rflags = saved->rflags;
	out->vector = saved->vector;
	for (unsigned i = 0; i < 5 + first; i++)
		out->frame[i] = saved->frame[i];
	out->has_pushed = in_stacks(rsp);
	for (unsigned i = 0; out->has_pushed && i < 5; i++)
		out->pushed[i] = ((const uint64_t *)(uintptr_t)rsp)[i];
	__asm__ volatile("mov %%cr2, %0" : "=r"(out->cr2));
	out->gs_base = rdmsr(X86_MSR_GS_BASE);
	out->kernel_gs_base = rdmsr(X86_MSR_KERNEL_GS_BASE);
	if (record->in.insn == TORTURE_WRMSR)
		out->msr = rdmsr((uint32_t)record->in.gpr[1]);
	out->cs_descriptor = descriptor((uint16_t)saved->frame[first + 1]);
	out->ss_descriptor = descriptor((uint16_t)saved->frame[first + 4]);
	out->cs = cs;
	out->ss = ss;
}

/* EFER is the one register whose every change leaves the guest for a moment. */
static void put_efer(uint64_t value)
{
	if (value != efer_now)
		wrmsr(X86_MSR_EFER, value);
	efer_now = value;
}

static void put_msrs(const struct torture_case *c)
{
	put_efer(c->efer);
	wrmsr(X86_MSR_STAR, c->star);
	wrmsr(X86_MSR_LSTAR, c->lstar);
	wrmsr(X86_MSR_CSTAR, c->cstar);
	wrmsr(X86_MSR_FMASK, c->fmask);
	wrmsr(X86_MSR_SYSENTER_CS, c->sysenter_cs);
	wrmsr(X86_MSR_SYSENTER_ESP, c->sysenter_esp);
	wrmsr(X86_MSR_SYSENTER_EIP, c->sysenter_eip);
	wrmsr(X86_MSR_GS_BASE, c->gs_base);
	wrmsr(X86_MSR_KERNEL_GS_BASE, c->kernel_gs_base);
}

static void run(struct torture_record *r)
{
	record = r;
	tables_prepare(&r->in);
	put_msrs(&r->in);
	if (r->in.has_frame) {
		for (unsigned i = 0; i < 5; i++)
			((uint64_t *)(uintptr_t)r->in.gpr[4])[i] = r->in.frame[i];
	}
	torture_enter(&r->in);
}

/*
 * VIF and VIP stay once something has set them where IRET does not load them:
 * the machine must be set back, or the next case would not start as it says.
 */
static int is_stained(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; pop %0" : "=r"(flags));
	return (flags & (X86_RFLAGS_VIF | X86_RFLAGS_VIP)) != 0;
}

void torture_main(void)
{
	struct torture_record *const batch = (void *)TORTURE_CASES;

	tables_build();
	for (;;) {
		__asm__ volatile("out %%al, %1" :: "a"(0), "N"(TORTURE_PORT) : "memory");
		/* The machine may have been set back meanwhile. */
		efer_now = 0;
		while (control->next < control->end && !is_stained()) {
			run(&batch[control->next]);
			control->next++;
		}
	}
}
