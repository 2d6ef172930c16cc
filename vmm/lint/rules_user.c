/*
 * What user code takes for granted: RCX and R11 behind SYSCALL (B17), and a
 * #DB held off by MOV SS until a gate has been passed (B21); and SYSCALL
 * where it is not enabled (B05).
 */
#include "lint/rules.h"

#include "kvm/kvm.h"
#include "x86.h"

static void judge_registers(struct lint *l, const struct transition *t)
{
	const struct x86_state *s = &t->before;
	const uint64_t behind = s->rip + t->gate.length;
	const struct lint_cpu *c = this_cpu(l);
	struct user_facts f;

	if (!this_cpu(l)->entered || lint_seen(&l->sites, behind))
		return;
	user_walk(l->view, s, behind, &f);
	/* What ring 3 has not set itself it does not expect back. */
	if (f.rcx && s->gpr[GPR_RCX] != c->return_rcx && s->gpr[GPR_RCX] != behind)
		lint_tell(l, WHAT(B17, LINT_ERROR, VALUE(behind), EXPECTED(s->gpr[GPR_RCX]), .rip = f.rcx),
			  "uses RCX behind SYSCALL as if it were kept: SYSCALL puts the return address there. Keep "
			  "the value elsewhere, or name RCX and R11 as clobbered");
	if (f.r11 && s->gpr[GPR_R11] != c->return_r11)
		lint_tell(l, WHAT(B17, LINT_ERROR, VALUE(s->rflags), EXPECTED(s->gpr[GPR_R11]), .rip = f.r11, .key = 1),
			  "uses R11 behind SYSCALL as if it were kept: SYSCALL puts RFLAGS there. Keep the value "
			  "elsewhere, or name RCX and R11 as clobbered");
}

static void judge_enabled(struct lint *l, const struct transition *t)
{
	const struct x86_state *s = &t->before;
	const bool set_up = s->efer & X86_EFER_LMA ? x86_mode(s) == MODE_64 : on_amd(l) && s->msr.star;

	if (set_up && !(s->efer & X86_EFER_SCE) && !this_cpu(l)->told_sce)
		lint_tell(l, WHAT(B05, LINT_ERROR, VALUE(s->efer), EXPECTED(s->efer | X86_EFER_SCE), .key = l->cpu),
			  "SYSCALL with EFER.SCE clear on vCPU %u: #UD", l->cpu);
}

void user_about(struct lint *l, const struct transition *t)
{
	if (t->gate.kind != GATE_SYSCALL)
		return;
	judge_enabled(l, t);
	if (has_syscall(&t->before) && x86_mode(&t->before) == MODE_64)
		judge_registers(l, t);
}

/* The guest's own breakpoints are armed. */
static bool has_breakpoints(struct lint *l)
{
	struct vm_debug debug;

	return l->view->vm && !vm_get_debug(l->view->vm, &debug) && debug.dr7 & DR7_ANY;
}

/* #DB at CPL 0 comes on the stack that is there. */
static bool db_without_ist(struct lint *l, const struct x86_state *user)
{
	const struct gate_descriptor g =
		gate_from_descriptor(view_idt_gate(l->view, user, X86_VECTOR_DB), user->efer & X86_EFER_LMA);

	return !g.p || !g.ist;
}

/* A breakpoint that a read by ring 3 meets: MOV SS and POP SS read, and what they read they may choose. */
static bool meets_user_reads(struct lint *l, const struct x86_state *user, const struct vm_debug *debug, unsigned n)
{
	struct mapping m;

	return DR7_ENABLED(debug->dr7, n) && DR7_RW(debug->dr7, n) == DR7_RW_READ_WRITE &&
	       view_translate(l->view, user, debug->dr[n], &m) && (m.user || !(user->cr0 & X86_CR0_PG));
}

void user_watchpoints(struct lint *l, const struct x86_state *user)
{
	struct vm_debug debug;

	/* SYSCALL alone enters long mode's ring 0 on the stack and GS that ring 3 chose. */
	if (!has_syscall(user) || !has_idt(l, user) || !db_without_ist(l, user))
		return;
	if (!l->view->vm || vm_get_debug(l->view->vm, &debug) || !(debug.dr7 & DR7_ANY))
		return;
	for (unsigned n = 0; n < VM_BREAKPOINTS; n++)
		if (meets_user_reads(l, user, &debug, n))
			lint_tell(l, WHAT(B21, LINT_WARNING, VALUE(debug.dr[n]), .key = 2),
				  "DR%u watches reads of ring 3's data at 0x%llx, and the gate of #DB has no IST: a "
				  "program that loads SS from there right before SYSCALL brings #DB to CPL 0 on its own "
				  "RSP and GS (CVE-2018-8897). Give #DB an IST stack; it must not trust CS", n,
				  (unsigned long long)debug.dr[n]);
}

void user_code(struct lint *l, const struct x86_state *user)
{
	struct user_facts f;

	if (lint_seen(&l->sites, ~user->rip))
		return;
	user_walk(l->view, user, user->rip, &f);
	if (!f.mov_ss || !db_without_ist(l, user))
		return;
	lint_tell(l, WHAT(B21, has_breakpoints(l) ? LINT_ERROR : LINT_WARNING, .rip = f.mov_ss_gate),
		  "a gate right behind MOV SS or POP SS: a #DB that a breakpoint raises at the MOV is held off until "
		  "the gate is passed, and comes at CPL 0 with the user's RSP and GS (CVE-2018-8897). #DB needs an "
		  "IST stack and must not trust CS");
}
