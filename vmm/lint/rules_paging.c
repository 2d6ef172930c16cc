/*
 * What the page tables that ring 3 runs on must show: the ways into the
 * kernel (B23), and to ring 3 its own pages (B24).
 */
#include "lint/rules.h"

#include "x86.h"

#define EXCEPTIONS      (X86_VECTOR_COUNT * 16u)        /* bytes of an IDT */

static const char *why_not_run(struct lint *l, const struct x86_state *s, uint64_t linear)
{
	struct mapping m;

	if (s->efer & X86_EFER_LMA && !is_canonical(linear, s->cr4 & X86_CR4_LA57))
		return "is not canonical";
	if (!view_translate(l->view, s, linear, &m))
		return "is not mapped";
	if (m.nx && s->efer & X86_EFER_NXE)
		return "is not executable (NX)";
	if (m.user && s->cr4 & X86_CR4_SMEP && s->cr0 & X86_CR0_PG)
		return "is a user page, which CR4.SMEP keeps ring 0 from running";
	return NULL;
}

static const char *why_no_handler(struct lint *l, const struct x86_state *s, uint8_t vector, uint64_t *target)
{
	const bool is_long = s->efer & X86_EFER_LMA;
	struct gate_descriptor g = gate_from_descriptor(view_idt_gate(l->view, s, vector), is_long);
	struct x86_segment cs;

	if (!g.p || g.s || (g.type != X86_TYPE_INTERRUPT_GATE && g.type != X86_TYPE_TRAP_GATE))
		return NULL;
	cs = row(l, s, g.selector);
	*target = is_long ? g.offset : (uint32_t)(g.offset + cs.base);
	return why_not_run(l, s, *target);
}

/* The handler of #PF can be run. */
static bool pf_works(struct lint *l, const struct x86_state *s)
{
	uint64_t target = 0;

	return !why_no_handler(l, s, X86_VECTOR_PF, &target) && target;
}

static bool pf_has_ist(struct lint *l, const struct x86_state *s)
{
	return s->efer & X86_EFER_LMA && gate_from_descriptor(view_idt_gate(l->view, s, X86_VECTOR_PF), true).ist;
}

struct target {
	const char *name;
	uint64_t linear;
	const char *vendor;
	enum written writer;
	bool own_stack;                 /* the entry comes with a stack of the kernel's */
};

static void judge_target(struct lint *l, const struct x86_state *s, const struct target *to)
{
	const char *why = why_not_run(l, s, to->linear);
	const bool pf = pf_works(l, s), lazy = pf && (to->own_stack || pf_has_ist(l, s));

	/* #PF can bring the page in, where it has a stack to run on. */
	if (why)
		lint_tell(l, WHAT(B23, lazy ? LINT_WARNING : LINT_ERROR, to->vendor, VALUE(to->linear),
				  .rip = l->writer[to->writer]),
			  "%s 0x%llx %s in the page tables that ring 3 runs on (CR3 0x%llx): the first system call "
			  "raises #PF at CPL 0%s",
			  to->name, (unsigned long long)to->linear, why, (unsigned long long)s->cr3,
			  !pf ? ", which ends in #DF or a triple fault" : lazy ?
			  ", and is lost unless its handler brings the page in" : ", on the user's stack");
}

static void judge_data(struct lint *l, const struct x86_state *s, const char *name, uint64_t linear, uint64_t size)
{
	struct mapping m;

	if (view_translate(l->view, s, linear, &m) && view_translate(l->view, s, linear + size - 1, &m))
		return;
	lint_tell(l, WHAT(B23, LINT_ERROR, VALUE(linear)),
		  "the %s at 0x%llx is not mapped in the page tables that ring 3 runs on (CR3 0x%llx): no exception "
		  "can be delivered from there, the first is a triple fault", name, (unsigned long long)linear,
		  (unsigned long long)s->cr3);
}

/* What the entry needs before it can load a CR3 of its own: a per-CPU block, or a global. */
static void judge_entry_data(struct lint *l, const struct x86_state *s)
{
	const struct data_use *data = &lint_facts(l, s, ENTRY_LSTAR)->data;
	const uint64_t at = data->offset + (data->by_gs ? s->msr.kernel_gs_base : 0);
	struct mapping m;

	if (!data->rip || (data->by_gs && !s->msr.kernel_gs_base) || view_translate(l->view, s, at, &m))
		return;
	lint_tell(l, WHAT(B23, LINT_ERROR, VALUE(at), .rip = data->rip),
		  "SYSCALL's entry uses 0x%llx, which is not mapped in the page tables that ring 3 runs on (CR3 "
		  "0x%llx), before it loads CR3: #PF at CPL 0 on the user's stack", (unsigned long long)at,
		  (unsigned long long)s->cr3);
}

