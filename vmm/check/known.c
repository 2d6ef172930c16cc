/*
 * The box's known deviations: QEMU 7.2's software emulation against silicon.
 * Each rule says exactly what the emulator yields where, as measured in the
 * box, so that any other difference stays unexplained.
 *
 * Most leave the check contradicted: they hide what silicon would do to this
 * guest.  Where the emulator spoils bits for every guest alike, these bits
 * say nothing of the guest: they are spared, and the check says so.
 */
#include "check/known_rules.h"

bool missing_fault(const struct place *p, uint8_t vector)
{
	return p->check->expected == vector && !p->check->expected_none && p->check->observed_none;
}

static bool sysret_ss_rpl(const struct place *p)
{
	return p->check->observed == (p->check->expected | X86_SELECTOR_RPL);
}

/* RFLAGS as QEMU keeps them: the status flags and DF live elsewhere until somebody asks. */
#define KEPT_APART                                                              \
	(X86_RFLAGS_CF | X86_RFLAGS_PF | X86_RFLAGS_AF | X86_RFLAGS_ZF |        \
	 X86_RFLAGS_SF | X86_RFLAGS_OF | X86_RFLAGS_DF)

/* What SYSRET takes from R11 there, in every mode: the status flags, DF, and */
#define SYSRET_TAKES                                                            \
	(KEPT_APART | X86_RFLAGS_TF | X86_RFLAGS_IF | X86_RFLAGS_IOPL |         \
	 X86_RFLAGS_NT | X86_RFLAGS_RF | X86_RFLAGS_VM | X86_RFLAGS_AC | X86_RFLAGS_ID)

static bool sysret_flags_of_r11(const struct place *p)
{
	const struct x86_state *s = &p->t->before;
	uint64_t taken = (s->gpr[GPR_R11] & SYSRET_TAKES) | (s->rflags & ~(uint64_t)SYSRET_TAKES);

	/* An RF that was in force before is cleared once the instruction is done, with the one it loaded. */
	if (s->rflags & X86_RFLAGS_RF)
		taken &= ~(uint64_t)X86_RFLAGS_RF;
	return !((p->check->observed ^ taken) & p->check->mask);
}

static bool sysret_keeps_rf_vm(const struct place *p)
{
	return x86_mode(&p->t->before) == MODE_64 && sysret_flags_of_r11(p);
}

static bool sysret_compat_flags(const struct place *p)
{
	return x86_mode(&p->t->before) == MODE_COMPAT && sysret_flags_of_r11(p);
}

static bool syscall_rcx_33(const struct place *p)
{
	return x86_mode(&p->t->before) == MODE_COMPAT &&
	       p->check->observed == p->check->expected + (UINT64_C(1) << 32);
}

static bool sysret_canonical(const struct place *p)
{
	const struct x86_state *s = &p->t->before;

	return p->context->vendor == VENDOR_INTEL && missing_fault(p, X86_VECTOR_GP) &&
	       !is_canonical(s->gpr[GPR_RCX], s->cr4 & X86_CR4_LA57);
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
	return p->context->vendor == VENDOR_INTEL && missing_fault(p, X86_VECTOR_UD) &&
	       x86_mode(&p->t->before) == MODE_COMPAT;
}

