/*
 * WRMSR, RDMSR and SWAPGS.  The MSRs that gates depend on are modelled by
 * value; of any other the model knows only what the instructions themselves
 * do, and that an access which is refused takes #GP(0).
 *
 * SDM vol. 2B RDMSR, SWAPGS, vol. 2D WRMSR, vol. 4 table 2-2;
 * APM vol. 3 RDMSR, WRMSR, SWAPGS, vol. 2, 3.1.7 and 6.1.
 */
#include "model/predict.h"

#define EFER_KNOWN (X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE)

/* Whether a write is refused. */
enum answer { ACCEPTED, REFUSED, UNKNOWN };

struct msr_write {
	enum vendor vendor;
	const struct x86_state *before;
	uint64_t value;
};

typedef enum answer accept_fn(const struct msr_write *w);

/* The processor's own width decides, not CR4.LA57: between the two the state does not tell. */
static enum answer accept_address(const struct msr_write *w)
{
	if (is_canonical(w->value, has_la57(w->before)))
		return ACCEPTED;
	return is_canonical(w->value, true) ? UNKNOWN : REFUSED;
}

/* SDM's list of MSRs that want a canonical address leaves CSTAR out. */
static enum answer accept_cstar(const struct msr_write *w)
{
	enum answer a = accept_address(w);

	return w->vendor == VENDOR_INTEL && a == REFUSED ? UNKNOWN : a;
}

/* AMD has 32 bits in these two. */
static enum answer accept_sysenter(const struct msr_write *w)
{
	if (w->vendor == VENDOR_INTEL)
		return accept_address(w);
	return w->value & HIGH_HALF ? UNKNOWN : ACCEPTED;
}

/* Bits 63:32 are reserved. */
static enum answer accept_fmask(const struct msr_write *w)
{
	return w->value & HIGH_HALF ? UNKNOWN : ACCEPTED;
}

static enum answer accept_efer(const struct msr_write *w)
{
	uint64_t changed = w->value ^ w->before->efer;

	if ((changed & X86_EFER_LME) && (w->before->cr0 & X86_CR0_PG))
		return REFUSED;
	/* Bits beyond these depend on the processor; AMD may refuse a change of LMA. */
	if (changed & ~(uint64_t)EFER_KNOWN)
		return UNKNOWN;
	return w->vendor == VENDOR_AMD && (changed & X86_EFER_LMA) ? UNKNOWN : ACCEPTED;
}

static enum answer accept_any(const struct msr_write *w)
{
	(void)w;
	return ACCEPTED;
}

/* Where an MSR stands in the state, what it accepts, and which of its bits can be read back. */
static const struct gate_msr {
	uint32_t index;
	size_t offset;
	accept_fn *accept;
	uint64_t kept[2];       /* by vendor */
} gate_msrs[] = {
#define IN_STATE(member) offsetof(struct x86_state, member)
#define WHOLE { UINT64_MAX, UINT64_MAX }
	{ X86_MSR_EFER,           IN_STATE(efer),               accept_efer,     WHOLE },
	{ X86_MSR_STAR,           IN_STATE(msr.star),           accept_any,      WHOLE },
	{ X86_MSR_LSTAR,          IN_STATE(msr.lstar),          accept_address,  WHOLE },
	{ X86_MSR_CSTAR,          IN_STATE(msr.cstar),          accept_cstar,    WHOLE },
	{ X86_MSR_FMASK,          IN_STATE(msr.fmask),          accept_fmask,    { LOW_HALF, LOW_HALF } },
	{ X86_MSR_FS_BASE,        IN_STATE(fs.base),            accept_address,  WHOLE },
	{ X86_MSR_GS_BASE,        IN_STATE(gs.base),            accept_address,  WHOLE },
	{ X86_MSR_KERNEL_GS_BASE, IN_STATE(msr.kernel_gs_base), accept_address,  WHOLE },
	/* Bits 15:0 are the selector, the rest "not used". */
	{ X86_MSR_SYSENTER_CS,    IN_STATE(msr.sysenter_cs),    accept_any,      { 0xffff, 0xffff } },
	{ X86_MSR_SYSENTER_ESP,   IN_STATE(msr.sysenter_esp),   accept_sysenter, { UINT64_MAX, LOW_HALF } },
	{ X86_MSR_SYSENTER_EIP,   IN_STATE(msr.sysenter_eip),   accept_sysenter, { UINT64_MAX, LOW_HALF } },
#undef WHOLE
#undef IN_STATE
};
_Static_assert(VENDOR_INTEL == 0 && VENDOR_AMD == 1, "order of gate_msr.kept");

