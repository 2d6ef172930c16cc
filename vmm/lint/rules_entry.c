/*
 * The entry code itself: its stack and its GS.  B03, B12, B14, B17.
 */
#include "lint/rules.h"

#include "x86.h"

#include <stdio.h>

#define NEAR_NULL       0x10000         /* where no kernel keeps its block */

void lint_stack_use(struct lint *l, const struct entry_facts *f, const char *gate, const char *vendor)
{
	lint_tell(l, WHAT(B12, LINT_ERROR, vendor, .rip = f->stack_use, .key = f->target),
		  "writes to the stack before RSP is loaded: %s leaves RSP the caller's, so the kernel runs on a "
		  "stack that ring 3 chose%s. Load RSP first, from TSS.RSP0 or a per-CPU place", gate,
		  f->never_switches && !f->torn ? ", to its end" : "");
}

/* A path that never comes to it may be the only one there is: then a return has to show it (rules_return.c). */
static void judge_stack(struct lint *l, const struct entry_facts *f, const char *gate, const char *vendor)
{
	if (f->stack_use && !f->may_not_use)
		lint_stack_use(l, f, gate, vendor);
}

/* The user's GS base holds the kernel's block, on purpose or not: then a swap is not needed. */
static bool gs_is_kernels(const struct x86_state *s)
{
	return s->gs.base && (!s->msr.kernel_gs_base || s->msr.kernel_gs_base == s->gs.base);
}

static bool is_null_block(const struct gs_use *use, uint64_t base)
{
	return !base && use->fixed && use->offset < NEAR_NULL;
}

static bool is_user_page(struct lint *l, const struct x86_state *s, uint64_t linear)
{
	struct mapping m;

	return view_translate(l->view, s, linear, &m) && m.user;
}

static bool is_kernel_page(struct lint *l, const struct x86_state *s, uint64_t linear)
{
	struct mapping m;

	return view_translate(l->view, s, linear, &m) && !m.user;
}

/* The two bases are the wrong way round: ring 3 has the kernel's block, and the entry swaps the program's in. */
static bool is_crossed(struct lint *l, const struct gs_use *use, const struct x86_state *s)
{
	return use->fixed && s->gs.base && is_kernel_page(l, s, s->gs.base + use->offset) &&
	       is_user_page(l, s, s->msr.kernel_gs_base + use->offset);
}

static void judge_gs(struct lint *l, const struct entry_facts *f, const struct x86_state *s, const char *gate)
{
	const struct gs_use *plain = &f->plain, *swapped = &f->swapped;

	if (plain->rip && !gs_is_kernels(s) && (s->msr.kernel_gs_base || is_null_block(plain, s->gs.base)))
		lint_tell(l, WHAT(B14, LINT_ERROR, VALUE(s->gs.base), .has_expected = s->msr.kernel_gs_base,
				  .expected = s->msr.kernel_gs_base, .rip = plain->rip, .key = 1),
			  "uses GS behind %s without a SWAPGS before it: the base is the caller's, so this is address "
			  "0x%llx and not the kernel's block", gate, (unsigned long long)(s->gs.base + plain->offset));
	if (swapped->rip && is_null_block(swapped, s->msr.kernel_gs_base))
		lint_tell(l, WHAT(B14, LINT_ERROR, VALUE(0), .has_expected = s->gs.base, .expected = s->gs.base,
				  .rip = swapped->rip, .key = 2),
			  "uses GS behind SWAPGS while KERNEL_GS_BASE is 0 in ring 3: this is address 0x%llx. Set it, "
			  "or SWAPGS before the return to ring 3", (unsigned long long)swapped->offset);
	else if (swapped->rip && is_crossed(l, swapped, s))
		lint_tell(l, WHAT(B14, LINT_ERROR, VALUE(s->msr.kernel_gs_base), EXPECTED(s->gs.base),
				  .rip = swapped->rip, .key = 4),
			  "uses GS behind SWAPGS while KERNEL_GS_BASE in ring 3 is a page of ring 3's, and GS.base the "
			  "kernel's block: SWAPGS is missing before the return to ring 3, or the two were written the "
			  "wrong way round");
}

/* INT n from ring 3, by a gate that exceptions do not share: nothing but SWAPGS brings the kernel's GS. */
static void judge_int_gs(struct lint *l, const struct x86_state *s)
{
	const bool is_long = s->efer & X86_EFER_LMA;
	struct x86_state at = *s;
	struct entry_facts f;
	char name[16];

	if (!is_long || !s->msr.kernel_gs_base)
		return;
	at.cpl = 0;
	at.cs = fixed_code_segment(0x8, 0, true);
	at.ss = fixed_stack_segment(0x10, 0);
	for (unsigned vector = X86_VECTOR_COUNT; vector < 256 && vector * 16u + 15 <= s->idtr.limit; vector++) {
		const struct gate_descriptor g =
			gate_from_descriptor(view_idt_gate(l->view, s, (uint8_t)vector), true);

		if (!g.p || g.s || g.dpl != 3 || g.type < X86_TYPE_INTERRUPT_GATE)
			continue;
		if (lint_seen(&l->sites, g.offset << 1 | 1))
			continue;
		entry_walk(l->view, &at, l->has_lstar ? &l->at_lstar : NULL, g.offset, true, &f);
		if (!f.plain.rip || f.swapgs || f.asks_gs)
			continue;
		snprintf(name, sizeof(name), "INT %02X", vector);
		judge_gs(l, &f, s, name);
		return;
	}
}

static void judge_return_size(struct lint *l, const struct entry_facts *f)
{
	if (f->sysretl && !f->sysretq && !f->torn)
		lint_tell(l, WHAT(B03, LINT_ERROR, VALUE(4), EXPECTED(8), .rip = f->sysretl),
			  "SYSRET without REX.W goes back to 32-bit code, with RIP cut to ECX, but who comes through "
			  "LSTAR is 64-bit code: write SYSRETQ (48 0F 07)");
}

void entry_config(struct lint *l, const struct x86_state *s)
{
	const struct entry_facts *f;

	judge_int_gs(l, s);
	if (!has_syscall(s))
		return;
	f = lint_facts(l, s, ENTRY_LSTAR);
	judge_stack(l, f, "SYSCALL", NULL);
	judge_gs(l, f, s, "SYSCALL");
	judge_return_size(l, f);
	if (f->argument)
		lint_tell(l, WHAT(B17, LINT_WARNING, .rip = f->argument),
			  "calls with RCX as an argument and without a look at R10: SYSCALL has put the return "
			  "address in RCX. The fourth argument comes in R10");
	if (!s->msr.cstar)
		return;
	f = lint_facts(l, s, ENTRY_CSTAR);
	judge_stack(l, f, "SYSCALL", "amd");
}
