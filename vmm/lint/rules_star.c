/*
 * The GDT against STAR, and the RPL bits in it: B01, B02, B05, B19, B25.
 */
#include "lint/rules.h"

#include "x86.h"

#define HIDDEN(l)       ((l)->processor.emulator != EMULATOR_NONE ? "; the emulator here hides it" : "")

void star_written(struct lint *l, const struct transition *t)
{
	const uint64_t star = t->msr_value, right = star & ~((uint64_t)X86_SELECTOR_RPL << 32);
	const struct selector_pair kernel = star_syscall(star);

	if (t->msr_index != X86_MSR_STAR || !(kernel.ss & X86_SELECTOR_RPL))
		return;
	lint_tell(l, WHAT(B25, LINT_ERROR, VALUE(star), EXPECTED(right)),
	          "STAR[47:32] = %02X has RPL bits: SYSCALL masks them in CS, not in SS, so ring 0 runs with SS %02X, "
	          "and the IRET of the first interrupt there raises #GP(%X)%s", (unsigned)(star >> 32 & 0xffff),
	          kernel.ss,
	          kernel.ss & ~3u, HIDDEN(l));
}

static uint64_t user_base(uint64_t star)
{
	return star >> 48;
}

/* Whether the kernel goes back by SYSRET, as far as its code tells. */
static bool returns_by_sysret(struct lint *l, const struct x86_state *s)
{
	const struct entry_facts *f;

	if (l->sysret_used || l->sysretl_used)
		return true;
	if (!has_syscall(s))
		return false;
	f = lint_facts(l, s, ENTRY_LSTAR);
	if (f->sysretq || f->sysretl)
		return true;
	return f->torn && !f->any_iret && user_base(s->msr.star) > 3;
}

static void judge_rpl(struct lint *l, const struct x86_state *s)
{
	const uint64_t star = s->msr.star, right = star | UINT64_C(3) << 48;
	const struct selector_pair user = star_sysret(VENDOR_AMD, star, 8);

	if ((user.ss & X86_SELECTOR_RPL) == 3)
		return;
	lint_tell(l, WHAT(B02, LINT_ERROR, "amd", VALUE(star), EXPECTED(right), .rip = l->writer[WROTE_STAR]),
	          "STAR[63:48] = %02X without RPL 3: AMD loads SS from the sum as it is, user code runs with SS %02X, "
	          "and the next IRET to it raises #GP(%X); Intel forces RPL 3%s", (unsigned)user_base(star), user.ss,
	          user.ss & ~7u,
	          l->processor.emulator == EMULATOR_QEMU ? ", and so does QEMU here" : "");
}

static const char *kind_of(const struct x86_segment *s)
{
	if (s->unusable || !s->p)
		return "nothing";
	if (!s->s)
		return "a system segment";
	if (!(s->type & 8))
		return s->dpl == 3 ? "user data" : "kernel data";
	if (s->l)
		return s->dpl == 3 ? "user 64-bit code" : "kernel 64-bit code";
	return s->dpl == 3 ? "user 32-bit code" : "kernel 32-bit code";
}

/* A value of STAR[63:48] that this GDT fits, or 0. */
static uint16_t base_that_fits(struct lint *l, const struct x86_state *s)
{
	for (uint32_t base = 8; base + 23 <= s->gdtr.limit && base < 0x400; base += 8) {
		struct x86_segment ss = row(l, s, (uint16_t)(base + 8)), cs = row(l, s, (uint16_t)(base + 16));

		if (is_user_data(&ss) && is_user_code(&cs, true))
			return (uint16_t)(base | 3);
	}
	return 0;
}

static void judge_user_rows(struct lint *l, const struct x86_state *s)
{
	const struct selector_pair user = star_sysret(VENDOR_INTEL, s->msr.star, 8);
	const struct x86_segment ss = row(l, s, user.ss), cs = row(l, s, user.cs);
	const uint16_t fits = base_that_fits(l, s);
	struct tell what = {
		B01, LINT_ERROR, VALUE(s->msr.star), .rip = l->writer[WROTE_STAR],
		.has_expected = fits, .expected = (s->msr.star & ~(UINT64_C(0xffff) << 48)) | (uint64_t)fits << 48,
	};

	if (is_user_data(&ss) && is_user_code(&cs, true))
		return;
	if (!fits) {
		const bool bad_ss = !is_user_data(&ss);

		what.value = view_descriptor(l->view, s, bad_ss ? user.ss : user.cs, false).lo;
		what.has_expected = true;
		what.expected = bad_ss ? UINT64_C(0x00cff3000000ffff) : UINT64_C(0x00affb000000ffff);
	}
	lint_tell(l, &what,
		  "SYSRET makes SS %02X and CS %02X of STAR[63:48] = %02X, but the GDT has %s at %02X and %s at %02X: "
		  "the first IRET that reloads them raises #GP. Wanted: 32-bit code, data, 64-bit code, in this order",
		  user.ss, user.cs, (unsigned)user_base(s->msr.star), kind_of(&ss), user.ss & ~3u, kind_of(&cs),
		  user.cs & ~3u);
}

