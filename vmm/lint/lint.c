/*
 * Which rule is asked when, and that each finding is told once.  Owns what is
 * remembered of a run; no rule is here.
 */
#include "lint/rules.h"

#include "image/image.h"
#include "x86.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The sections are those of model/sources.c's editions. */
static const struct { const char *id, *name, *source[2]; } rules[RULES] = {
	[B01] = { "B01", "gdt-order",
		{ "SDM vol. 2B SYSRET; vol. 3A, 5.8.8", "APM vol. 3 SYSRET; APM vol. 2, 6.1.1" } },
	[B02] = { "B02", "star-rpl",
		{ "SDM vol. 2B SYSRET; APM vol. 3 SYSRET", "APM vol. 3 SYSRET; APM vol. 2, 6.1.1" } },
	[B03] = { "B03", "sysret-operand-size", { "SDM vol. 2B SYSRET", "APM vol. 3 SYSRET" } },
	[B04] = { "B04", "sysret-noncanonical",
		{ "SDM vol. 2B SYSRET; vol. 3A, 5.8.8", "SDM vol. 2B SYSRET; APM vol. 3 SYSRET" } },
	[B05] = { "B05", "sce-clear",
		{ "SDM vol. 2B SYSCALL; vol. 3A, 2.2.1", "APM vol. 3 SYSCALL; APM vol. 2, 3.1.7" } },
	[B06] = { "B06", "fmask-if",
		{ "SDM vol. 2B SYSCALL; vol. 3A, 5.8.8", "APM vol. 3 SYSCALL; APM vol. 2, 6.1.1" } },
	[B07] = { "B07", "fmask-reserved", { "SDM vol. 1, 3.4.3; vol. 4, table 2-2", "APM vol. 2, 3.1.6 and 6.1.1" } },
	[B08] = { "B08", "fmask-df", { "SDM vol. 1, 3.4.3.2; vol. 2B SYSCALL", "APM vol. 1, 3.1.4; vol. 3 SYSCALL" } },
	[B09] = { "B09", "fmask-tf",
		{ "SDM vol. 2B SYSCALL; vol. 3B, 17.3.1.4", "APM vol. 3 SYSCALL; APM vol. 2, 13.1.4" } },
	[B10] = { "B10", "fmask-nt", { "SDM vol. 2A IRET; vol. 2B SYSCALL", "APM vol. 3 IRET, SYSCALL" } },
	[B11] = { "B11", "fmask-ac", { "SDM vol. 3A, 4.6 and 5.8.8", "APM vol. 2, 5.6 and 6.1.1" } },
	[B12] = { "B12", "no-stack-switch",
		{ "SDM vol. 2B SYSCALL; vol. 3A, 5.8.8", "APM vol. 3 SYSCALL; APM vol. 2, 6.1.1" } },
	[B13] = { "B13", "user-rsp-shared", { "SDM vol. 2B SYSCALL, SYSRET", "APM vol. 3 SYSCALL, SYSRET" } },
	[B14] = { "B14", "swapgs-missing", { "SDM vol. 2B SWAPGS", "APM vol. 3 SWAPGS" } },
	[B15] = { "B15", "swapgs-by-cs-rpl",
		{ "SDM vol. 2B SWAPGS; vol. 3A, 6.7", "APM vol. 3 SWAPGS; APM vol. 2, 8.2.3" } },
	[B16] = { "B16", "tss-stack",
		{ "SDM vol. 3A, 6.14.2, 6.14.5 and 7.7", "APM vol. 2, 8.9.3, 8.9.4 and 12.2.5" } },
	[B17] = { "B17", "clobbered-rcx-r11", { "SDM vol. 2B SYSCALL", "APM vol. 3 SYSCALL" } },
	[B18] = { "B18", "sysret-for-interrupt", { "SDM vol. 2B SYSRET; vol. 2A IRET", "APM vol. 3 SYSRET, IRET" } },
	[B19] = { "B19", "cstar-zero",
		{ "APM vol. 3 SYSCALL; APM vol. 2, 6.1.1", "APM vol. 3 SYSCALL; APM vol. 2, 6.1.1" } },
	[B20] = { "B20", "sysenter-msrs",
		{ "SDM vol. 2B SYSENTER, SYSEXIT; vol. 3A, 5.8.7",
		  "APM vol. 3 SYSENTER, SYSEXIT; APM vol. 2, 6.1.2" } },
	[B21] = { "B21", "mov-ss-db", { "SDM vol. 2B MOV; vol. 3A, 6.8.3", "APM vol. 3 MOV; APM vol. 2, 8.5.1" } },
	[B22] = { "B22", "sysret-ss-attrs",
		{ "APM vol. 3 SYSRET; APM vol. 2, 6.1.1", "APM vol. 3 SYSRET; APM vol. 2, 6.1.1" } },
	[B23] = { "B23", "entry-not-mapped",
		{ "SDM vol. 3A, 4.5, 4.6 and 6.15 (#DF)", "APM vol. 2, 5.3, 5.6 and 8.2.9" } },
	[B24] = { "B24", "user-page-supervisor", { "SDM vol. 3A, 4.6.1", "APM vol. 2, 5.6" } },
	[B25] = { "B25", "star-kernel-rpl", { "SDM vol. 2B SYSCALL; vol. 2A IRET", "APM vol. 3 SYSCALL, IRET" } },
};
_Static_assert(VENDOR_INTEL == 0 && VENDOR_AMD == 1, "order of source[]");

