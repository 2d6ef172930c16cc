/*
 * Mistakes that gates really have, recognised by what the chain and the last
 * gates show of them.
 */
#include "death/sentence.h"

#include "x86.h"

#include <inttypes.h>
#include <string.h>

/* As far as calls of ring 0 get below the RSP that a SYSCALL came with. */
#define USER_STACK_REACH 0x10000

/* The last gate of that kind, with nothing behind it that led to ring 3, and few others. */
static const struct record *last_gate(const struct account *a, enum gate_kind kind)
{
	for (unsigned n = 0; n < 8; n++) {
		const struct record *r = recorder_last_on(a->in->recorder, a->in->end->cpu, n);

		if (r && r->kind == kind && !r->exception)
			return r;
		if (!r || r->target_cpl > r->cpl)
			return NULL;
	}
	return NULL;
}

/* Since the last SYSCALL nothing has moved RSP away from the user's stack. */
static bool on_user_stack(struct account *a)
{
	const struct record *entry = last_gate(a, GATE_SYSCALL);
	const uint64_t rsp = a->c->s->gpr[GPR_RSP];
	const bool stack = (a->first && a->first->subject == SUBJECT_STACK) || (a->second &&
	                                                                        a->second->subject == SUBJECT_FRAME);

	if (!entry || a->c->s->cpl || !stack)
		return false;
	if (entry->rsp - rsp > USER_STACK_REACH && rsp - entry->rsp > X86_PAGE_SIZE)
		return false;
	rules(a, "B12", "B06", "B13");
	return fix(a, "the kernel is still on the user's stack (RSP = 0x%" PRIx64 "), as SYSCALL switches none: load "
	           "a kernel stack before "
	           "the first push, and let FMASK clear IF until then", rsp);
}

static bool tss_stack(struct account *a)
{
	const struct reason *r = a->second && a->second->subject == SUBJECT_FRAME ? a->second : a->first;
	const struct blame *b = r ? &r->blame : NULL;

	if (!b || r->subject != SUBJECT_FRAME || b->kind != BLAME_TSS)
		return false;
	rules(a, "B16", NULL, NULL);
	return fix(a, "write the top of a mapped, writable kernel stack to %s (0x%" PRIx64 " in memory) before ring 3 "
	           "runs", b->name,
	           b->address);
}

/* A frame on a stack from the TSS that is not mapped, though the slot is filled. */
static bool tss_stack_unmapped(struct account *a)
{
	if (!a->second || a->second->subject != SUBJECT_FRAME || !strstr(a->second->why, "(from TSS."))
		return false;
	rules(a, "B16", NULL, NULL);
	return fix(a, "map that stack writable for ring 0, or write another one's top to the TSS");
}

/* A loaded selector that is one of those that SYSCALL or SYSRET makes from STAR. */
static bool star_order(struct account *a)
{
	const struct reason *r = a->first;
	const uint64_t star = a->c->s->msr.star;
	const uint16_t user = (uint16_t)(star >> 48), kernel = (uint16_t)(star >> 32);
	const uint16_t ss = (uint16_t)((user + 8) & ~X86_SELECTOR_RPL),
		cs = (uint16_t)((user + 16) & ~X86_SELECTOR_RPL);
	const uint16_t named = r ? r->selector & (uint16_t)~X86_SELECTOR_RPL : 0;

	if (!r || !star || r->cause < CAUSE_SELECTOR_NULL || r->cause > CAUSE_SELECTOR_MODE || !named)
		return false;
	if (r->names_ss && r->cause == CAUSE_SELECTOR_RPL && named == ss && !(user & X86_SELECTOR_RPL)) {
		rules(a, "B02", NULL, NULL);
		return fix(a, "STAR[63:48] = %02X has RPL 0, and AMD's SYSRET loads SS with STAR[63:48]+8 = %02X as "
		           "it is: write %02X there (RPL 3)",
		           user, (uint16_t)(user + 8), user | 3);
	}
	if (r->names_ss && r->cause == CAUSE_SELECTOR_RPL && kernel & X86_SELECTOR_RPL &&
	    named == ((kernel + 8) & ~X86_SELECTOR_RPL)) {
		rules(a, "B25", NULL, NULL);
		return fix(a, "STAR[47:32] = %02X has RPL %u, and SYSCALL loads SS with STAR[47:32]+8 = %02X as it "
		           "is: write %02X there (RPL 0)",
		           kernel, kernel & 3, (uint16_t)(kernel + 8), kernel & ~3);
	}
	if ((named == ss && r->names_ss) || (named == cs && !r->names_ss)) {
		rules(a, "B01", "B22", NULL);
		return fix(a, "SYSRET makes CS %02X from STAR[63:48]+16 and SS %02X from STAR[63:48]+8, so the GDT "
		           "must have there, in this order "
		           "from %02Xh on: user code32, user data, user code64", cs | 3, ss | 3, user & ~3);
	}
	if (r->cause == CAUSE_SELECTOR_RPL || r->cause == CAUSE_SELECTOR_DPL)
		rules(a, "B25", "B02", "B01");
	return false;
}

