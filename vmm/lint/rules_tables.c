/*
 * The TSS and its stacks, and the MSRs and rows of SYSENTER and SYSEXIT: B16, B20.
 */
#include "lint/rules.h"

#include "x86.h"

static uint64_t read_tss(struct lint *l, const struct x86_state *s, unsigned offset, unsigned size, bool *inside)
{
	uint64_t value = 0;

	*inside = offset + size - 1 <= s->tr.limit && view_read(l->view, s, s->tr.base + offset, &value, size) == size;
	return value;
}

/* A stack whose topmost word can be pushed. */
static bool is_stack(struct lint *l, const struct x86_state *s, uint64_t top, uint64_t base)
{
	const bool is_long = s->efer & X86_EFER_LMA;
	const uint64_t word = is_long ? (top & ~UINT64_C(15)) - 8 : (uint32_t)(base + top - 4);
	struct mapping m;

	return view_translate(l->view, s, word, &m) && (m.writable || !(s->cr0 & X86_CR0_WP));
}

static void judge_rsp0(struct lint *l, const struct x86_state *s)
{
	bool inside;
	const uint64_t rsp0 = read_tss(l, s, X86_TSS64_RSP0, 8, &inside);
	const bool canonical = is_canonical(rsp0, s->cr4 & X86_CR4_LA57);

	if (!inside)
		lint_tell(l, WHAT(B16, LINT_ERROR, VALUE(s->tr.limit), EXPECTED(X86_TSS64_SIZE - 1), .key = 1),
		          "RSP0 is outside the TSS or not mapped (base 0x%llx): the first interrupt from ring 3 ends "
		          "in #DF and a triple fault", (unsigned long long)s->tr.base);
	else if (!rsp0 || !canonical)
		lint_tell(l, WHAT(B16, LINT_ERROR, VALUE(rsp0), .key = 2),
		          "TSS.RSP0 is %s: the first interrupt or exception from ring 3 pushes there, and that ends "
		          "in #DF and a triple fault. Right: the top of the kernel stack of whoever runs",
		          rsp0 ? "not canonical" : "0");
	else if (!is_stack(l, s, rsp0, 0))
		lint_tell(l, WHAT(B23, LINT_ERROR, VALUE(rsp0), .key = 16),
		          "the stack of TSS.RSP0 is not mapped for writing in the page tables that ring 3 runs on: the "
		          "first interrupt from ring 3 ends in #DF and a triple fault");
}

static bool is_kernel_data(const struct x86_segment *ss, uint16_t selector)
{
	return !ss->unusable && ss->p && ss->s && !(ss->type & 8) && ss->type & 2 && !ss->dpl &&
	       !(selector & X86_SELECTOR_RPL);
}

static void judge_esp0(struct lint *l, const struct x86_state *s)
{
	bool inside, inside_ss;
	const uint64_t esp0 = read_tss(l, s, X86_TSS32_ESP0, 4, &inside);
	const uint16_t ss0 = (uint16_t)read_tss(l, s, X86_TSS32_SS0, 2, &inside_ss);
	const struct x86_segment ss = row(l, s, ss0);

	if (!inside || !inside_ss)
		lint_tell(l, WHAT(B16, LINT_ERROR, VALUE(s->tr.limit), EXPECTED(X86_TSS32_SIZE - 1), .key = 1),
		          "SS0:ESP0 is outside the TSS or not mapped (base 0x%llx): the first interrupt from ring 3 "
		          "ends in #DF",
		          (unsigned long long)s->tr.base);
	else if (!this_cpu(l)->entered && !is_kernel_data(&ss, ss0))
		lint_tell(l, WHAT(B16, LINT_ERROR, VALUE(ss0), .key = 3),
		          "TSS.SS0 = %02X is no writable data segment of ring 0: the first interrupt from ring 3 "
		          "raises #TS(%X)", ss0,
		          ss0 & ~3u);
	else if (!esp0)
		lint_tell(l, WHAT(B16, LINT_ERROR, VALUE(0), .key = 2),
		          "TSS.ESP0 is 0: the first interrupt or exception from ring 3 pushes below 4 GiB. Right: the "
		          "top of the kernel stack of whoever runs");
	else if (!is_stack(l, s, esp0, ss.base))
		lint_tell(l, WHAT(B23, LINT_ERROR, VALUE(esp0), .key = 16),
		          "the stack of TSS.ESP0 is not mapped for writing in the page tables that ring 3 runs on: the "
		          "first interrupt from ring 3 ends in #DF and a triple fault");
}

void tables_stack(struct lint *l, const struct x86_state *s)
{
	if (x86_mode(s) == MODE_REAL || !has_idt(l, s))
		return;
	if (s->tr.unusable || !s->tr.base)
		lint_tell(l, WHAT(B16, LINT_ERROR, VALUE(s->tr.selector), .key = 4),
		          "no TSS is loaded (LTR): an interrupt from ring 3 has no stack to go to");
	else if (s->efer & X86_EFER_LMA)
		judge_rsp0(l, s);
	else
		judge_esp0(l, s);
}

bool lint_vector_comes(const struct x86_state *s, unsigned vector)
{
	switch (vector) {
	case X86_VECTOR_MC:                             /* without CR4.MCE a machine check is a shutdown */
		return s->cr4 & X86_CR4_MCE;
	case X86_VECTOR_CP:
		return s->cr4 & X86_CR4_CET;
	case X86_VECTOR_VE:                             /* a hypervisor must ask for it; KVM does not */
	case X86_VECTOR_VC:
		return false;
	default:
		return vector <= X86_VECTOR_XM ? vector != 9 && vector != 15 : vector >= X86_VECTOR_COUNT;
	}
}