/* Accepted, or refused for its MSR alone. */
static bool sysenter_long(const struct place *p)
{
	bool null = p->t->before.msr.sysenter_cs == 0 && p->check->observed == X86_VECTOR_GP;

	return (missing_fault(p, X86_VECTOR_UD) || (null && p->check->expected == X86_VECTOR_UD)) &&
	       p->context->vendor == VENDOR_AMD && (p->t->before.efer & X86_EFER_LMA);
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

/* A null SS with RPL = CPL, as delivery to another privilege level leaves it, though the level is the same. */
static bool same_level_null_ss(const struct place *p)
{
	const struct transition *t = p->t;

	return (t->before.efer & X86_EFER_LMA) && t->before.cpl == t->after.cpl && t->frame.count &&
	       t->after.ss.selector == t->after.cpl;
}

#define KNOWN(name, box, whose, does, silicon, spared, reach)                   \
	[KNOWN_##name] = { EMULATOR_##box, whose, does, silicon, whose ": " does "; silicon " silicon, spared, reach },
static const struct known_row rows[KNOWN_COUNT] = {
#include "check/known.def"
};
#undef KNOWN

static const struct {
	enum known known;
	enum gate_kind kind;            /* GATE_NONE: any, as the deviation is of delivery */
	enum field field;               /* FIELD_COUNT: any, as nothing behind the gate is right */
	bool (*fits)(const struct place *p);
	uint64_t spared;                /* bits that every guest loses here, whatever it does right */
} rules[] = {
	{ KNOWN_SYSCALL_FLAGS, GATE_SYSCALL, FIELD_RFLAGS, syscall_lost_flags, KEPT_APART },
	{ KNOWN_IDT_ERROR, GATE_INT, FIELD_ERROR, idt_error_index, IDT_ERROR_INDEX },
	{ KNOWN_FAULT_RF, GATE_NONE, FIELD_FRAME_RFLAGS, fault_rf, X86_RFLAGS_RF },
	{ KNOWN_ACCESSED, GATE_NONE, FIELD_CS_TYPE, not_accessed, ACCESSED },
	{ KNOWN_ACCESSED, GATE_NONE, FIELD_SS_TYPE, not_accessed, ACCESSED },
	{ KNOWN_IST_NULL_SS, GATE_NONE, FIELD_SS, same_level_null_ss, UINT64_MAX },
	{ KNOWN_IST_NULL_SS, GATE_NONE, FIELD_SS_BASE, same_level_null_ss, UINT64_MAX },
	{ KNOWN_IST_NULL_SS, GATE_NONE, FIELD_SS_LIMIT, same_level_null_ss, UINT64_MAX },
	{ KNOWN_IST_NULL_SS, GATE_NONE, FIELD_SS_TYPE, same_level_null_ss, UINT64_MAX },
	{ KNOWN_SYSRET_SS_RPL, GATE_SYSRET, FIELD_SS, sysret_ss_rpl, 0 },
	{ KNOWN_SYSRET_RF_VM, GATE_SYSRET, FIELD_RFLAGS, sysret_keeps_rf_vm, 0 },
	{ KNOWN_SYSRET_COMPAT, GATE_SYSRET, FIELD_RFLAGS, sysret_compat_flags, 0 },
	{ KNOWN_SYSCALL_RCX, GATE_SYSCALL, FIELD_RCX, syscall_rcx_33, 0 },
	{ KNOWN_IRETD_VM, GATE_IRET, FIELD_COUNT, iretd_to_v86, 0 },
	{ KNOWN_IRET_VIF, GATE_IRET, FIELD_RFLAGS, iret_without_vif, 0 },
	{ KNOWN_RET_ESP, GATE_IRET, FIELD_VECTOR, ret_through_esp, 0 },
	{ KNOWN_RET_ESP, GATE_FAR, FIELD_VECTOR, ret_through_esp, 0 },
	{ KNOWN_RET_L_AND_D, GATE_IRET, FIELD_VECTOR, ret_to_long_and_d, 0 },
	{ KNOWN_RET_L_AND_D, GATE_IRET, FIELD_ERROR, ret_to_long_and_d, 0 },
	{ KNOWN_RET_L_AND_D, GATE_FAR, FIELD_VECTOR, ret_to_long_and_d, 0 },
	{ KNOWN_RET_L_AND_D, GATE_FAR, FIELD_ERROR, ret_to_long_and_d, 0 },
	{ KNOWN_RET_NULL_SS, GATE_IRET, FIELD_VECTOR, ret_with_null_ss, 0 },
	{ KNOWN_RET_NULL_SS, GATE_FAR, FIELD_VECTOR, ret_with_null_ss, 0 },
	{ KNOWN_RET_SS_PRESENT, GATE_IRET, FIELD_VECTOR, ret_ss_not_present, 0 },
	{ KNOWN_RET_SS_PRESENT, GATE_FAR, FIELD_VECTOR, ret_ss_not_present, 0 },
	{ KNOWN_RET_LIMIT, GATE_IRET, FIELD_VECTOR, ret_beyond_limit, 0 },
	{ KNOWN_RET_LIMIT, GATE_FAR, FIELD_VECTOR, ret_beyond_limit, 0 },
	{ KNOWN_TARGET_CANONICAL, GATE_INT, FIELD_VECTOR, target_not_canonical, 0 },
	{ KNOWN_TARGET_CANONICAL, GATE_IRET, FIELD_VECTOR, target_not_canonical, 0 },
	{ KNOWN_TARGET_CANONICAL, GATE_FAR, FIELD_VECTOR, target_not_canonical, 0 },
	{ KNOWN_STACK_CANONICAL, GATE_INT, FIELD_VECTOR, stack_not_canonical, 0 },
	{ KNOWN_SYSRET_CANONICAL, GATE_SYSRET, FIELD_VECTOR, sysret_canonical, 0 },
	{ KNOWN_WRMSR_CANONICAL, GATE_WRMSR, FIELD_VECTOR, wrmsr_canonical, 0 },
	{ KNOWN_SYSCALL_SS_RPL, GATE_SYSCALL, FIELD_SS, syscall_ss_mask, 0 },
	{ KNOWN_SYSCALL_COMPAT, GATE_SYSCALL, FIELD_VECTOR, syscall_compat, 0 },
	{ KNOWN_SYSENTER_LONG, GATE_SYSENTER, FIELD_VECTOR, sysenter_long, 0 },
	{ KNOWN_SYSENTER_NULL, GATE_SYSENTER, FIELD_VECTOR, sysenter_null, 0 },
	{ KNOWN_ABSENT_STACK, GATE_INT, FIELD_VECTOR, absent_stack, 0 },
	{ KNOWN_BOCHS_SYSCALL_SS_RPL, GATE_SYSCALL, FIELD_SS, syscall_ss_mask, 0 },
	{ KNOWN_BOCHS_SYSCALL_COMPAT, GATE_SYSCALL, FIELD_VECTOR, syscall_compat, 0 },
	{ KNOWN_BOCHS_SYSRET_RF, GATE_SYSRET, FIELD_RFLAGS, sysret_restores_rf, 0 },
	{ KNOWN_BOCHS_SYSRET_SS, GATE_SYSRET, FIELD_SS_LIMIT, sysret_keeps_ss_size, 0 },
	{ KNOWN_BOCHS_SYSRET_SS, GATE_SYSRET, FIELD_SS_TYPE, sysret_keeps_ss_size, 0 },
	{ KNOWN_BOCHS_IRET_SHORT, GATE_IRET, FIELD_VECTOR, iret_pops_three, 0 },
	{ KNOWN_BOCHS_IRET_SHORT, GATE_IRET, FIELD_RSP, iret_pops_three, 0 },
	{ KNOWN_BOCHS_IRET_SHORT, GATE_IRET, FIELD_SS, iret_pops_three, 0 },
	{ KNOWN_BOCHS_IRET_SHORT, GATE_IRET, FIELD_ERROR, iret_pops_three, 0 },
	{ KNOWN_BOCHS_RET_SS_PRESENT, GATE_IRET, FIELD_VECTOR, ret_ss_not_present, 0 },
	{ KNOWN_BOCHS_RET_UPPER_HALF, GATE_IRET, FIELD_VECTOR, ret_drops_upper_half, 0 },
	{ KNOWN_BOCHS_RET_UPPER_HALF, GATE_FAR, FIELD_VECTOR, ret_drops_upper_half, 0 },
	{ KNOWN_BOCHS_IRET_NULL_SS, GATE_IRET, FIELD_VECTOR, iret_with_other_null_ss, 0 },
	{ KNOWN_BOCHS_STACK_ERROR, GATE_INT, FIELD_ERROR, stack_error_names_ss, 0 },
};

const struct known_row *known_row(enum known known)
{
	return &rows[known];
}

enum known known_of(const char *text)
{
	unsigned known = 0;

	while (known < KNOWN_COUNT && rows[known].text != text)
		known++;
	return known;
}

const char *known_deviation(const struct check_context *context, const struct transition *t,
                            const struct check *check, uint64_t *spared)
{
	const struct place place = { context, t, check };

	*spared = 0;
	if (check->held)
		return NULL;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		bool kind = rules[i].kind == GATE_NONE || rules[i].kind == t->gate.kind;

		bool field = rules[i].field == FIELD_COUNT || rules[i].field == check->field;

		if (rows[rules[i].known].emulator == context->emulator && kind && field && rules[i].fits(&place)) {
			*spared = rules[i].spared;
			return rows[rules[i].known].text;
		}
	}
	return NULL;
}

enum known known_end(const struct check_context *context, const struct transition *t, enum guest_end end)
{
	const bool in_64 = x86_mode(&t->before) == MODE_64;
	const bool returns = t->gate.kind == GATE_IRET || t->gate.kind == GATE_FAR;
	const struct x86_segment cs = segment_from_descriptor(t->gate.target, 0);

	if (context->emulator != EMULATOR_QEMU)
		return KNOWN_COUNT;
	if (end == GUEST_ENDED_INTERNAL && t->gate.kind == GATE_SYSENTER && in_64 && t->before.cpl == 0)
		return KNOWN_SYSENTER_RING0;
	if (end == GUEST_ENDED_REFUSED && t->gate.kind == GATE_SYSENTER && !in_64)
		return KNOWN_SYSENTER_LONG;
	if (end == GUEST_ENDED_REFUSED && returns && cs.l && cs.db)
		return KNOWN_RET_L_AND_D;
	return KNOWN_COUNT;
}
