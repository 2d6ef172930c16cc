/*
 * The box's known deviations: QEMU 7.2's software emulation against silicon.
 * Each rule says exactly what the emulator yields where, as measured in the
 * box, so that any other difference stays unexplained.
 *
 * Most leave the check contradicted: they hide what silicon would do to this
 * guest.  Where the emulator spoils bits for every guest alike, these bits
 * say nothing of the guest: they are spared, and the check says so.
 */
#include "check/known.h"

#include "x86.h"

struct place {
	const struct check_context *context;
	const struct transition *t;
	const struct check *check;
};

/* A fault that the manual demands and the emulator does not raise. */
static bool missing_fault(const struct place *p, uint8_t vector)
{
	return p->check->expected == vector && !p->check->expected_none && p->check->observed_none;
}

static bool sysret_ss_rpl(const struct place *p)
{
	return p->check->observed == (p->check->expected | X86_SELECTOR_RPL);
}

static bool sysret_keeps_rf_vm(const struct place *p)
{
	uint64_t differ = p->check->expected ^ p->check->observed;
	uint64_t kept = X86_RFLAGS_RF | X86_RFLAGS_VM;

	return !(differ & ~kept) && (p->t->before.gpr[GPR_R11] & differ) == (p->check->observed & differ);
}

static bool sysret_canonical(const struct place *p)
{
	const struct x86_state *s = &p->t->before;

	return missing_fault(p, X86_VECTOR_GP) && !is_canonical(s->gpr[GPR_RCX], s->cr4 & X86_CR4_LA57);
}

static bool holds_address(uint32_t msr)
{
	static const uint32_t msrs[] = {
		X86_MSR_SYSENTER_ESP, X86_MSR_SYSENTER_EIP, X86_MSR_LSTAR, X86_MSR_CSTAR, X86_MSR_FS_BASE,
		X86_MSR_GS_BASE, X86_MSR_KERNEL_GS_BASE,
	};

	for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		if (msrs[i] == msr)
			return true;
	}
	return false;
}

static bool wrmsr_canonical(const struct place *p)
{
	return missing_fault(p, X86_VECTOR_GP) && holds_address(p->t->msr_index) &&
	       !is_canonical(p->t->msr_value, p->t->before.cr4 & X86_CR4_LA57);
}

static bool syscall_ss_mask(const struct place *p)
{
	return p->check->observed == (p->check->expected & ~(uint64_t)X86_SELECTOR_RPL);
}

static bool syscall_compat(const struct place *p)
{
	return missing_fault(p, X86_VECTOR_UD) && x86_mode(&p->t->before) == MODE_COMPAT;
}

static bool sysenter_long(const struct place *p)
{
	return missing_fault(p, X86_VECTOR_UD) && p->context->vendor == VENDOR_AMD &&
	       (p->t->before.efer & X86_EFER_LMA);
}

static bool sysenter_null(const struct place *p)
{
	uint64_t cs = p->t->before.msr.sysenter_cs;

	return missing_fault(p, X86_VECTOR_GP) && cs != 0 && !sysenter_cs_usable(cs);
}

/* The stack segment that a 32-bit TSS names: whatever is wrong with it is #TS there. */
static bool absent_stack(const struct place *p)
{
	const struct x86_segment ss = segment_from_descriptor(p->t->gate.target_ss, p->t->gate.tss_ss);

	return !(p->t->before.efer & X86_EFER_LMA) && p->check->expected == X86_VECTOR_SS &&
	       p->check->observed == X86_VECTOR_TS && !p->check->observed_none &&
	       p->t->gate.target_ss.valid && !ss.p;
}

/* RFLAGS as QEMU keeps them: the status flags and DF live elsewhere until somebody asks. */
#define KEPT_APART                                                              \
	(X86_RFLAGS_CF | X86_RFLAGS_PF | X86_RFLAGS_AF | X86_RFLAGS_ZF |        \
	 X86_RFLAGS_SF | X86_RFLAGS_OF | X86_RFLAGS_DF)

static bool syscall_lost_flags(const struct place *p)
{
	uint64_t differ = p->check->expected ^ p->check->observed;

	return !(differ & ~(uint64_t)KEPT_APART) && !(p->check->observed & KEPT_APART);
}

/* The index of an IDT error code is the vector, whatever a gate's size: SDM vol. 3A, 6.13. */
#define IDT_ERROR_INDEX UINT64_C(0xfff8)

static bool idt_error_index(const struct place *p)
{
	uint64_t vector = p->t->gate.vector;

	return (p->t->before.efer & X86_EFER_LMA) && p->check->expected == vector * 8 + 2 &&
	       p->check->observed == vector * 16 + 2;
}

/* The image of a fault's RFLAGS has the RF that was in force, instead of 1. */
static bool fault_rf(const struct place *p)
{
	return (p->check->expected ^ p->check->observed) == X86_RFLAGS_RF &&
	       (p->check->expected & X86_RFLAGS_RF);
}

/* A descriptor whose accessed bit is still clear: INT, IRET and far transfers set it on silicon. */
#define ACCESSED UINT64_C(1)

