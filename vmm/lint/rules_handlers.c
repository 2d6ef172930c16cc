/*
 * Handlers of exceptions that can come between an entry and its SWAPGS: B15.
 */
#include "lint/rules.h"

#include "kvm/kvm.h"
#include "x86.h"

/* #DB comes there only by TF or a breakpoint. */
static bool db_can_come(struct lint *l, const struct x86_state *s)
{
	struct vm_debug debug;

	if (!(s->msr.fmask & X86_RFLAGS_TF))
		return true;
	return l->view->vm && !vm_get_debug(l->view->vm, &debug) && debug.dr7 & DR7_ANY;
}

static void judge_handler(struct lint *l, const struct x86_state *s, uint8_t vector, const char *name)
{
	const struct gate_descriptor g = gate_from_descriptor(view_idt_gate(l->view, s, vector), true);
	uint64_t at;

	if (!g.p || g.s || g.type < X86_TYPE_INTERRUPT_GATE)
		return;
	at = handler_trusts_cs(l->view, s, l->has_lstar ? &l->at_lstar : NULL, g.offset,
	                       X86_VECTORS_WITH_ERROR >> vector & 1);
	if (at)
		lint_tell(l, WHAT(B15, LINT_WARNING, VALUE(vector), .rip = at),
			  "%s comes here with CS of ring 0 and GS the user's when it hits between SYSCALL and its "
			  "SWAPGS, or behind that of the way out, but CS on the stack alone decides: ask GS.base "
			  "itself (RDMSR C0000101h, RDGSBASE)", name);
}

void handlers_config(struct lint *l, const struct x86_state *s)
{
	if (!has_syscall(s) || !lint_facts(l, s, ENTRY_LSTAR)->swapgs)
		return;
	judge_handler(l, s, X86_VECTOR_NMI, "NMI");
	judge_handler(l, s, X86_VECTOR_MC, "#MC");
	judge_handler(l, s, X86_VECTOR_DF, "#DF");
	if (db_can_come(l, s))
		judge_handler(l, s, X86_VECTOR_DB, "#DB");
}
