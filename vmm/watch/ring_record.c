/*
 * From record to transition.  Of the state before nothing is known, and it is
 * not made up.
 */
#include "watch/ring_record.h"

#include "image/image.h"
#include "watch/service.h"

static bool to_32bit(uint32_t id)
{
	return id == RING_SYSCALL_COMPAT || id == RING_SYSRET_COMPAT || id == RING_SYSEXIT;
}

uint64_t ring_leads_to(const struct ring_record *r)
{
	const uint64_t rip = r->id <= RING_SYSRET_COMPAT ? r->rcx : r->rdx;

	return to_32bit(r->id) ? (uint32_t)rip : rip;
}

void ring_record_transition(const struct ring_record *r, struct transition *t)
{
	const struct x86_state sampled = {
		.rip = r->target, .cr3 = r->cr3,
		.gpr = {
			[GPR_RAX] = r->rax, [GPR_RCX] = r->rcx, [GPR_RDX] = r->rdx, [GPR_RBX] = r->rbx,
			[GPR_RSP] = r->rsp, [GPR_RBP] = r->rbp, [GPR_RSI] = r->rsi, [GPR_RDI] = r->rdi,
			[GPR_R8] = r->r8, [GPR_R9] = r->r9, [GPR_R10] = r->r10, [GPR_R11] = r->r11,
		},
	};

	*t = (struct transition){
		.cpu = r->cpu, .recorded = true, .recorded_compat = to_32bit(r->id), .tsc = r->timestamp,
		.gate = { .kind = ring_gate_kind(r->id) },
	};
	*(ring_is_return(r->id) ? &t->before : &t->after) = sampled;
	if (ring_is_return(r->id))
		t->leads_to = ring_leads_to(r);
}

struct ring_places ring_places(const struct ring_record *r)
{
	if (ring_is_return(r->id))
		return (struct ring_places){ true, r->target, ring_leads_to(r) };
	return (struct ring_places){ r->id != RING_SYSENTER, r->rcx, r->target };
}

static void name_places(struct symbols *symbols, const struct ring_record *r, struct transition *t)
{
	const struct ring_places places = ring_places(r);

	t->target = symbols_text(symbols, places.target);
	if (places.has_symbol)
		t->symbol = symbols_text(symbols, places.symbol);
}

/* What it returns from, and with what. */
static void close_call(struct guest_view *view, const struct x86_state *now, const struct ring_call *call,
                       struct transition *t)
{
	struct transition entry;

	if (!call) {
		t->unpaired = UNPAIRED_NONE;
		return;
	}
	ring_record_transition(&call->record, &entry);
	service_of_record(view, now, &entry);
	t->entry = call->seq;
	t->service = entry.service;
	t->result = t->before.gpr[GPR_RAX];
	/* One that was told whole has no time; and each vCPU has a TSC of its own. */
	if (call->record.timestamp && call->record.cpu == t->cpu && t->tsc > call->record.timestamp)
		t->took = t->tsc - call->record.timestamp;
}

void ring_batch_transition(struct guest_view *view, const struct ring_batch *batch, size_t n, const struct ring_call *call,
                           struct transition *t)
{
	const struct ring_record *r = &batch->record[n];

	ring_record_transition(r, t);
	t->seq = batch->seq + n;
	t->kernel = view->kernel;
	if (view->symbols)
		name_places(view->symbols, r, t);
	if (ring_is_return(r->id)) {
		close_call(view, batch->now, call, t);
		return;
	}
	t->has_stack_msr = true;
	t->after.msr.sysenter_esp = batch->now->msr.sysenter_esp;
	t->after.efer = batch->now->efer;
	service_of_record(view, batch->now, t);
}
