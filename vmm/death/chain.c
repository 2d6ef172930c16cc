/*
 * Puts the chain together, from the instruction to the shutdown.
 */
#include "death/chain.h"

#include "image/image.h"
#include "x86.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A stack that one handler after the other has used is not left by more than this. */
#define NEAR_STACK      0x10000
/* Earlier exceptions that are told one by one. */
#define EARLIER_MAX     3

static bool is_contributory(uint8_t vector)
{
	return can_become_double_fault(vector) && vector != X86_VECTOR_PF && vector != X86_VECTOR_VE;
}

enum pairing_kind fault_pair(uint8_t first, uint8_t second)
{
	const bool page = second == X86_VECTOR_PF || second == X86_VECTOR_VE;

	if (first == X86_VECTOR_DF)
		return is_contributory(second) || page ? PAIR_SHUTDOWN : PAIR_SERIAL;
	if (first == X86_VECTOR_PF || first == X86_VECTOR_VE)
		return is_contributory(second) || page ? PAIR_DOUBLE : PAIR_SERIAL;
	return is_contributory(first) && is_contributory(second) ? PAIR_DOUBLE : PAIR_SERIAL;
}

static const char *symbol_at(const struct scene *c, uint64_t linear)
{
	return c->view->symbols ? symbols_text(c->view->symbols, linear) : NULL;
}

static struct link *add(struct chain *chain, enum link_kind kind, const struct scene *c, uint64_t rip)
{
	struct link *l = &chain->link[chain->count];

	chain->count++;
	*l = (struct link){ .kind = kind, .rip = rip, .cpl = c->s->cpl, .symbol = symbol_at(c, code_linear(c->s, rip)) };
	return l;
}

static bool is_full(const struct chain *chain)
{
	return chain->count + 2 >= CHAIN_LINKS;
}

/* Handlers that were still at work on the stack in use, the outermost first. */
static void add_earlier(const struct scene *c, const struct chain_start *start, struct chain *chain)
{
	const struct record *nest;
	const unsigned count = start->recorder ? recorder_nest(start->recorder, start->cpu, &nest) : 0;

	for (unsigned n = 0; n < count && chain->count < EARLIER_MAX; n++) {
		const struct record *e = &nest[n];
		const uint64_t depth = e->target_rsp - c->s->gpr[GPR_RSP];
		struct link *l;

		if (!e->exception || c->s->cpl || depth > NEAR_STACK ||
		    (start->known && e->rip == c->s->rip && n + 1 == count))
			continue;
		l = add(chain, LINK_EARLIER, c, e->rip);
		l->seq = e->seq;
		l->symbol = e->symbol;
		l->cpl = e->cpl;
		l->vector = e->vector;
		l->has_error = e->has_error;
		l->error = e->error;
		l->has_cr2 = e->vector == X86_VECTOR_PF;
		l->cr2 = e->cr2;
		if (e->target_symbol)
			REASON_TEXT(l->note, "its handler %.100s had not returned", e->target_symbol);
		else
			REASON_TEXT(l->note, "its handler 0x%" PRIx64 " had not returned", e->target);
	}
}

/* The instruction, and the exception that starts it all.  False: none can be seen. */
static bool add_instruction(const struct scene *c, const struct chain_start *start, struct chain *chain,
                            struct event *event)
{
	struct link *l;
	char name[16];
	bool known;

	*event = start->event;
	chain->no_instruction = start->injected;
	if (start->injected)
		return true;
	l = add(chain, LINK_INSTRUCTION, c, c->s->rip);
	raise_text(c, l->text, sizeof l->text);
	raise_find(c, &l->reason);
	/* A double fault has a first half: what the instruction raised is found as if nothing had been seen. */
	known = start->known && !(start->event.vector == X86_VECTOR_DF && l->reason.raised);
	if (known && (!l->reason.raised || l->reason.vector != start->event.vector)) {
		l->reason = (struct reason){ .raised = true, .vector = start->event.vector };
		if (start->event.vector == X86_VECTOR_DB) {
			l->reason.cause = CAUSE_TRAP;
			REASON_TEXT(l->reason.why, "a debug trap was due, from RFLAGS.TF or a breakpoint register");
		} else {
			REASON_TEXT(l->reason.why, "%s was raised; from its state and memory as they are now it "
			            "cannot be said why",
			            vector_text(start->event.vector, name, sizeof name));
		}
	}
	if (known) {
		l->seen = true;
		l->reason.has_error = start->event.has_error;
		l->reason.error = start->event.error;
		l->reason.has_cr2 = start->has_cr2;
		l->reason.cr2 = start->cr2;
	}
	if (!l->reason.raised) {
		REASON_TEXT(l->reason.why, "no exception can be seen in its state: what this processor found is not "
		            "among the rules known here");
		return false;
	}
	if (!known)
		*event = (struct event){ .vector = l->reason.vector, .has_error = l->reason.has_error, .error = l->reason.error };
	return true;
}

