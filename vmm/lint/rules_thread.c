/*
 * Threads that come back from their calls on each other's stacks: B13.
 */
#include "lint/rules.h"

#include <string.h>

void lint_kept_registers(const struct x86_state *s, uint64_t kept[6])
{
	static const enum x86_gpr names[6] = { GPR_RBX, GPR_RBP, GPR_R12, GPR_R13, GPR_R14, GPR_R15 };

	for (unsigned n = 0; n < 6; n++)
		kept[n] = s->gpr[names[n]];
}

static bool has_kept(const struct lint_entry *e, const uint64_t kept[6])
{
	return !memcmp(e->kept, kept, sizeof(e->kept));
}

/* The call that this return ends, but for RSP: of the same place, and with the same other registers if there is one. */
static const struct lint_entry *call_returned(const struct lint *l, const struct x86_state *user,
                                              const uint64_t kept[6])
{
	const struct lint_entry *own = NULL;

	for (unsigned n = 0; n < l->open_count; n++) {
		const struct lint_entry *e = &l->open[n];

		if (e->kind == GATE_SYSCALL && !e->closed && e->cr3 == user->cr3 && e->rip == user->rip &&
		    e->rsp != user->gpr[GPR_RSP] && (!own || has_kept(e, kept) || !has_kept(own, kept)))
			own = e;
	}
	return own;
}

/* The last that came with this RSP. */
static const struct lint_entry *call_with_stack(const struct lint *l, const struct x86_state *user)
{
	const struct lint_entry *other = NULL;

	for (unsigned n = 0; n < l->open_count; n++) {
		const struct lint_entry *e = &l->open[n];

		if (e->kind == GATE_SYSCALL && e->cr3 == user->cr3 && e->rsp == user->gpr[GPR_RSP] &&
		    (!other || e->seq > other->seq))
			other = e;
	}
	return other;
}

/*
 * A thread goes back to its own place on a stack of another that entered
 * meanwhile.  Where both called from the same place, or the entry code does not
 * show where it keeps RSP, the other registers tell whose call it was.
 */
void thread_return(struct lint *l, const struct transition *t, const struct x86_state *user)
{
	const uint64_t rip = user->rip, rsp = user->gpr[GPR_RSP], cr3 = user->cr3;
	const struct lint_entry *own, *other;
	uint64_t kept[6];
	bool told_by_registers;

	lint_kept_registers(&t->before, kept);
	own = call_returned(l, user, kept);
	other = call_with_stack(l, user);
	if (!own || !other || other->seq < own->seq)
		return;
	told_by_registers = has_kept(own, kept) && !has_kept(other, kept);
	if (!told_by_registers &&
	    (lint_open_entry(l, rip, rsp, cr3) || !lint_facts(l, &t->before, ENTRY_LSTAR)->slot))
		return;
	lint_tell(l, WHAT(B13, LINT_ERROR, VALUE(rsp), EXPECTED(own->rsp)),
		  "goes back to the caller of entry %llu on the stack of entry %llu: RSP was kept in a place that all "
		  "threads share, and the later entry overwrote it. Push it on the thread's kernel stack at once",
		  (unsigned long long)own->seq,
		  (unsigned long long)other->seq);
}
