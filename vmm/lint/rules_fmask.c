/*
 * What SYSCALL leaves of the caller's RFLAGS: B06 to B11.
 */
#include "lint/rules.h"

#include "x86.h"

/* All flags there are: SDM vol. 1, figure 3-8.  VM, VIF and VIP among them, which no kernel masks. */
#define FLAGS           UINT64_C(0x3f7fd5)
#define MASKABLE        UINT64_C(0x257fd5)
#define CR4_SMAP        X86_BIT(21)

void fmask_written(struct lint *l, const struct transition *t)
{
	const uint64_t odd = t->msr_value & ~FLAGS;

	if (t->msr_index != X86_MSR_FMASK || !odd)
		return;
	lint_tell(l, WHAT(B07, odd >> 32 ? LINT_ERROR : LINT_NOTE, VALUE(t->msr_value),
			  EXPECTED(t->msr_value & MASKABLE)),
	          "FMASK has bits that are no flags: 0x%llx. They are reserved in RFLAGS%s", (unsigned long long)odd,
	          odd >> 32 ? ", and bits 63:32 of the MSR are too" : "; a later processor may give them a meaning");
}

/* The code that runs with the flags, by where a finding about it points. */
struct flags_case {
	const struct x86_state *s;
	const struct entry_facts *f;
	uint64_t fmask;
};

static void missing(struct lint *l, const struct flags_case *c, enum rule rule, uint64_t flags, uint64_t at,
                    const char *text)
{
	const uint64_t right = (c->fmask | flags) & FLAGS;

	lint_tell(l, WHAT(rule, LINT_WARNING, VALUE(c->fmask), EXPECTED(right),
			  .rip = at ? at : l->writer[WROTE_FMASK]), "%s", text);
}

static void judge_if(struct lint *l, const struct flags_case *c, const struct x86_state *user)
{
	if (!(c->fmask & X86_RFLAGS_IF) && user->rflags & X86_RFLAGS_IF)
		missing(l, c, B06, X86_RFLAGS_IF, 0,
			"FMASK leaves IF set: an interrupt behind SYSCALL, before the stack is switched, is delivered "
			"at CPL 0 on the user's stack");
	if (c->fmask & X86_RFLAGS_IF && c->f->opens)
		lint_tell(l, WHAT(B06, LINT_WARNING, .rip = c->f->opens),
		          "STI before RSP is loaded: an interrupt there is delivered at CPL 0 on the user's stack");
}

static void judge_rest(struct lint *l, const struct flags_case *c)
{
	const struct entry_facts *f = c->f;

	if (!(c->fmask & X86_RFLAGS_DF) && (f->calls || (f->torn && !f->any_cld)))
		missing(l, c, B08, X86_RFLAGS_DF, f->calls,
			"FMASK leaves DF to the caller, and this runs without a CLD before it: string instructions of "
			"the kernel then run backwards");
	if (!(c->fmask & X86_RFLAGS_TF))
		missing(l, c, B09, X86_RFLAGS_TF, 0,
			"FMASK leaves TF to the caller: #DB comes at the first instruction of the entry, at CPL 0, "
			"with the user's stack and GS");
	if (!(c->fmask & X86_RFLAGS_NT) && (f->iret || f->calls_nt))
		missing(l, c, B10, X86_RFLAGS_NT, f->iret,
			"FMASK leaves NT to the caller: an IRET with NT set, of this call or of a thread switched to, "
			"raises #GP(0) in long mode");
	if (!(c->fmask & X86_RFLAGS_AC) && c->s->cr4 & CR4_SMAP && f->calls_ac)
		missing(l, c, B11, X86_RFLAGS_AC, f->calls_ac,
			"CR4.SMAP is set and FMASK leaves AC to the caller, and this runs without a CLAC before it: "
			"with AC set the kernel runs without SMAP");
	if (c->s->cr4 & CR4_SMAP && f->unguarded)
		lint_tell(l, WHAT(B11, LINT_ERROR, .rip = f->unguarded),
		          "writes to the user's stack with CR4.SMAP set and without STAC: #PF at CPL 0");
}

void fmask_config(struct lint *l, const struct x86_state *s, const struct x86_state *user)
{
	const struct flags_case c = { .s = s, .f = lint_facts(l, s, ENTRY_LSTAR), .fmask = s->msr.fmask };

	if (!has_syscall(s))
		return;
	judge_if(l, &c, user);
	if (!c.f->unreadable)
		judge_rest(l, &c);
}
