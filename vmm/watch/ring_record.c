/*
 * From record to transition.  Of the state before nothing is known, and it is
 * not made up.
 */
#include "watch/ring_record.h"

#include "image/image.h"
#include "watch/service.h"

void ring_record_transition(const struct ring_record *r, struct transition *t)
{
	*t = (struct transition){
		.cpu = r->cpu, .recorded = true, .recorded_compat = r->id == RING_SYSCALL_COMPAT, .tsc = r->timestamp,
		.gate = { .kind = ring_gate_kind(r->id) },
		.after = {
			.rip = r->target, .cr3 = r->cr3,
			.gpr = {
				[GPR_RAX] = r->rax, [GPR_RCX] = r->rcx, [GPR_RDX] = r->rdx, [GPR_RBX] = r->rbx,
				[GPR_RSP] = r->rsp, [GPR_RBP] = r->rbp, [GPR_RSI] = r->rsi, [GPR_RDI] = r->rdi,
				[GPR_R8] = r->r8, [GPR_R9] = r->r9, [GPR_R10] = r->r10, [GPR_R11] = r->r11,
			},
		},
	};
}

void ring_batch_transition(struct guest_view *view, const struct ring_batch *batch, size_t n, struct transition *t)
{
	ring_record_transition(&batch->record[n], t);
	t->seq = batch->seq + n;
	t->has_stack_msr = true;
	t->after.msr.sysenter_esp = batch->now->msr.sysenter_esp;
	t->after.efer = batch->now->efer;
	t->kernel = view->kernel;
	if (view->symbols) {
		t->target = symbols_text(view->symbols, t->after.rip);
		if (t->gate.kind == GATE_SYSCALL)
			t->symbol = symbols_text(view->symbols, t->after.gpr[GPR_RCX]);
	}
	service_of_record(view, batch->now, t);
}