struct lint *lint_new(const struct check_context *processor, void (*found)(void *context, const struct finding *),
                      void *context)
{
	struct lint *l = calloc(1, sizeof(*l));

	if (l) {
		l->processor = *processor;
		l->found = found;
		l->context = context;
	}
	return l;
}

void lint_free(struct lint *l)
{
	free(l);
}

bool lint_seen(struct seen *s, uint64_t key)
{
	uint64_t *slot = &s->key[key * UINT64_C(0x9e3779b97f4a7c15) >> 54];

	if (*slot == key || s->count == LINT_SITES)
		return true;
	*slot = key;
	s->count++;
	return false;
}
_Static_assert(LINT_SITES == 1 << (64 - 54), "a slot for each hash");

static bool told_already(struct lint *l, const struct tell *what)
{
	const uint64_t key = what->value ^ (what->rip << 1) ^ what->key * UINT64_C(0x9e3779b97f4a7c15);

	for (unsigned n = 0; n < l->told_count; n++)
		if (l->told[n].rule == what->rule && l->told[n].key == key)
			return true;
	if (l->told_count == LINT_TOLD || l->told_of[what->rule] == LINT_PER_RULE)
		return true;
	l->told_of[what->rule]++;
	l->told[l->told_count].rule = what->rule;
	l->told[l->told_count++].key = key;
	return false;
}

void lint_tell(struct lint *l, const struct tell *what, const char *format, ...)
{
	const bool elsewhere = what->vendor && !strcmp(what->vendor, "amd") != on_amd(l);
	struct finding f = {
		.id = rules[what->rule].id, .name = rules[what->rule].name, .severity = what->severity,
		.seq = l->seq, .cpu = l->cpu, .rip = what->rip ? what->rip : l->rip,
		.value = what->value, .expected = what->expected,
		.has_value = what->has_value, .has_expected = what->has_expected, .vendor = what->vendor,
		.source = rules[what->rule].source[on_amd(l)],
	};
	va_list args;

	if (told_already(l, what))
		return;
	if (elsewhere && f.severity == LINT_ERROR)
		f.severity = LINT_WARNING;
	if (l->view->symbols)
		f.symbol = symbols_text(l->view->symbols, code_linear(l->state, f.rip));
	va_start(args, format);
	vsnprintf(f.text, sizeof(f.text), format, args);
	va_end(args);
	l->found(l->context, &f);
}

/* --- what a rule is asked about --- */