static void judge_kernel_rows(struct lint *l, const struct x86_state *s)
{
	const struct selector_pair kernel = star_syscall(s->msr.star);
	const struct x86_segment cs = row(l, s, kernel.cs), ss = row(l, s, kernel.ss);
	const bool good_cs = !cs.unusable && cs.s && cs.p && cs.type & 8 && cs.dpl == 0 && cs.l;
	const bool good_ss = !ss.unusable && ss.s && ss.p && !(ss.type & 8) && ss.type & 2 && ss.dpl == 0;

	if (good_cs && good_ss)
		return;
	lint_tell(l, WHAT(B01, LINT_ERROR, VALUE(s->msr.star), .rip = l->writer[WROTE_STAR], .key = 1),
	          "SYSCALL makes CS %02X and SS %02X of STAR[47:32], but the GDT has %s and %s there: the IRET of the "
	          "first interrupt in the kernel raises #GP. Wanted: kernel 64-bit code, kernel data", kernel.cs,
	          kernel.ss,
	          kind_of(&cs), kind_of(&ss));
}

bool has_compat_code(struct lint *l, const struct x86_state *s)
{
	for (uint32_t n = 8; n + 7 <= s->gdtr.limit; n += 8) {
		struct x86_segment cs = row(l, s, (uint16_t)n);

		if (is_user_code(&cs, false))
			return true;
	}
	return false;
}

static void judge_cstar(struct lint *l, const struct x86_state *s)
{
	if (s->msr.cstar || !has_compat_code(l, s))
		return;
	lint_tell(l, WHAT(B19, LINT_ERROR, "amd", VALUE(0), .rip = l->writer[WROTE_LSTAR]),
	          "CSTAR is 0, and the GDT has 32-bit code for ring 3: on AMD a SYSCALL there jumps to address 0 in "
	          "ring 0, on the user's stack. Point CSTAR at code that refuses; Intel raises #UD");
}

/* What one vCPU has set up and this one has not. */
static void judge_enable(struct lint *l, const struct x86_state *s)
{
	const uint64_t right = s->efer | X86_EFER_SCE;
	bool elsewhere = false;

	for (unsigned n = 0; n < LINT_CPUS; n++)
		elsewhere |= n != l->cpu && l->cpus[n].msrs_written >> WROTE_LSTAR & 1;
	if (s->msr.lstar && !(s->efer & X86_EFER_SCE)) {
		this_cpu(l)->told_sce = true;
		lint_tell(l, WHAT(B05, LINT_ERROR, VALUE(s->efer), EXPECTED(right), .rip = l->writer[WROTE_LSTAR],
				  .key = l->cpu),
		          "vCPU %u enters ring 3 with LSTAR set and EFER.SCE clear: the first SYSCALL raises #UD%s",
		          l->cpu,
		          elsewhere ? "; each processor has its own EFER" : "");
	} else if (!s->msr.lstar && elsewhere) {
		lint_tell(l, WHAT(B05, LINT_ERROR, VALUE(s->msr.lstar), EXPECTED(l->at_lstar.msr.lstar), .key = l->cpu),
		          "vCPU %u enters ring 3 without LSTAR, which another vCPU has: each processor has its own "
		          "gate MSRs", l->cpu);
	}
}

void star_config(struct lint *l, const struct x86_state *s)
{
	if (!(s->efer & X86_EFER_LMA))
		return;
	judge_enable(l, s);
	if (!has_syscall(s))
		return;
	judge_cstar(l, s);
	if (returns_by_sysret(l, s))
		judge_rpl(l, s);
	if (!has_idt(l, s))                     /* nothing reloads a selector */
		return;
	judge_kernel_rows(l, s);
	if (returns_by_sysret(l, s))
		judge_user_rows(l, s);
}

static void judge_rows32(struct lint *l, const struct transition *t)
{
	const struct selector_pair user = star_sysret(VENDOR_INTEL, t->before.msr.star, 4);
	const struct x86_segment cs = row(l, &t->before, user.cs), ss = row(l, &t->before, user.ss);

	if (!has_idt(l, &t->before) || (is_user_code(&cs, false) && is_user_data(&ss)))
		return;
	lint_tell(l, WHAT(B01, LINT_ERROR, VALUE(t->before.msr.star), .key = 2),
	          "SYSRET to 32-bit code makes CS %02X and SS %02X of STAR[63:48], but the GDT has %s and %s there: "
	          "the first IRET that reloads them raises #GP", user.cs, user.ss, kind_of(&cs), kind_of(&ss));
}

void star_return(struct lint *l, const struct transition *t)
{
	if (t->gate.kind != GATE_SYSRET)
		return;
	if (t->gate.operand_size == 8) {
		l->sysret_used = true;
		return;
	}
	l->sysretl_used = true;
	if (t->before.efer & X86_EFER_LMA)
		return;
	judge_rows32(l, t);
	if (has_idt(l, &t->before))
		judge_rpl(l, &t->before);
}