/* A handler that #PF's brings in works, where that one is there. */
static void judge_handlers(struct lint *l, const struct x86_state *s)
{
	const bool lazily = pf_works(l, s);
	uint64_t target = 0;
	const char *why;
	bool mended;

	for (unsigned vector = 0; vector < X86_VECTOR_COUNT; vector++) {
		if (!lint_vector_comes(s, vector))
			continue;
		why = why_no_handler(l, s, (uint8_t)vector, &target);
		if (!why)
			continue;
		mended = lazily && vector != X86_VECTOR_DF && vector != X86_VECTOR_PF;
		lint_tell(l, WHAT(B23, mended ? LINT_WARNING : LINT_ERROR, VALUE(target)),
			  "the handler of vector %u, 0x%llx, %s in the page tables that ring 3 runs on (CR3 0x%llx): "
			  "the exception %s",
			  vector, (unsigned long long)target, why, (unsigned long long)s->cr3,
			  mended ? "raises #PF, and is lost unless its handler brings the page in" :
			  "ends in #DF or a triple fault");
		return;
	}
}

/* Page tables looked at before.  Beyond the bound nothing new is looked at: a guest can have any number. */
static bool seen_cr3(struct lint *l, const struct x86_state *s)
{
	const uint64_t entries = s->msr.lstar ^ s->idtr.base << 1 ^ s->msr.sysenter_eip << 2 ^ s->msr.cstar << 3;

	return lint_seen(&l->cr3, s->cr3 ^ entries << 4);
}

void paging_config(struct lint *l, const struct x86_state *s)
{
	const bool is_long = s->efer & X86_EFER_LMA;

	if (!(s->cr0 & X86_CR0_PG) || seen_cr3(l, s))
		return;
	if (has_syscall(s))
		judge_target(l, s, &(const struct target){ "LSTAR", s->msr.lstar, NULL, WROTE_LSTAR, false });
	if (has_syscall(s) && !why_not_run(l, s, s->msr.lstar))
		judge_entry_data(l, s);
	if (has_syscall(s) && s->msr.cstar)
		judge_target(l, s, &(const struct target){ "CSTAR", s->msr.cstar, "amd", WROTE_CSTAR, false });
	if (s->msr.sysenter_eip && sysenter_cs_usable(s->msr.sysenter_cs) && !(is_long && on_amd(l)))
		judge_target(l, s, &(const struct target){
			"SYSENTER_EIP", s->msr.sysenter_eip, NULL, WROTE_SYSENTER, true });
	if (!s->idtr.limit)
		return;
	judge_data(l, s, "IDT", s->idtr.base, s->idtr.limit < EXCEPTIONS ? s->idtr.limit + 1u : EXCEPTIONS);
	if (has_idt(l, s)) {
		judge_data(l, s, "GDT", s->gdtr.base, s->gdtr.limit + 1u);
		if (!s->tr.unusable && s->tr.base)
			judge_data(l, s, "TSS", s->tr.base, X86_TSS64_RSP0 + 8);
	}
	judge_handlers(l, s);
}

/* The highest level without U/S; NULL: all have it, or the page is not there. */
static const struct page_walk_entry *supervisor_level(const struct page_walk *w)
{
	for (unsigned n = 0; w->mapped && n < w->count; n++)
		if (w->entry[n].has_rights && !(w->entry[n].value & X86_PTE_U))
			return &w->entry[n];
	return NULL;
}

static const char *level_name(unsigned level)
{
	static const char *const names[] = { "entry", "page table", "page directory", "PDPT", "PML4", "PML5" };

	return names[level < 6 ? level : 0];
}

/* NULL: ring 3 has rights to what it will find at linear, or nothing is there yet. */
static const struct page_walk_entry *denies_user(struct lint *l, const struct x86_state *user, uint64_t linear,
                                                 struct page_walk *w)
{
	view_walk(l->view, user, linear, w);
	return supervisor_level(w);
}

static const char *only_above(const struct page_walk *w, const struct page_walk_entry *bad)
{
	const struct page_walk_entry *last = &w->entry[w->count - 1];

	return last != bad && last->value & X86_PTE_U ? ", though the page's own has it set" : "";
}

void paging_return(struct lint *l, const struct x86_state *user)
{
	const uint64_t linear = code_linear(user, user->rip), top = stack_linear(user) - 8;
	const struct page_walk_entry *bad;
	struct user_facts f;
	struct page_walk w;

	if (!(user->cr0 & X86_CR0_PG))
		return;
	bad = denies_user(l, user, linear, &w);
	if (bad) {
		lint_tell(l, WHAT(B24, LINT_ERROR, VALUE(bad->value), EXPECTED(bad->value | X86_PTE_U)),
			  "ring 3 is to run at 0x%llx, whose %s entry at 0x%llx has U/S clear%s: #PF at its first "
			  "instruction. U/S must be set at every level", (unsigned long long)linear,
			  level_name(bad->level), (unsigned long long)bad->gpa, only_above(&w, bad));
		return;
	}
	/* A program that has called may have made RSP what it likes; one that starts has the kernel's. */
	if (lint_has_call(l, user) || !(bad = denies_user(l, user, top, &w)) ||
	    lint_seen(&l->sites, user->rip << 2 | 2))
		return;
	user_walk(l->view, user, user->rip, &f);
	if (!f.stack_use)
		return;
	lint_tell(l, WHAT(B24, LINT_ERROR, VALUE(bad->value), EXPECTED(bad->value | X86_PTE_U), .key = 1),
		  "the stack that ring 3 starts with, below 0x%llx, has U/S clear in its %s entry at 0x%llx%s: #PF at "
		  "its first use. U/S must be set at every level", (unsigned long long)(top + 8),
		  level_name(bad->level), (unsigned long long)bad->gpa, only_above(&w, bad));
}