bool leads_to_user(const struct transition *t)
{
	const struct gate *g = &t->gate;

	if (t->before.cpl == 3)
		return false;
	switch (g->kind) {
	case GATE_SYSRET:
	case GATE_SYSEXIT:
		return t->before.cpl == 0;
	case GATE_IRET:
		return g->popped_count > 1 && (g->popped[1] & X86_SELECTOR_RPL) == 3;
	case GATE_FAR:
		return g->far == FAR_RET && g->popped_count > 1 && (g->far_selector & X86_SELECTOR_RPL) == 3;
	default:
		return false;
	}
}

struct x86_state user_behind(const struct lint *l, const struct transition *t)
{
	struct prediction p = predict(l->processor.vendor, &t->gate, &t->before);
	struct x86_state s = p.fault || !p.defined ? t->before : p.after;
	const bool iret = t->gate.kind == GATE_IRET && t->gate.popped_count == 5;

	if (s.cpl == 3)
		return s;
	/* It faults, or nothing is said: what the gate was asked for. */
	s.cpl = 3;
	if (t->gate.kind == GATE_IRET || t->gate.kind == GATE_FAR) {
		s.cs = segment_from_descriptor(t->gate.target, (uint16_t)t->gate.popped[1]);
		s.rip = t->gate.popped[0];
		s.gpr[GPR_RSP] = t->gate.popped[3];
		s.rflags = iret ? t->gate.popped[2] : s.rflags;
	} else {
		s.cs = fixed_code_segment(0x1b, 3, t->gate.operand_size == 8);
		s.rip = t->gate.kind == GATE_SYSRET ? s.gpr[GPR_RCX] : s.gpr[GPR_RDX];
	}
	return s;
}

struct x86_segment row(struct lint *l, const struct x86_state *s, uint16_t selector)
{
	struct raw_descriptor d = { 0 };

	if (selector & (X86_SELECTOR_INDEX | X86_SELECTOR_TI))
		d = view_descriptor(l->view, s, selector, false);
	return segment_from_descriptor(d, selector);
}

bool has_idt(struct lint *l, const struct x86_state *s)
{
	const bool is_long = s->efer & X86_EFER_LMA;

	for (unsigned vector = 0; vector < 256 && (vector + 1) * (is_long ? 16u : 8u) <= s->idtr.limit + 1u; vector++) {
		struct gate_descriptor g = gate_from_descriptor(view_idt_gate(l->view, s, (uint8_t)vector), is_long);

		if (g.p && !g.s && g.selector)
			return true;
	}
	return false;
}

bool is_user_code(const struct x86_segment *s, bool is_long)
{
	return !s->unusable && s->s && s->p && s->dpl == 3 && s->type & 8 && s->l == is_long && s->db != is_long;
}

bool is_user_data(const struct x86_segment *s)
{
	return !s->unusable && s->s && s->p && s->dpl == 3 && !(s->type & 8) && s->type & 2;
}

const struct entry_facts *lint_facts(struct lint *l, const struct x86_state *s, enum entry_point which)
{
	struct entry_facts *f = &l->facts[which];
	struct x86_state at = *s;
	bool is_64 = s->efer & X86_EFER_LMA;
	uint64_t target = 0;

	switch (which) {
	case ENTRY_LSTAR:
		target = s->msr.lstar;
		break;
	case ENTRY_CSTAR:
		target = s->msr.cstar;
		break;
	case ENTRY_LEGACY:
		target = (uint32_t)s->msr.star;
		break;
	default:
		target = s->msr.sysenter_eip;
		break;
	}
	if (f->known && f->target == target)
		return f;
	at.cpl = 0;
	at.cs = fixed_code_segment(0x8, 0, is_64);
	at.ss = fixed_stack_segment(0x10, 0);
	entry_walk(l->view, &at, l->has_lstar ? &l->at_lstar : NULL, target, which == ENTRY_SYSENTER, f);
	return f;
}

/* --- when --- */

static void begin(struct lint *l, const struct x86_state *s, uint64_t seq, unsigned cpu, struct guest_view *v)
{
	l->view = v;
	l->state = s;
	l->seq = seq;
	l->cpu = cpu;
	l->rip = s->rip;
}

static uint64_t mixed(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x100000001b3) + (hash >> 29);
}

