/*
 * Returns to ring 3, judged before they are tried: B03, B04, B14, B18, B22;
 * and the entries they belong to.
 */
#include "lint/rules.h"

#include "x86.h"

#include <string.h>

const struct lint_entry *lint_open_entry(const struct lint *l, uint64_t rip, uint64_t rsp, uint64_t cr3)
{
	for (unsigned n = l->open_count; n-- > 0; ) {
		const struct lint_entry *e = &l->open[n];

		if (e->rip == rip && e->rsp == rsp && e->cr3 == cr3 && !e->closed)
			return e;
	}
	return NULL;
}

bool lint_has_call(const struct lint *l, const struct x86_state *user)
{
	for (unsigned n = 0; n < l->open_count; n++)
		if (l->open[n].rsp == user->gpr[GPR_RSP] && l->open[n].cr3 == user->cr3)
			return true;
	return false;
}

static void judge_size(struct lint *l, const struct transition *t)
{
	const struct x86_state *s = &t->before;
	const uint64_t rcx = s->gpr[GPR_RCX];
	const struct lint_entry *e = lint_open_entry(l, rcx, s->gpr[GPR_RSP], s->cr3);
	const struct selector_pair to32 = star_sysret(VENDOR_INTEL, s->msr.star, 4);
	const struct selector_pair to64 = star_sysret(VENDOR_INTEL, s->msr.star, 8);
	const struct x86_segment cs32 = row(l, s, to32.cs), cs64 = row(l, s, to64.cs);

	if (t->gate.operand_size == 8 || x86_mode(s) != MODE_64)
		return;
	if (rcx >> 32)
		lint_tell(l, WHAT(B03, LINT_ERROR, VALUE(rcx), EXPECTED((uint32_t)rcx)),
			  "SYSRET without REX.W cuts RCX to ECX and goes to 32-bit code, but RCX is above 4 GiB: "
			  "write SYSRETQ (48 0F 07)");
	else if (e && e->mode == MODE_64 && e->kind == GATE_SYSCALL)
		lint_tell(l, WHAT(B03, LINT_ERROR, VALUE(4), EXPECTED(8), .rip = s->rip),
			  "SYSRET without REX.W goes back to 32-bit code, CS %02X, but entry %llu came from 64-bit "
			  "code: write SYSRETQ (48 0F 07)",
			  to32.cs, (unsigned long long)e->seq);
	else if (!is_user_code(&cs32, false) && is_user_code(&cs64, true))
		lint_tell(l, WHAT(B03, LINT_ERROR, VALUE(4), EXPECTED(8), .rip = s->rip),
			  "SYSRET without REX.W goes to 32-bit code, CS %02X, which the GDT has not; it has 64-bit "
			  "code at %02X: write SYSRETQ (48 0F 07)", to32.cs, to64.cs);
}

static void judge_canonical(struct lint *l, const struct transition *t)
{
	const struct prediction intel = predict(VENDOR_INTEL, &t->gate, &t->before);
	const uint64_t rcx = t->before.gpr[GPR_RCX];

	if (!intel.fault || intel.vector != X86_VECTOR_GP || is_canonical(rcx, t->before.cr4 & X86_CR4_LA57))
		return;
	lint_tell(l, WHAT(B04, LINT_ERROR, "intel", VALUE(rcx)),
		  "SYSRETQ to RCX, which is not canonical: Intel raises #GP(0) at CPL 0, with RSP and GS the user's "
		  "already (CVE-2012-0217); AMD raises it in ring 3. Go back by IRETQ, or refuse the address");
}

static bool is_null(const struct x86_segment *ss)
{
	return ss->unusable || !(ss->selector & (X86_SELECTOR_INDEX | X86_SELECTOR_TI));
}

/* What SYSRET leaves of it on AMD is no flat 32-bit stack. */
static bool is_bad_stack(const struct x86_segment *ss)
{
	return is_null(ss) || ss->limit != UINT32_MAX || !ss->db || ss->base;
}

#define HIDDEN(l)       ((l)->processor.emulator == EMULATOR_QEMU ? "; QEMU hides it here" : "")

