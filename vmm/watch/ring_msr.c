/*
 * RDMSR and WRMSR under method "ring": transitions like any other, and the
 * guest's own LSTAR, CSTAR and SYSENTER_EIP in place of the stub's addresses.
 */
#include "watch/ring_run.h"

#include "image/image.h"
#include "watch/insn.h"
#include "watch/structures.h"

/* What is about to be executed, for whoever wants to know before. */
static void begin(struct ring *r, const struct vm_exit *exit, struct transition *t)
{
	const struct x86_state *b = &t->before;
	uint8_t bytes[INSN_MAX];
	struct insn i;

	insn_decode(&i, b, bytes, (unsigned)view_read(r->w->view, b, code_linear(b, b->rip), bytes, sizeof bytes));
	t->gate = (struct gate){
		.kind = exit->kind == EXIT_WRMSR ? GATE_WRMSR : GATE_RDMSR, .length = i.length, .operand_size = i.operand_size,
	};
	t->msr_index = exit->msr.index;
	t->msr_exit = true;
	if (r->w->about)
		r->w->about(r->w->context, t);
}

/* Do what was asked for; *served: it did not fault.  The instruction is not over yet. */
static void serve(struct ring *r, unsigned cpu, const struct vm_exit *exit, struct transition *t, bool *served)
{
	uint64_t *own = ring_own(r, cpu, exit->msr.index);

	if (own && exit->kind == EXIT_RDMSR) {
		t->msr_value = *own;
		vm_answer_msr(r->cpu[cpu].vm, *own, false);
		*served = true;
		return;
	}
	*served = watch_serve_msr(r->cpu[cpu].vm, exit, &t->msr_value);
	if (own && *served && vm_get_msr(r->cpu[cpu].vm, exit->msr.index, own))
		*served = false;
}

static void emit(struct ring *r, unsigned cpu, struct transition *t)
{
	struct symbols *symbols = r->w->view->symbols;
	const uint64_t *own = ring_own(r, cpu, t->msr_index);

	if (own)
		t->msr_readback = *own;
	else if (vm_get_msr(r->cpu[cpu].vm, t->msr_index, &t->msr_readback))
		t->msr_readback = 0;
	t->cpu = cpu;
	t->seq = ++r->seq;
	if (symbols) {
		t->symbol = symbols_text(symbols, code_linear(&t->before, t->before.rip));
		t->target = symbols_text(symbols, code_linear(&t->after, t->after.rip));
	}
	t->kernel = r->w->view->kernel;
	structures_name(r->w->view, t);
	r->w->event(r->w->context, t);
}

enum ring_outcome ring_msr(struct ring *r, unsigned cpu, const struct vm_exit *exit)
{
	struct ring_cpu *c = &r->cpu[cpu];
	struct transition t = { 0 };
	struct vm_exit done;
	bool served;

	ring_drain(r, cpu);
	if (ring_state(r, cpu, &t.before, VM_ALL))
		return RING_FAILED;
	begin(r, exit, &t);
	serve(r, cpu, exit, &t, &served);
	if (!served)                                    /* #GP(0): exceptions are not seen here */
		return RING_GOES_ON;
	/* KVM finishes the instruction at the next entry, and that one is over before the guest runs. */
	vm_interrupt(c->vm);
	if (vm_run(c->vm, RUN_FREE, &done) || ring_state(r, cpu, &t.after, VM_ALL))
		return RING_FAILED;
	emit(r, cpu, &t);
	if (!(t.after.efer & X86_EFER_LMA) == r->is_long && t.after.cr0 & X86_CR0_PG)
		return ring_falls_back(r, "the kernel has changed to another mode");
	if (exit->kind != EXIT_WRMSR)
		return RING_GOES_ON;
	for (uint32_t id = 1; id <= RING_ENTRIES; id++)
		if (ring_msr_of(r, id) == exit->msr.index)
			ring_return_read(r, &t.after, ring_target(r, cpu, id));
	ring_return_change(r, &t.after);
	return ring_hook(r, cpu) ? RING_FAILED : RING_GOES_ON;
}