/* What ring 3 can run into.  The page tables are looked at by CR3 (rules_paging.c). */
static uint64_t configuration(const struct x86_state *s, const struct x86_state *user)
{
	const uint64_t parts[] = {
		s->msr.star, s->msr.lstar, s->msr.cstar, s->msr.fmask, s->msr.sysenter_cs, s->msr.sysenter_esp,
		s->msr.sysenter_eip, !!s->msr.kernel_gs_base, s->efer & X86_EFER_SCE, s->gdtr.base, s->gdtr.limit,
		s->idtr.base, s->idtr.limit, s->tr.base, s->tr.limit, s->cr4,
		user->rflags & X86_RFLAGS_IF,
	};
	uint64_t hash = 1;

	for (size_t n = 0; n < sizeof(parts) / sizeof(parts[0]); n++)
		hash = mixed(hash, parts[n]);
	return hash;
}

static void judge_configuration(struct lint *l, const struct transition *t, const struct x86_state *user)
{
	struct lint_cpu *cpu = this_cpu(l);
	const uint64_t now = configuration(&t->before, user);

	tables_stack(l, &t->before);
	paging_config(l, &t->before);
	if (cpu->configured == now)
		return;
	cpu->configured = now;
	star_config(l, &t->before);
	fmask_config(l, &t->before, user);
	tables_config(l, &t->before);
	sysenter_config(l, &t->before);
	entry_config(l, &t->before);
	handlers_config(l, &t->before);
}

void lint_about(struct lint *l, const struct transition *t, struct guest_view *v)
{
	begin(l, &t->before, l->last_seq + 1, t->cpu, v);
	l->about_done = true;
	if (t->before.cpl == 3)
		user_about(l, t);
	if (t->gate.kind == GATE_SYSENTER)
		sysenter_about(l, t);
	if (leads_to_user(t)) {
		const struct x86_state user = user_behind(l, t);

		star_return(l, t);
		return_about(l, t, &user);
		judge_configuration(l, t, &user);
		paging_return(l, &user);
		user_code(l, &user);
		user_watchpoints(l, &user);
	}
}

static enum written written_by(uint32_t msr)
{
	switch (msr) {
	case X86_MSR_EFER: return WROTE_EFER;
	case X86_MSR_STAR: return WROTE_STAR;
	case X86_MSR_LSTAR: return WROTE_LSTAR;
	case X86_MSR_CSTAR: return WROTE_CSTAR;
	case X86_MSR_FMASK: return WROTE_FMASK;
	case X86_MSR_SYSENTER_CS:
	case X86_MSR_SYSENTER_ESP:
	case X86_MSR_SYSENTER_EIP: return WROTE_SYSENTER;
	case X86_MSR_GS_BASE:
	case X86_MSR_KERNEL_GS_BASE: return WROTE_GS;
	default: return WRITTEN;
	}
}

static void note_write(struct lint *l, const struct transition *t)
{
	const enum written w = written_by(t->msr_index);

	if (t->faulted || w == WRITTEN)
		return;
	l->writer[w] = t->before.rip;
	this_cpu(l)->msrs_written |= UINT64_C(1) << w;
	if (w == WROTE_LSTAR) {
		l->at_lstar = t->after;
		l->has_lstar = true;
	}
	star_written(l, t);
	fmask_written(l, t);
}

void lint_transition(struct lint *l, const struct transition *t, struct guest_view *v)
{
	if (!l->about_done && t->gate.kind != GATE_FAULT)
		lint_about(l, t, v);
	l->about_done = false;
	begin(l, &t->before, t->seq, t->cpu, v);
	l->last_seq = t->seq;
	if (t->gate.kind == GATE_WRMSR)
		note_write(l, t);
	entries_passed(l, t);
	if (!t->faulted && t->after.cpl == 3 && t->before.cpl < 3)
		this_cpu(l)->entered = true;
}

void lint_tables(struct lint *l, const struct x86_state *now, struct guest_view *v)
{
	begin(l, now, l->last_seq + 1, l->cpu, v);
	/* Before ring 3 was entered the tables are still being made. */
	if (!this_cpu(l)->entered)
		return;
	star_config(l, now);
	tables_config(l, now);
}