static void judge_ss(struct lint *l, const struct transition *t)
{
	const struct x86_segment *ss = &t->before.ss;
	const bool to32 = t->gate.operand_size != 8;

	if (x86_mode(&t->before) != MODE_64 || !is_bad_stack(ss))
		return;
	/* 64-bit code does not mind, and where there is no other it never matters. */
	if (!to32 && !has_compat_code(l, &t->before))
		return;
	lint_tell(l, WHAT(B22, to32 ? LINT_ERROR : l->compat_seen ? LINT_WARNING : LINT_NOTE, "amd",
			  VALUE(segment_access(ss)), EXPECTED(0xc093)),
		  "SYSRET with SS %s: AMD loads its selector alone and leaves base, limit and attributes, so the "
		  "first use of the stack in 32-bit code faults%s. Load SS with flat data before it%s",
		  is_null(ss) ? "null, as an interrupt from ring 3 leaves it" : "of another base, limit or size",
		  to32 ? "" : ", once the program goes there", HIDDEN(l));
}

/* A program that SYSRET gave such an SS goes to 32-bit code itself. */
static void judge_lost_ss(struct lint *l, const struct transition *t)
{
	struct lint_cpu *c = this_cpu(l);

	if (t->faulted || t->after.cpl != 3)
		return;
	if (t->before.cpl < 3) {
		c->lost_ss = t->gate.kind == GATE_SYSRET && t->gate.operand_size == 8 && is_bad_stack(&t->before.ss) ?
			t->seq : 0;
	} else if (c->lost_ss && t->gate.kind == GATE_FAR && x86_mode(&t->before) == MODE_64 &&
		   x86_mode(&t->after) == MODE_COMPAT) {
		lint_tell(l, WHAT(B22, LINT_ERROR, "amd", .key = 1),
			  "32-bit code runs with what SYSRET, event %llu, left of SS: on AMD its first use of the stack "
			  "faults. Load SS with flat data before SYSRET%s", (unsigned long long)c->lost_ss, HIDDEN(l));
		c->lost_ss = 0;
	}
}

/* SYSRET leaves RCX and R11 to itself: whoever was interrupted loses them. */
static bool judge_interrupted(struct lint *l, const struct transition *t)
{
	const struct x86_state *s = &t->before;
	const struct lint_entry *e = NULL;

	for (unsigned n = l->open_count; n-- > 0 && !e; ) {
		const struct lint_entry *o = &l->open[n];

		if (o->kind != GATE_FAULT && o->kind != GATE_INT)
			continue;
		if (!o->closed && o->rip == s->gpr[GPR_RCX] && o->rsp == s->gpr[GPR_RSP] && o->cr3 == s->cr3)
			e = o;
	}
	if (!e || lint_open_entry(l, s->gpr[GPR_RCX], s->gpr[GPR_RSP], s->cr3)->kind == GATE_SYSCALL)
		return false;
	if (e->cpl < 3)
		lint_tell(l, WHAT(B18, LINT_ERROR, VALUE(s->gpr[GPR_RCX])),
			  "SYSRET resumes what exception or interrupt %u (event %llu) had interrupted in ring %u: it "
			  "goes on in ring 3. Go back by IRET", e->vector, (unsigned long long)e->seq, e->cpl);
	else
		lint_tell(l, WHAT(B18, e->kind == GATE_INT ? LINT_WARNING : LINT_ERROR, VALUE(s->gpr[GPR_RCX]),
				  EXPECTED(e->rcx)),
			  "SYSRET resumes what %s %02X (event %llu) had interrupted: its RCX becomes RIP and its R11 "
			  "RFLAGS. Go back by IRET",
			  e->kind == GATE_INT ? "INT" : "exception or interrupt", e->vector,
			  (unsigned long long)e->seq);
	return true;
}

/* The kernel has written below the caller's RSP. */
static void judge_stack(struct lint *l, const struct transition *t)
{
	const struct x86_state *s = &t->before;
	const struct entry_facts *f = lint_facts(l, s, ENTRY_LSTAR);
	const struct lint_entry *e = lint_open_entry(l, s->gpr[GPR_RCX], s->gpr[GPR_RSP], s->cr3);
	uint8_t now[sizeof(e->below)];

	if (!e || e->kind != GATE_SYSCALL || !e->stack || !f->stack_use || !f->may_not_use)
		return;
	if (view_read(l->view, s, e->stack, now, sizeof(now)) == sizeof(now) && memcmp(now, e->below, sizeof(now)))
		lint_stack_use(l, f, "SYSCALL", NULL);
}