static bool not_accessed(const struct place *p)
{
	return (p->check->expected ^ p->check->observed) == ACCESSED && (p->check->expected & ACCESSED);
}

/* A null SS with RPL 0, as delivery to another privilege level leaves it, though the level is the same. */
static bool same_level_null_ss(const struct place *p)
{
	const struct transition *t = p->t;

	return (t->before.efer & X86_EFER_LMA) && t->before.cpl == t->after.cpl && t->frame.count &&
	       !t->after.ss.selector;
}

static const struct {
	enum gate_kind kind;            /* GATE_NONE: any, as the deviation is of delivery */
	enum field field;
	bool (*fits)(const struct place *p);
	const char *text;
	uint64_t spared;                /* bits that every guest loses here, whatever it does right */
} rules[] = {
	{ GATE_SYSCALL, FIELD_RFLAGS, syscall_lost_flags,
	  "QEMU 7.2: SYSCALL clears CF PF AF ZF SF OF DF; silicon keeps those that FMASK does not clear",
	  KEPT_APART },
	{ GATE_INT, FIELD_ERROR, idt_error_index,
	  "QEMU 7.2: an error code that names a gate of a 64-bit IDT has twice the vector as its index",
	  IDT_ERROR_INDEX },
	{ GATE_NONE, FIELD_FRAME_RFLAGS, fault_rf,
	  "QEMU 7.2: a fault pushes RFLAGS without RF; silicon sets it in the image", X86_RFLAGS_RF },
	{ GATE_NONE, FIELD_CS_TYPE, not_accessed,
	  "QEMU 7.2: INT, IRET and far transfers leave the accessed bit clear; silicon sets it", ACCESSED },
	{ GATE_NONE, FIELD_SS_TYPE, not_accessed,
	  "QEMU 7.2: INT, IRET and far transfers leave the accessed bit clear; silicon sets it", ACCESSED },
	{ GATE_NONE, FIELD_SS, same_level_null_ss,
	  "QEMU 7.2: delivery on an IST stack nulls SS though the privilege stays; silicon leaves SS",
	  UINT64_MAX },
	{ GATE_NONE, FIELD_SS_BASE, same_level_null_ss,
	  "QEMU 7.2: delivery on an IST stack nulls SS though the privilege stays; silicon leaves SS",
	  UINT64_MAX },
	{ GATE_NONE, FIELD_SS_LIMIT, same_level_null_ss,
	  "QEMU 7.2: delivery on an IST stack nulls SS though the privilege stays; silicon leaves SS",
	  UINT64_MAX },
	{ GATE_NONE, FIELD_SS_TYPE, same_level_null_ss,
	  "QEMU 7.2: delivery on an IST stack nulls SS though the privilege stays; silicon leaves SS",
	  UINT64_MAX },
	{ GATE_SYSRET, FIELD_SS, sysret_ss_rpl,
	  "QEMU 7.2: SYSRET forces SS.RPL to 3; AMD silicon takes STAR[63:48]+8 as it is", 0 },
	{ GATE_SYSRET, FIELD_RFLAGS, sysret_keeps_rf_vm,
	  "QEMU 7.2: SYSRET loads RF and VM from R11; silicon clears both", 0 },
	{ GATE_SYSRET, FIELD_VECTOR, sysret_canonical,
	  "QEMU 7.2: SYSRET does not check that RCX is canonical", 0 },
	{ GATE_WRMSR, FIELD_VECTOR, wrmsr_canonical,
	  "QEMU 7.2: WRMSR of a non-canonical address does not fault", 0 },
	{ GATE_SYSCALL, FIELD_SS, syscall_ss_mask,
	  "QEMU 7.2: SYSCALL clears SS.RPL; the manual's STAR[47:32]+8 is not masked", 0 },
	{ GATE_SYSCALL, FIELD_VECTOR, syscall_compat,
	  "QEMU 7.2: SYSCALL in compatibility mode goes to CSTAR whatever the vendor", 0 },
	{ GATE_SYSENTER, FIELD_VECTOR, sysenter_long,
	  "QEMU 7.2: SYSENTER in compatibility mode is accepted with an AMD CPUID too", 0 },
	{ GATE_SYSENTER, FIELD_VECTOR, sysenter_null,
	  "QEMU 7.2: SYSENTER tests the whole of IA32_SYSENTER_CS for 0, not bits 15:2", 0 },
	{ GATE_INT, FIELD_VECTOR, absent_stack,
	  "QEMU 7.2: a stack segment that the TSS names and that is not present is #TS; silicon raises #SS", 0 },
};

const char *known_deviation(const struct check_context *context, const struct transition *t,
                            const struct check *check, uint64_t *spared)
{
	const struct place place = { context, t, check };

	*spared = 0;
	if (!context->emulated || check->held)
		return NULL;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		bool kind = rules[i].kind == GATE_NONE || rules[i].kind == t->gate.kind;

		if (kind && rules[i].field == check->field && rules[i].fits(&place)) {
			*spared = rules[i].spared;
			return rules[i].text;
		}
	}
	return NULL;
}