void tables_config(struct lint *l, const struct x86_state *s)
{
	if (!(s->efer & X86_EFER_LMA) || s->tr.unusable || !s->tr.base)
		return;
	for (unsigned vector = 0; vector < 256 && vector * 16u + 15 <= s->idtr.limit; vector++) {
		struct gate_descriptor g = gate_from_descriptor(view_idt_gate(l->view, s, (uint8_t)vector), true);
		bool inside;
		uint64_t top;

		if (!lint_vector_comes(s, vector) || !g.p || g.s || !g.ist || g.type < X86_TYPE_INTERRUPT_GATE)
			continue;
		top = read_tss(l, s, X86_TSS64_IST1 + 8u * (g.ist - 1u), 8, &inside);
		if (inside && top && is_canonical(top, s->cr4 & X86_CR4_LA57) && is_stack(l, s, top, 0))
			continue;
		lint_tell(l, WHAT(B16, LINT_ERROR, VALUE(top), .key = 0x100 + g.ist),
		          "the gate of vector %u takes its stack from IST%u, which is %s: its delivery ends in #DF, "
		          "or in a triple fault if it is #DF's own", vector, g.ist,
		          !inside ? "outside the TSS" : !top ? "0" : "no mapped address");
	}
}

/* --- SYSENTER --- */

static bool kernel_rows(struct lint *l, const struct x86_state *s, struct selector_pair sel)
{
	const bool is_long = s->efer & X86_EFER_LMA;
	struct x86_segment cs = row(l, s, sel.cs), ss = row(l, s, sel.ss);

	return !cs.unusable && cs.s && cs.p && cs.type & 8 && !cs.dpl && cs.l == is_long && is_kernel_data(&ss, sel.ss);
}

static void judge_exit_rows(struct lint *l, const struct x86_state *s, uint8_t size)
{
	const struct selector_pair user = sysexit_selectors(s->msr.sysenter_cs, size);
	const struct x86_segment cs = row(l, s, user.cs), ss = row(l, s, user.ss);

	if (!sysenter_cs_usable(s->msr.sysenter_cs) || !has_idt(l, s) ||
	    (is_user_code(&cs, size == 8) && is_user_data(&ss)))
		return;
	lint_tell(l, WHAT(B20, LINT_ERROR, VALUE(s->msr.sysenter_cs), .rip = l->writer[WROTE_SYSENTER], .key = size),
	          "SYSEXIT makes CS %02X and SS %02X of SYSENTER_CS + %u and + %u, but the GDT has no user code and "
	          "data there: the first IRET that reloads them raises #GP", user.cs, user.ss, size == 8 ? 32 : 16,
	          size == 8 ? 40 : 24);
}

static bool sysenter_works(const struct lint *l, const struct x86_state *s)
{
	return !on_amd(l) || !(s->efer & X86_EFER_LMA);
}

static uint64_t kernel_cs(const struct x86_state *s)
{
	return s->cs.selector & (X86_SELECTOR_INDEX | X86_SELECTOR_TI);
}

void sysenter_config(struct lint *l, const struct x86_state *s)
{
	const struct selector_pair kernel = sysenter_selectors(s->msr.sysenter_cs);
	const struct entry_facts *f;

	/* In 64-bit kernels AMD has no SYSENTER, and what the MSRs hold there is no matter. */
	if (!s->msr.sysenter_eip || !sysenter_works(l, s))
		return;
	if (!sysenter_cs_usable(s->msr.sysenter_cs)) {
		lint_tell(l, WHAT(B20, LINT_ERROR, VALUE(s->msr.sysenter_cs), EXPECTED(kernel_cs(s)),
				  .rip = l->writer[WROTE_SYSENTER]),
		          "SYSENTER_EIP is set and SYSENTER_CS is null: SYSENTER raises #GP(0)");
		return;
	}
	if (has_idt(l, s) && !kernel_rows(l, s, kernel))
		lint_tell(l, WHAT(B20, LINT_ERROR, VALUE(s->msr.sysenter_cs), EXPECTED(kernel_cs(s)),
				  .rip = l->writer[WROTE_SYSENTER], .key = 1),
			  "SYSENTER makes CS %02X and SS %02X of SYSENTER_CS, but the GDT has no kernel code and data "
			  "there: the IRET of the first interrupt in the kernel raises #GP", kernel.cs, kernel.ss);
	f = lint_facts(l, s, ENTRY_SYSENTER);
	if (f->sysexit)
		judge_exit_rows(l, s, 4);
	if (f->sysexitq)
		judge_exit_rows(l, s, 8);
	if (f->stack_use && !s->msr.sysenter_esp)
		lint_tell(l, WHAT(B20, LINT_ERROR, VALUE(0), .rip = f->stack_use, .key = 2),
		          "SYSENTER_ESP is 0, and this uses the stack before it loads another");
}

void sysenter_about(struct lint *l, const struct transition *t)
{
	const struct x86_state *s = &t->before;

	if (s->cpl != 3 || !(s->efer & X86_EFER_LMA) || !s->msr.sysenter_eip)
		return;
	if (s->msr.sysenter_eip >> 32)
		lint_tell(l, WHAT(B20, LINT_ERROR, "amd", VALUE(s->msr.sysenter_eip),
				  EXPECTED((uint32_t)s->msr.sysenter_eip)),
		          "SYSENTER in long mode: AMD raises #UD, and keeps only 32 bits of SYSENTER_EIP");
	else
		lint_tell(l, WHAT(B20, LINT_ERROR, "amd", VALUE(s->msr.sysenter_eip)),
		          "SYSENTER in long mode: AMD raises #UD. Use SYSCALL in 64-bit code there");
}