static void judge_gs(struct lint *l, const struct transition *t)
{
	const struct lint_cpu *c = this_cpu(l);
	const uint64_t gs = t->before.gs.base, kernel = c->entry_kernel_gs;

	if (!c->has_entry || !(t->before.efer & X86_EFER_LMA) || !kernel || c->entry_gs == kernel)
		return;
	if (gs != kernel || t->before.msr.kernel_gs_base == kernel)
		return;
	lint_tell(l, WHAT(B14, LINT_ERROR, VALUE(gs), EXPECTED(t->before.msr.kernel_gs_base), .key = 3),
		  "goes back to ring 3 with the kernel's GS.base in force: a SWAPGS is missing on the way out, and "
		  "the next entry swaps the user's in");
}

void return_about(struct lint *l, const struct transition *t, const struct x86_state *user)
{
	if (t->gate.kind == GATE_SYSRET) {
		judge_size(l, t);
		judge_canonical(l, t);
		/* Who goes back right will have SS right, too. */
		if (!judge_interrupted(l, t))
			judge_ss(l, t);
		judge_stack(l, t);
	}
	if (t->gate.kind == GATE_SYSRET || t->gate.kind == GATE_IRET)
		thread_return(l, t, user);
	judge_gs(l, t);
}

/* --- entries --- */

static void remember(struct lint *l, const struct transition *t)
{
	const struct gate *g = t->faulted && t->gate.kind != GATE_FAULT ? &t->delivery : &t->gate;
	struct lint_entry e = {
		.seq = t->seq, .kind = g->kind, .vector = g->vector, .cpl = t->before.cpl, .cr3 = t->before.cr3,
		.mode = x86_mode(&t->before), .rcx = t->before.gpr[GPR_RCX], .rsp = t->before.gpr[GPR_RSP],
		.rip = t->before.rip + t->gate.length,
	};

	lint_kept_registers(&t->before, e.kept);
	if (t->user_stack.size && !t->frame.count) {
		e.stack = t->user_stack.address;
		memcpy(e.below, t->user_stack.after, sizeof(e.below));
	}
	if (t->frame.count) {
		e.rip = t->frame.rip;
		e.rsp = t->frame.count - t->frame.has_error > 3 ? t->frame.rsp : e.rsp;
	}
	for (unsigned n = 0; n < l->open_count; n++) {
		struct lint_entry *o = &l->open[n];

		if (o->rip == e.rip && o->rsp == e.rsp && o->cr3 == e.cr3) {
			*o = e;
			return;
		}
	}
	if (l->open_count == LINT_OPEN)
		memmove(&l->open[0], &l->open[1], --l->open_count * sizeof(l->open[0]));
	l->open[l->open_count++] = e;
}

static void close_entry(struct lint *l, const struct transition *t)
{
	for (unsigned n = l->open_count; n-- > 0; ) {
		struct lint_entry *e = &l->open[n];

		if (!e->closed && e->rip == t->after.rip && e->rsp == t->after.gpr[GPR_RSP] && e->cr3 == t->after.cr3) {
			e->closed = true;
			return;
		}
	}
}

void entries_passed(struct lint *l, const struct transition *t)
{
	struct lint_cpu *c = this_cpu(l);
	const bool fault = t->faulted || t->gate.kind == GATE_FAULT;
	const bool inward = t->before.cpl == 3 && t->after.cpl < 3;

	l->compat_seen |= (t->before.cpl == 3 && x86_mode(&t->before) == MODE_COMPAT) ||
			  (!t->faulted && t->after.cpl == 3 && x86_mode(&t->after) == MODE_COMPAT);
	judge_lost_ss(l, t);
	if (inward) {
		c->has_entry = true;
		c->entry_gs = t->before.gs.base;
		c->entry_kernel_gs = t->before.msr.kernel_gs_base;
	}
	if (inward || (fault && t->frame.count) || (t->gate.kind == GATE_INT && t->frame.count))
		remember(l, t);
	if (fault || t->after.cpl < 3 || t->before.cpl == 3)
		return;
	close_entry(l, t);
	c->return_rcx = t->after.gpr[GPR_RCX];
	c->return_r10 = t->after.gpr[GPR_R10];
	c->return_r11 = t->after.gpr[GPR_R11];
}
