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

	return l->view->vm && !vm_get_debug(l->view->vm, &debug) && debug.dr7 & 0xff;
}

void user_code(struct lint *l, const struct x86_state *user)
{
	const bool is_long = user->efer & X86_EFER_LMA;
	struct gate_descriptor g;
	struct user_facts f;

	if (lint_seen(&l->sites, ~user->rip))
		return;
	user_walk(l->view, user, user->rip, &f);
	if (!f.mov_ss)
		return;
	g = gate_from_descriptor(view_idt_gate(l->view, user, X86_VECTOR_DB), is_long);
	if (g.p && g.ist)
		return;
	lint_tell(l, WHAT(B21, has_breakpoints(l) ? LINT_ERROR : LINT_WARNING, .rip = f.mov_ss_gate),
		  "a gate right behind MOV SS or POP SS: a #DB that a breakpoint raises at the MOV is held off until "
		  "the gate is passed, and comes at CPL 0 with the user's RSP and GS (CVE-2018-8897). #DB needs an "
		  "IST stack and must not trust CS");
}