static const struct gate_msr *find(const struct x86_state *before)
{
	uint32_t index = before->gpr[GPR_RCX];

	for (size_t i = 0; i < sizeof(gate_msrs) / sizeof(gate_msrs[0]); i++)
		if (gate_msrs[i].index == index)
			return &gate_msrs[i];
	return NULL;
}

static uint64_t edx_eax(const struct x86_state *s)
{
	return s->gpr[GPR_RDX] << 32 | (s->gpr[GPR_RAX] & LOW_HALF);
}

static uint64_t *in_state(struct x86_state *s, const struct gate_msr *msr)
{
	return (uint64_t *)((char *)s + msr->offset);
}

static void write_msr(struct prediction *p, const struct gate_msr *msr, const struct msr_write *w)
{
	uint64_t value = w->value;

	/* LMA follows CR0.PG and LME; a write does not change it. */
	if (msr->index == X86_MSR_EFER)
		value = (value & ~(uint64_t)X86_EFER_LMA) | (w->before->efer & X86_EFER_LMA);
	*in_state(&p->after, msr) = value;
	p->msr_value = value;
	p->defined |= FIELD_BIT(FIELD_MSR);
	p->unsaid[FIELD_MSR] = ~msr->kept[w->vendor];
}

struct prediction *predict_wrmsr(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                 const struct x86_state *before)
{
	const struct msr_write w = { .vendor = vendor, .before = before, .value = edx_eax(before) };
	const struct gate_msr *msr = find(before);
	enum answer answer = msr ? msr->accept(&w) : UNKNOWN;

	if (before->cpl != 0 || answer == REFUSED)
		return predict_fault_code(p, before, X86_VECTOR_GP, 0);

	predict_next(p, before, gate);
	if (msr)
		write_msr(p, msr, &w);
	if (answer == UNKNOWN)
		predict_may_gp(p);
	predict_done(p);
	return p;
}

struct prediction *predict_rdmsr(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                 const struct x86_state *before)
{
	const struct gate_msr *msr = find(before);
	struct x86_state source = *before;
	uint64_t value = msr ? *in_state(&source, msr) : 0;
	uint64_t open = msr ? ~msr->kept[vendor] : UINT64_MAX;

	if (before->cpl != 0)
		return predict_fault_code(p, before, X86_VECTOR_GP, 0);

	/* Bits 63:32 of RAX and RDX become 0 whatever was read. */
	predict_next(p, before, gate);
	predict_gpr(p, GPR_RAX, value & LOW_HALF);
	predict_gpr(p, GPR_RDX, value >> 32);
	p->unsaid[FIELD_RAX] = open & LOW_HALF;
	p->unsaid[FIELD_RDX] = open >> 32;
	if (!msr)
		predict_may_gp(p);
	predict_done(p);
	return p;
}

struct prediction *predict_swapgs(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                  const struct x86_state *before)
{
	(void)vendor;
	if (x86_mode(before) != MODE_64)
		return predict_fault(p, before, X86_VECTOR_UD);
	if (before->cpl != 0)
		return predict_fault_code(p, before, X86_VECTOR_GP, 0);

	predict_next(p, before, gate);
	p->after.gs.base = before->msr.kernel_gs_base;
	p->after.msr.kernel_gs_base = before->gs.base;
	predict_done(p);
	return p;
}