/* SYSCALL or SYSENTER led to where no code can be fetched. */
static bool entry_not_mapped(struct account *a)
{
	const struct x86_state *s = a->c->s;
	const struct reason *r = a->first;
	const char *name = NULL;

	if (!r || r->subject != SUBJECT_CODE || s->cpl || !(r->cause <= CAUSE_NONCANONICAL &&
	                                                    r->cause != CAUSE_UNKNOWN))
		return false;
	if (last_gate(a, GATE_SYSCALL))
		name = s->rip == s->msr.lstar ? "LSTAR" : s->rip == s->msr.cstar ? "CSTAR" : NULL;
	else if (last_gate(a, GATE_SYSENTER) && s->rip == s->msr.sysenter_eip)
		name = "SYSENTER_EIP";
	if (!name)
		return false;
	rules(a, "B23", "B19", "B20");
	if (!s->rip)
		return fix(a, "IA32_%s is 0: write the entry's address to it before ring 3 can get there", name);
	return fix(a, "IA32_%s must lead to code that is mapped and executable for ring 0 in the page tables that the "
	           "user runs on "
	           "(CR3 = 0x%" PRIx64 "): map it there", name, s->cr3);
}

/* The same for SYSEXIT, which has 32-bit segments behind IA32_SYSENTER_CS and 64-bit ones behind these. */
static bool sysenter_order(struct account *a)
{
	const struct reason *r = a->first;
	const uint16_t base = (uint16_t)(a->c->s->msr.sysenter_cs & ~(uint64_t)X86_SELECTOR_RPL);
	const uint16_t named = r ? r->selector & (uint16_t)~X86_SELECTOR_RPL : 0;

	if (!r || !base || r->cause < CAUSE_SELECTOR_NULL || r->cause > CAUSE_SELECTOR_MODE ||
	    named < base || named > base + 40)
		return false;
	rules(a, "B20", "B01", NULL);
	return fix(a, "SYSENTER and SYSEXIT make their selectors from IA32_SYSENTER_CS = %02X by adding, so the GDT "
	           "must have there, in this "
	           "order from %02Xh on: kernel code, kernel data, user code32, user data", base, base);
}

/* SYSCALL let the program's TF into ring 0. */
static bool trap_flag(struct account *a)
{
	const struct x86_state *s = a->c->s;

	if (!a->first || a->first->vector != X86_VECTOR_DB || s->cpl || !last_gate(a, GATE_SYSCALL))
		return false;
	rules(a, "B09", "B21", NULL);
	if (s->msr.fmask & X86_RFLAGS_TF)
		return fix(a, "a debug exception of the program's was due behind SYSCALL: give #DB a stack of its own "
		           "(IST), and let its handler "
		           "find out whose GS it has");
	return fix(a, "FMASK = 0x%" PRIx64 " lets the program's TF into ring 0: let it clear TF, bit 8", s->msr.fmask);
}

static bool at_cstar_zero(struct account *a)
{
	const struct record *entry = last_gate(a, GATE_SYSCALL);

	if (!entry || entry->target || a->c->s->cpl)
		return false;
	rules(a, "B19", "B23", NULL);
	return fix(a, "SYSCALL led to address 0, as IA32_%s was never written: point it at an entry",
	           a->c->s->msr.lstar ? "CSTAR" : "LSTAR");
}

static bool swapgs(struct account *a)
{
	const struct x86_state *s = a->c->s;
	const struct reason *r = a->first;

	if (!r || !a->instruction || s->cpl || !strstr(a->instruction->text, "gs:") ||
	    (r->vector != X86_VECTOR_PF && r->vector != X86_VECTOR_GP))
		return false;
	rules(a, "B14", "B15", NULL);
	return fix(a, "GS.base is 0x%" PRIx64 " and KERNEL_GS_BASE 0x%" PRIx64 ": %s", s->gs.base,
	           s->msr.kernel_gs_base,
	           s->msr.kernel_gs_base ? "SWAPGS must run once on each entry from ring 3, before the first GS "
	           "access, and once before each return" :
	           "write the kernel's block to KERNEL_GS_BASE, and run SWAPGS once on each entry from ring 3");
}

static bool user_page(struct account *a)
{
	const struct reason *r = a->first;

	if (!r || r->cause != CAUSE_SUPERVISOR)
		return false;
	rules(a, "B24", NULL, NULL);
	return fix(a, "set U (bit 2) in %s: a page is ring 3's only if U is set at every level", r->blame.name);
}

/* Ring 3 is where no code can be, right after a return. */
static bool bad_return(struct account *a)
{
	const struct x86_state *s = a->c->s;
	const struct record *back = last_gate(a, GATE_SYSRET);
	const struct reason *r = a->first;

	if (r && r->cause == CAUSE_NONCANONICAL && a->instruction && strstr(a->instruction->text, "sysret")) {
		rules(a, "B04", NULL, NULL);
		return fix(a, "check that RCX is canonical before SYSRET and return by IRETQ otherwise: this #GP "
		           "comes in ring 0, on the user's stack");
	}
	if (!back || !r || s->cpl != 3 || back->target != s->rip)
		return false;
	if (x86_mode(s) == MODE_COMPAT) {
		rules(a, "B03", NULL, NULL);
		return fix(a, "SYSRET without REX.W went to compatibility mode with RIP cut to 32 bits: use SYSRETQ "
		           "(48 0F 07) for 64-bit code");
	}
	if (r->cause == CAUSE_NONCANONICAL) {
		rules(a, "B04", NULL, NULL);
		return fix(a, "SYSRET was given a non-canonical RCX, which Intel refuses in ring 0: check it before "
		           "the return");
	}
	return false;
}

bool find_mistake(struct account *a)
{
	return on_user_stack(a) || tss_stack(a) || tss_stack_unmapped(a) || entry_not_mapped(a) || bad_return(a) ||
		star_order(a) ||
	       sysenter_order(a) || trap_flag(a) || at_cstar_zero(a) || swapgs(a) || user_page(a);
}
