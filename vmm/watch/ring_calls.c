/*
 * SYSCALL leaves the caller's RIP in RCX and its RSP alone, and SYSRET finds
 * them there.  SYSENTER keeps neither; SYSEXIT finds RSP in ECX, which is what the
 * caller left in the register that its kernel wants it in: EDX (Windows), EBP
 * (Linux), and where the kernel is not known, one of these or ECX itself.
 */
#include "watch/ring_calls.h"

#include "x86.h"

#include <string.h>

static bool by_sysenter(const struct ring_record *r)
{
	return r->id == RING_SYSENTER;
}

static bool by_sysexit(const struct ring_record *r)
{
	return r->id == RING_SYSEXIT || r->id == RING_SYSEXIT64;
}

static bool same_space(const struct ring_calls *c, const struct ring_record *a, const struct ring_record *b)
{
	return x86_space_of(a->cr3, c->is_long) == x86_space_of(b->cr3, c->is_long);
}

/* Linux' 32-bit callers come back at the vDSO's INT 80h, wherever they called from. */
static bool any_rip(const struct ring_calls *c, const struct ring_record *entry)
{
	return c->kernel == KERNEL_LINUX && entry->id == RING_SYSCALL_COMPAT;
}

static bool waits_with(const struct ring_calls *c, const struct ring_record *entry, uint64_t rsp)
{
	const bool any = c->kernel == KERNEL_UNKNOWN;

	return (entry->rdx == rsp && (any || c->kernel == KERNEL_WINDOWS)) ||
	       (entry->rbp == rsp && (any || c->kernel == KERNEL_LINUX)) || (entry->rcx == rsp && any);
}

static bool belongs(const struct ring_calls *c, const struct ring_record *entry, const struct ring_record *ret)
{
	if (!same_space(c, entry, ret) || by_sysenter(entry) != by_sysexit(ret))
		return false;
	if (by_sysenter(entry))
		return waits_with(c, entry, ret->rcx);
	return (entry->rcx == ret->rcx || any_rip(c, entry)) && entry->rsp == ret->rsp;
}

/* Its caller is back, and calls again. */
static bool outdates(const struct ring_calls *c, const struct ring_record *new, const struct ring_record *old)
{
	if (!same_space(c, new, old) || by_sysenter(new) != by_sysenter(old))
		return false;
	return by_sysenter(new) ? new->rdx == old->rdx && new->rbp == old->rbp && new->rcx == old->rcx :
	                          new->rcx == old->rcx && new->rsp == old->rsp;
}

static void forget(struct ring_calls *c, unsigned n)
{
	memmove(&c->open[n], &c->open[n + 1], (c->count - n - 1) * sizeof *c->open);
	c->count--;
}

static void enter(struct ring_calls *c, const struct ring_record *entry, uint64_t seq)
{
	for (unsigned n = c->count; n-- > 0; )
		if (outdates(c, entry, &c->open[n].record)) {
			forget(c, n);
			break;
		}
	if (c->count == RING_CALLS_OPEN) {
		forget(c, 0);
		c->dropped++;
	}
	c->open[c->count++] = (struct ring_call){ seq, *entry };
}

bool ring_calls_record(const struct transition *t, struct ring_record *r)
{
	const uint64_t *g = t->after.gpr;

	if (t->faulted || t->recorded || t->before.cpl != 3 || (t->gate.kind != GATE_SYSCALL && t->gate.kind != GATE_SYSENTER))
		return false;
	*r = (struct ring_record){
		.rax = g[GPR_RAX], .rcx = g[GPR_RCX], .rdx = g[GPR_RDX], .rbx = g[GPR_RBX], .rbp = g[GPR_RBP], .rsi = g[GPR_RSI],
		.rdi = g[GPR_RDI], .rsp = g[GPR_RSP], .r8 = g[GPR_R8], .r9 = g[GPR_R9], .r10 = g[GPR_R10], .r11 = g[GPR_R11],
		.cr3 = t->after.cr3, .target = t->after.rip, .cpu = t->cpu,
	};
	if (t->gate.kind == GATE_SYSENTER)
		r->id = RING_SYSENTER;
	else
		r->id = x86_mode(&t->before) == MODE_COMPAT ? RING_SYSCALL_COMPAT : RING_SYSCALL;
	return true;
}

void ring_calls_told(struct ring_calls *c, const struct transition *t)
{
	struct ring_record r;

	if (!ring_calls_record(t, &r))
		return;
	c->is_long = t->after.efer & X86_EFER_LMA;
	enter(c, &r, t->seq);
}

bool ring_calls_next(struct ring_calls *c, const struct ring_record *record, uint64_t seq, struct ring_call *call)
{
	if (!ring_is_return(record->id)) {
		enter(c, record, seq);
		return false;
	}
	for (unsigned n = c->count; n-- > 0; ) {
		if (!belongs(c, &c->open[n].record, record))
			continue;
		*call = c->open[n];
		forget(c, n);
		return true;
	}
	return false;
}