/* Exceptions push what the vector has, whatever is known of it. */
static bool pushes_error(uint8_t vector)
{
	return vector < X86_VECTOR_COUNT && X86_VECTORS_WITH_ERROR >> vector & 1;
}

static struct event next_event(const struct reason *r)
{
	return (struct event){ .vector = r->vector, .has_error = pushes_error(r->vector), .error = r->error };
}

static void add_shutdown(const struct scene *c, struct chain *chain)
{
	struct link *l = add(chain, LINK_SHUTDOWN, c, c->s->rip);

	chain->shutdown = true;
	REASON_TEXT(l->note, "a fault while the double fault is delivered: the processor shuts down (triple fault)");
}

/* Deliveries one after the other, until one succeeds or none is left. */
static void add_deliveries(const struct scene *first, struct event event, struct chain *chain)
{
	struct x86_state now = *first->s, after;
	struct scene c = *first;
	const struct link *handler = NULL;
	bool known, entered;
	struct link *l;

	c.s = &now;
	while (!is_full(chain)) {
		l = add(chain, LINK_DELIVERY, &c, now.rip);
		l->vector = event.vector;
		l->has_error = event.has_error = pushes_error(event.vector);
		l->error = event.error;
		after = now;
		entered = deliver_event(&c, &event, &after, &known, &l->reason);
		if (entered) {
			struct reason fetch = { 0 };

			l->entered = true;
			if (!known)
				return;
			l->rip = after.rip;
			l->symbol = symbol_at(&c, code_linear(&after, after.rip));
			now = after;
			if (!fetch_fault(&c, SUBJECT_HANDLER, &fetch))
				return;
			l = add(chain, LINK_HANDLER, &c, now.rip);
			raise_text(&c, l->text, sizeof l->text);
			l->reason = fetch;
			if (handler && handler->rip == l->rip)
				return;                 /* and so on, as deep as the stack is */
			handler = l;
			event = next_event(&fetch);
			if (fetch.has_cr2)
				now.cr2 = fetch.cr2;
			continue;
		}
		if (l->reason.has_cr2)
			now.cr2 = l->reason.cr2;
		switch (fault_pair(event.vector, l->reason.vector)) {
		case PAIR_SHUTDOWN:
			add_shutdown(&c, chain);
			return;
		case PAIR_DOUBLE:
			l->doubled = true;
			event = (struct event){ .vector = X86_VECTOR_DF };
			break;
		default:
			event = next_event(&l->reason);
		}
	}
}

static void add_return(const struct scene *c, const struct fault_loop *loop, struct chain *chain)
{
	struct link *l = add(chain, LINK_RETURN, c, c->s->rip);

	l->seq = loop->first;
	if (loop->nested)
		REASON_TEXT(l->note, "the same again inside that handler, %" PRIu64 " times since gate %" PRIu64 "%s",
		            loop->count, loop->first,
		            loop->stack ? ", each deeper on the stack" : "");
	else
		REASON_TEXT(l->note, "its handler returned to that instruction with nothing mended, and it faulted "
		            "again: %" PRIu64
		            " times since gate %" PRIu64, loop->count, loop->first);
}

void chain_build(const struct scene *c, const struct chain_start *start, struct chain *chain)
{
	struct event event;

	memset(chain, 0, sizeof *chain);
	if (!start->loop)
		add_earlier(c, start, chain);
	if (!add_instruction(c, start, chain, &event))
		return;
	add_deliveries(c, event, chain);
	if (start->loop && !chain->shutdown)
		add_return(c, start->loop, chain);
}

const struct link *chain_find(const struct chain *chain, enum link_kind kind)
{
	for (unsigned n = 0; n < chain->count; n++)
		if (chain->link[n].kind == kind)
			return &chain->link[n];
	return NULL;
}

bool chain_leads_to(const struct chain *chain, uint64_t rip)
{
	for (unsigned n = 0; n < chain->count; n++)
		if (chain->link[n].kind == LINK_DELIVERY && chain->link[n].entered && chain->link[n].rip == rip)
			return true;
	return false;
}

bool reason_no_handler(const struct reason *r)
{
	return r->cause == CAUSE_IDT_LIMIT || (r->cause == CAUSE_IDT_TYPE && !r->blame.value && !r->blame.high);
}

const struct reason *chain_blame(const struct chain *chain)
{
	const struct link *instruction = chain_find(chain, LINK_INSTRUCTION);
	const struct reason *first = instruction && instruction->reason.raised ? &instruction->reason : NULL;

	for (unsigned n = 0; n < chain->count; n++) {
		const struct link *l = &chain->link[n];

		if (l->kind == LINK_DELIVERY && !l->entered && reason_no_handler(&l->reason) && first &&
		    first->blame.kind != BLAME_NONE)
			return first;
		if ((l->kind == LINK_DELIVERY && !l->entered) || l->kind == LINK_HANDLER)
			return &l->reason;
	}
	return first;
}
