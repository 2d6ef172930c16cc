/*
 * Checks: what holds, what is contradicted, what is not compared, and what is
 * explained.  Transitions are made by hand (gates.h) and spoiled one field at
 * a time, so that every check is seen to fail.
 */
#include "check/check.h"
#include "check/known.h"
#include "gates.h"

#include "ring.h"
#include "x86.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct check_context amd = { .vendor = VENDOR_AMD };
static const struct check_context intel = { .vendor = VENDOR_INTEL };
static const struct check_context box = { .vendor = VENDOR_AMD, .emulator = EMULATOR_QEMU };
static const struct check_context box_intel = { .vendor = VENDOR_INTEL, .emulator = EMULATOR_BOCHS };

static unsigned wrong(const struct check_list *list)
{
	unsigned count = 0;

	for (unsigned i = 0; i < list->count; i++)
		count += !list->check[i].held;
	return count;
}

static const struct check *find(const struct check_list *list, enum field field)
{
	for (unsigned i = 0; i < list->count; i++) {
		if (list->check[i].field == field)
			return &list->check[i];
	}
	return NULL;
}

/* Briefly, those that do not hold are the same, and the others as many; only counted, -1 where one does not hold. */
static void compare_ways(const struct check_context *context, const struct transition *t, const struct check_list *list)
{
	struct check_list brief;
	unsigned wrong = 0;

	memset(&brief, 0x5a, sizeof(brief));
	check_briefly(context, t, &brief);
	for (unsigned i = 0; i < list->count; i++) {
		if (list->check[i].held)
			continue;
		cr_assert_lt(wrong, brief.count);
		cr_assert_eq(brief.check[wrong].field, list->check[i].field);
		cr_assert_eq(brief.check[wrong].expected, list->check[i].expected);
		cr_assert_eq(brief.check[wrong].observed, list->check[i].observed);
		cr_assert_eq(brief.check[wrong].known, list->check[i].known);
		cr_assert_eq(brief.check[wrong++].source, list->check[i].source);
	}
	cr_assert_eq(brief.count, wrong);
	cr_assert_eq(brief.held, list->count - wrong);
	cr_assert_eq(brief.spared_count, list->spared_count);
	cr_assert_eq(brief.other_vendor.count, list->other_vendor.count);
	cr_assert_eq(check_held(context, t), wrong ? -1 : (int)list->count);
}

static struct check_list run(const struct check_context *context, const struct transition *t)
{
	struct check_list list;

	memset(&list, 0xa5, sizeof(list));
	check_transition(context, t, &list);
	cr_assert_eq(list.held, 0);
	if (!t->recorded)
		compare_ways(context, t, &list);
	return list;
}

static void assert_all_held(const struct check_list *list, unsigned at_least)
{
	cr_assert_geq(list->count, at_least);
	for (unsigned i = 0; i < list->count; i++) {
		const struct check *c = &list->check[i];

		cr_assert(c->held, "%s: expected %lx, observed %lx", field_name(c->field), c->expected,
			  c->observed);
		cr_assert(c->mask);
		cr_assert_not_null(c->source);
		cr_assert_neq(c->source[0], 0);
		cr_assert_null(c->known);
	}
}

/* Exactly this field is contradicted. */
static void assert_wrong(const struct check_list *list, enum field field)
{
	const struct check *c = find(list, field);

	cr_assert_not_null(c, "%s was not compared", field_name(field));
	cr_assert_not(c->held, "%s", field_name(field));
	cr_assert_eq(wrong(list), 1, "%s: %u wrong", field_name(field), wrong(list));
}

Test(check, whole_gates_hold)
{
	const struct transition gates[] = {
		syscall_transition(), sysret_transition(), int_transition(), page_fault_transition(),
		wrmsr_transition(X86_MSR_STAR, STAR), wrmsr_transition(X86_MSR_LSTAR, KERNEL_ENTRY),
	};

	for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
		struct check_list list = run(&amd, &gates[i]);

		assert_all_held(&list, 18);
		list = run(&intel, &gates[i]);
		assert_all_held(&list, 18);
	}
}

/* Every part of the state after, spoiled alone, is caught, and nothing else with it. */
Test(check, every_field_can_fail)
{
	static const enum field of_gpr[GPR_COUNT] = {
		FIELD_RAX, FIELD_RCX, FIELD_RDX, FIELD_RBX, FIELD_RSP, FIELD_RBP, FIELD_RSI, FIELD_RDI,
		FIELD_R8, FIELD_R9, FIELD_R10, FIELD_R11, FIELD_R12, FIELD_R13, FIELD_R14, FIELD_R15,
	};
	struct transition t;
	struct check_list list;

	for (unsigned r = 0; r < GPR_COUNT; r++) {
		t = syscall_transition();
		t.after.gpr[r] ^= UINT64_C(1) << 40;
		list = run(&amd, &t);
		assert_wrong(&list, of_gpr[r]);
	}
	t = syscall_transition();
	t.after.rip++;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_RIP);
	t = syscall_transition();
	t.after.cs.selector = 0x33;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_CS);
	t = syscall_transition();
	t.after.ss.selector = 0x2b;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_SS);
	t = syscall_transition();
	t.after.cpl = 3;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_CPL);
	t = syscall_transition();
	t.after.gs.base = 1;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_GS_BASE);
}

Test(check, every_flag_can_fail)
{
	for (unsigned bit = 0; bit < 22; bit++) {
		struct transition t = syscall_transition();
		struct check_list list;

		t.after.rflags ^= UINT64_C(1) << bit;
		list = run(&amd, &t);
		assert_wrong(&list, FIELD_RFLAGS);
	}
}

Test(check, lent_bits_are_not_compared)
{
	struct transition t = syscall_transition();
	struct check_list list;

	t.after.rflags |= X86_RFLAGS_TF;
	t.after.gpr[GPR_R11] |= X86_RFLAGS_TF;
	list = run(&amd, &t);
	cr_assert_eq(wrong(&list), 2);

	t.rflags_lent = t.r11_lent = X86_RFLAGS_TF;
	list = run(&amd, &t);
	assert_all_held(&list, 18);
	cr_assert_not(find(&list, FIELD_RFLAGS)->mask & X86_RFLAGS_TF);
	cr_assert_not(find(&list, FIELD_R11)->mask & X86_RFLAGS_TF);
	cr_assert_eq(find(&list, FIELD_R11)->observed, 0x246);

	t = int_transition();
	t.frame.rflags |= X86_RFLAGS_TF;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_FRAME_RFLAGS);
	t.frame_rflags_lent = X86_RFLAGS_TF;
	list = run(&amd, &t);
	assert_all_held(&list, 18);
}

Test(check, frame_words_can_fail)
{
	struct transition t;
	struct check_list list;
	static const size_t words[] = {
		offsetof(struct frame, rip), offsetof(struct frame, cs), offsetof(struct frame, rflags),
		offsetof(struct frame, rsp), offsetof(struct frame, ss),
	};

	for (unsigned i = 0; i < 5; i++) {
		t = page_fault_transition();
		*(uint64_t *)((char *)&t.frame + words[i]) ^= 0x40;
		list = run(&amd, &t);
		assert_wrong(&list, FIELD_FRAME_RIP + i);
	}
	/* Of error codes only #DF's is known beforehand: 0. */
	t = refused(GATE_NONE, X86_VECTOR_DF, true, 0);
	t.gate = t.delivery;
	t.frame.error = 8;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_FRAME_ERROR);
	/* One that is missing, or too much, shows in RSP. */
	t = refused(GATE_NONE, X86_VECTOR_GP, false, 0);
	t.gate = t.delivery;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_RSP);
	t = refused(GATE_NONE, X86_VECTOR_UD, true, 0);
	t.gate = t.delivery;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_RSP);
	/* A frame that could not be found is not a frame that held. */
	t = int_transition();
	t.frame = (struct frame) { .word_size = 8 };
	list = run(&amd, &t);
	cr_assert_eq(wrong(&list), 5);
	cr_assert(find(&list, FIELD_FRAME_RIP)->observed_none);
	cr_assert_eq(find(&list, FIELD_FRAME_RIP)->observed, ~UINT64_C(0));
}

Test(check, msr_read_back_can_fail)
{
	struct transition t = wrmsr_transition(X86_MSR_STAR, STAR);
	struct check_list list;

	t.msr_readback ^= UINT64_C(1) << 63;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_MSR);
}

Test(check, predicted_fault_that_came)
{
	struct transition t = refused(GATE_SYSCALL, X86_VECTOR_UD, false, 0);
	struct check_list list;

	t.before.efer &= ~(uint64_t)X86_EFER_SCE;
	deliver(&t, &t.delivery, USER_CODE);
	list = run(&amd, &t);
	assert_all_held(&list, 20);
	cr_assert_eq(find(&list, FIELD_VECTOR)->observed, X86_VECTOR_UD);
	cr_assert_not_null(find(&list, FIELD_FRAME_RIP));
}

Test(check, predicted_fault_that_did_not_come)
{
	struct transition t = syscall_transition();
	struct check_list list;

	t.before.efer &= ~(uint64_t)X86_EFER_SCE;
	list = run(&amd, &t);
	cr_assert_eq(list.count, 1);
	assert_wrong(&list, FIELD_VECTOR);
	cr_assert_eq(list.check[0].expected, X86_VECTOR_UD);
	cr_assert(list.check[0].observed_none);
}

Test(check, unpredicted_fault)
{
	struct transition t = refused(GATE_SYSCALL, X86_VECTOR_UD, false, 0);
	struct check_list list = run(&amd, &t);

	assert_wrong(&list, FIELD_VECTOR);
	cr_assert(find(&list, FIELD_VECTOR)->expected_none);
	cr_assert_eq(find(&list, FIELD_VECTOR)->observed, X86_VECTOR_UD);
	/* How it was delivered is judged all the same. */
	cr_assert_geq(list.count, 20);
}

/* INT 2Eh through a gate of DPL 0 from ring 3 is #GP(172h): the error names the gate. */
Test(check, wrong_vector_and_wrong_error)
{
	struct transition t = refused(GATE_INT, X86_VECTOR_GP, true, 0x2e * 8 + 2);
	struct gate attempt = delivery_gate(GATE_INT, 0x2e, 0);
	struct check_list list;

	t.gate = attempt;
	list = run(&amd, &t);
	assert_all_held(&list, 20);
	cr_assert_eq(find(&list, FIELD_ERROR)->observed, 0x172);

	t = refused(GATE_INT, X86_VECTOR_GP, true, 0);
	t.gate = attempt;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_ERROR);

	t = refused(GATE_INT, X86_VECTOR_UD, false, 0);
	t.gate = attempt;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_VECTOR);
	cr_assert_eq(find(&list, FIELD_VECTOR)->expected, X86_VECTOR_GP);
}

/* The fault came and could not be delivered: #DF is what is seen of it. */
Test(check, double_fault_behind_the_predicted_one)
{
	struct transition t = refused(GATE_INT, X86_VECTOR_DF, true, 0);
	struct check_list list;

	t.gate = delivery_gate(GATE_INT, 0x2e, 0);
	list = run(&amd, &t);
	cr_assert_eq(wrong(&list), 0);
	cr_assert_geq(list.count, 5);
	/* Where nothing must fault there is nothing that could double. */
	t.gate = delivery_gate(GATE_INT, 0x2e, 3);
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_VECTOR);
	/* #UD is not one that doubles. */
	t = refused(GATE_SYSCALL, X86_VECTOR_DF, true, 0);
	t.before.efer &= ~(uint64_t)X86_EFER_SCE;
	deliver(&t, &t.delivery, USER_CODE);
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_VECTOR);
}

/* An error code that the manual gives twice: that there is one is said, which one is not. */
Test(check, open_error_code)
{
	struct transition t = refused(GATE_INT, X86_VECTOR_GP, true, 0);
	struct check_list list;

	t.gate = delivery_gate(GATE_INT, 0x2e, 3);
	t.gate.target.lo &= ~(UINT64_C(1) << 53);
	list = run(&intel, &t);
	assert_all_held(&list, 20);
	cr_assert_null(find(&list, FIELD_ERROR));
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_ERROR);
	t = refused(GATE_INT, X86_VECTOR_GP, false, 0);
	t.gate = delivery_gate(GATE_INT, 0x2e, 3);
	t.gate.target.lo &= ~(UINT64_C(1) << 53);
	list = run(&intel, &t);
	cr_assert_not(find(&list, FIELD_ERROR)->held);
	cr_assert(find(&list, FIELD_ERROR)->observed_none);
}

/* The emulator's faults push RF as it was: not compared there, news elsewhere; nothing else is excused. */
Test(check, known_fault_without_rf)
{
	struct transition t = page_fault_transition();
	struct check_list list;

	t.frame.rflags &= ~(uint64_t)X86_RFLAGS_RF;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_FRAME_RFLAGS);
	cr_assert_null(find(&list, FIELD_FRAME_RFLAGS)->known);
	list = run(&box, &t);
	cr_assert_eq(wrong(&list), 0);
	cr_assert_not_null(find(&list, FIELD_FRAME_RFLAGS)->known);
	cr_assert_not(find(&list, FIELD_FRAME_RFLAGS)->mask & X86_RFLAGS_RF);
	t.frame.rflags ^= X86_RFLAGS_ZF;
	list = run(&box, &t);
	assert_wrong(&list, FIELD_FRAME_RFLAGS);
	cr_assert_null(find(&list, FIELD_FRAME_RFLAGS)->known);
	/* INT n pushes it clear: set, it is no fault of the emulator's. */
	t = int_transition();
	t.frame.rflags |= X86_RFLAGS_RF;
	list = run(&box, &t);
	assert_wrong(&list, FIELD_FRAME_RFLAGS);
}

/* A call gate: whether it faults is not said, so a fault is no contradiction; its delivery is compared. */
Test(check, open_fault)
{
	struct transition t = refused(GATE_FAR, X86_VECTOR_GP, true, 0x48);
	struct check_list list;

	t.gate = (struct gate){
		.kind = GATE_FAR, .length = 7, .operand_size = 4, .far = FAR_CALL, .far_selector = 0x48,
		.target = { .lo = UINT64_C(0x0000ec0000000000), .valid = true },
	};
	list = run(&amd, &t);
	assert_all_held(&list, 20);
	cr_assert_null(find(&list, FIELD_VECTOR));
}

/* QEMU keeps the status flags and DF apart: lost at SYSCALL, and no other flag is excused with them. */
Test(check, known_syscall_flags)
{
	struct transition t = syscall_transition();
	struct check_list list;

	t.before.rflags |= X86_RFLAGS_ZF | X86_RFLAGS_DF;
	t.before.msr.fmask = X86_RFLAGS_IF;
	t.after.msr.fmask = X86_RFLAGS_IF;
	t.after.gpr[GPR_R11] = t.before.rflags;
	t.after.rflags = X86_RFLAGS_FIXED;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_RFLAGS);
	list = run(&box, &t);
	cr_assert_eq(wrong(&list), 0);
	cr_assert_eq(list.spared_count, 1);
	t.after.rflags |= X86_RFLAGS_IF;
	list = run(&box, &t);
	assert_wrong(&list, FIELD_RFLAGS);
}

/* A null SS though the privilege stays: nothing of SS is left to compare, and that is not counted as held. */
Test(check, known_null_ss_at_the_same_level)
{
	struct transition t = page_fault_transition();
	struct check_list before, list;

	t.before.cpl = t.after.cpl;
	t.after.ss = t.before.ss;
	before = run(&box, &t);
	t.after.ss = (struct x86_segment){ .unusable = true };
	list = run(&box, &t);
	cr_assert_null(find(&list, FIELD_SS));
	cr_assert_lt(list.count, before.count);
	cr_assert_gt(list.spared_count, 0);
	list = run(&amd, &t);
	cr_assert_not(find(&list, FIELD_SS)->held);
}

/* An exception through an absent gate cannot have been delivered. */
Test(check, impossible_delivery)
{
	struct transition t = page_fault_transition();
	struct check_list list;

	t.gate.idt.lo &= ~(UINT64_C(0x80) << 40);
	list = run(&amd, &t);
	cr_assert_geq(wrong(&list), 1);
	cr_assert_not(find(&list, FIELD_VECTOR)->held);
}

Test(check, nothing_said_is_nothing_compared)
{
	struct transition t = { .gate = { .kind = GATE_NONE }, .before = user64(), .after = kernel64() };

	cr_assert_eq(run(&amd, &t).count, 0);
}

/* STAR[63:48] = 20h: AMD loads SS = 28h, the emulator 2Bh. */
static struct transition sysret_base_20(uint16_t ss)
{
	struct transition t = sysret_transition();

	t.before.msr.star = UINT64_C(0x0020001000000000);
	t.after.msr.star = t.before.msr.star;
	t.after.ss.selector = ss;
	return t;
}

Test(check, known_deviation_is_named_and_stays_contradicted)
{
	struct transition t = sysret_base_20(0x2b);
	struct check_list list = run(&box, &t);

	assert_wrong(&list, FIELD_SS);
	cr_assert_not_null(find(&list, FIELD_SS)->known);
	cr_assert_not_null(strstr(find(&list, FIELD_SS)->known, "SYSRET"));
	/* The same on silicon is news. */
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_SS);
	cr_assert_null(find(&list, FIELD_SS)->known);
	/* Any other value is news in the box too. */
	t = sysret_base_20(0x33);
	list = run(&box, &t);
	cr_assert_null(find(&list, FIELD_SS)->known);
	/* And what AMD's manual says holds. */
	t = sysret_base_20(0x28);
	list = run(&box, &t);
	assert_all_held(&list, 18);
}

Test(check, known_wrmsr_that_should_fault)
{
	struct transition t = wrmsr_transition(X86_MSR_LSTAR, UINT64_C(0x8000000000000000));
	struct check_list list = run(&box, &t);

	assert_wrong(&list, FIELD_VECTOR);
	cr_assert_not_null(find(&list, FIELD_VECTOR)->known);
	/* A reserved bit of EFER is another matter. */
	t = wrmsr_transition(X86_MSR_EFER, UINT64_C(0x8000000000000000));
	list = run(&box, &t);
	assert_wrong(&list, FIELD_VECTOR);
	cr_assert_null(find(&list, FIELD_VECTOR)->known);
}

Test(check, known_syscall_ss)
{
	struct transition t = syscall_transition();
	struct check_list list;

	/* STAR[47:32] = 13h: CS 10h, SS 1Bh by the manual; the emulator clears the RPL. */
	t.before.msr.star = t.after.msr.star = UINT64_C(0x0023001300000000);
	t.after.ss.selector = 0x18;
	list = run(&box, &t);
	assert_wrong(&list, FIELD_SS);
	cr_assert_not_null(find(&list, FIELD_SS)->known);
}

/* One emulator's deviation is news in the other's box. */
Test(check, known_in_one_box_only)
{
	struct transition t = syscall_transition();
	struct check_list list;

	t.before.rflags |= X86_RFLAGS_ZF;
	t.before.msr.fmask = t.after.msr.fmask = 0;
	t.after.gpr[GPR_R11] = t.before.rflags;
	t.after.rflags = t.before.rflags & ~(uint64_t)X86_RFLAGS_ZF;
	list = run(&box_intel, &t);
	assert_wrong(&list, FIELD_RFLAGS);
	cr_assert_null(find(&list, FIELD_RFLAGS)->known);
	cr_assert_eq(list.spared_count, 0);

	t = sysret_transition();
	t.before.gpr[GPR_R11] |= X86_RFLAGS_RF;
	t.after.gpr[GPR_R11] = t.before.gpr[GPR_R11];
	t.after.rflags |= X86_RFLAGS_RF;
	list = run(&box_intel, &t);
	assert_wrong(&list, FIELD_RFLAGS);
	cr_assert_eq(known_of(find(&list, FIELD_RFLAGS)->known), KNOWN_BOCHS_SYSRET_RF);
	list = run(&box, &t);
	cr_assert_eq(known_of(find(&list, FIELD_RFLAGS)->known), KNOWN_SYSRET_RF_VM);
	list = run(&intel, &t);
	cr_assert_null(find(&list, FIELD_RFLAGS)->known);
	/* Not from R11. */
	t.before.gpr[GPR_R11] &= ~(uint64_t)X86_RFLAGS_RF;
	t.after.gpr[GPR_R11] = t.before.gpr[GPR_R11];
	list = run(&box_intel, &t);
	cr_assert_null(find(&list, FIELD_RFLAGS)->known);
}

/* Behind an interrupt SS is null: what is cached of it then stays. */
Test(check, known_sysret_keeps_what_is_cached_of_ss)
{
	struct transition t = sysret_transition();
	struct check_list list;

	t.before.ss = (struct x86_segment){ 0 };
	t.after.ss.limit = 0;
	t.after.ss.db = t.after.ss.g = false;
	list = run(&box_intel, &t);
	cr_assert_not(find(&list, FIELD_SS_LIMIT)->held);
	cr_assert_eq(known_of(find(&list, FIELD_SS_LIMIT)->known), KNOWN_BOCHS_SYSRET_SS);
	cr_assert_eq(known_of(find(&list, FIELD_SS_TYPE)->known), KNOWN_BOCHS_SYSRET_SS);
	/* On silicon, and where anything else is wrong, it is news. */
	list = run(&intel, &t);
	cr_assert_null(find(&list, FIELD_SS_TYPE)->known);
	t.after.ss.limit = 0xfffff;
	t.after.ss.dpl = 0;
	list = run(&box_intel, &t);
	cr_assert_null(find(&list, FIELD_SS_LIMIT)->known);
	cr_assert_null(find(&list, FIELD_SS_TYPE)->known);
}

Test(check, what_was_not_sampled_is_not_compared)
{
	struct transition t = syscall_transition();
	struct check_list list = run(&amd, &t);
	const unsigned whole = list.count;

	t.after.cs.limit = 0x1234;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_CS_LIMIT);
	t.unseen = FIELD_BIT(FIELD_CS_LIMIT);
	list = run(&amd, &t);
	assert_all_held(&list, whole - 1);
	cr_assert_eq(list.count, whole - 1);
	cr_assert_null(find(&list, FIELD_CS_LIMIT));
	/* That alone. */
	t.after.gpr[GPR_R11] ^= 1;
	list = run(&amd, &t);
	assert_wrong(&list, FIELD_R11);
}

/* SYSCALL in ring 3 of compatibility mode in the last two bytes of 4 GiB: EIP wraps to 0. */
Test(check, known_syscall_at_the_end_of_4_gib)
{
	struct transition t = syscall_transition();
	struct check_list list;

	t.before.rip = 0xfffffffe;
	t.before.cs.l = false;
	t.before.cs.db = true;
	t.before.cs.selector = 0x23;
	t.after.rip = t.before.msr.cstar;
	t.after.gpr[GPR_RCX] = UINT64_C(0x100000000);
	list = run(&box, &t);
	cr_assert_not_null(find(&list, FIELD_RCX)->known);
	cr_assert_eq(known_of(find(&list, FIELD_RCX)->known), KNOWN_SYSCALL_RCX);
	t.after.gpr[GPR_RCX] = UINT64_C(0x100000002);
	list = run(&box, &t);
	cr_assert_not(find(&list, FIELD_RCX)->held);
	cr_assert_null(find(&list, FIELD_RCX)->known);
}

/* Which gates end a guest in the box, and how. */
Test(check, known_ends)
{
	struct transition t = { .gate = { .kind = GATE_SYSENTER }, .before = user64() };

	cr_assert_eq(known_end(&box, &t, GUEST_ENDED_INTERNAL), KNOWN_COUNT);
	t.before.cpl = 0;
	cr_assert_eq(known_end(&box, &t, GUEST_ENDED_INTERNAL), KNOWN_SYSENTER_RING0);
	cr_assert_eq(known_end(&box, &t, GUEST_ENDED_REFUSED), KNOWN_COUNT);
	cr_assert_eq(known_end(&amd, &t, GUEST_ENDED_INTERNAL), KNOWN_COUNT);
	t.before.cs.l = false;
	cr_assert_eq(known_end(&box, &t, GUEST_ENDED_REFUSED), KNOWN_SYSENTER_LONG);
	cr_assert_eq(known_end(&box, &t, GUEST_ENDED_OTHERWISE), KNOWN_COUNT);
	t.gate.kind = GATE_IRET;
	t.gate.target = (struct raw_descriptor){ .lo = UINT64_C(0x00affb000000ffff), .valid = true };
	cr_assert_eq(known_end(&box, &t, GUEST_ENDED_REFUSED), KNOWN_COUNT);
	t.gate.target.lo |= UINT64_C(1) << 54;
	cr_assert_eq(known_end(&box, &t, GUEST_ENDED_REFUSED), KNOWN_RET_L_AND_D);
}

/* Every row has words of its own, by which it is found again. */
Test(check, known_rows)
{
	for (enum known k = 0; k < KNOWN_COUNT; k++)
		cr_assert_eq(known_of(known_row(k)->text), k);
	cr_assert_eq(known_of("anything else"), KNOWN_COUNT);
}

/* --- recorded entries --- */

static struct transition recorded_syscall(uint64_t r11, bool compat)
{
	return (struct transition){
		.recorded = true, .recorded_compat = compat, .has_stack_msr = true, .gate = { .kind = GATE_SYSCALL },
		.after = { .efer = X86_EFER_LMA, .gpr = { [GPR_R11] = r11, [GPR_RCX] = 0x401000 } },
	};
}

/* The same as the stub writes it. */
static struct ring_record record_of(const struct transition *t)
{
	return (struct ring_record){
		.id = t->gate.kind == GATE_SYSENTER ? RING_SYSENTER : t->recorded_compat ? RING_SYSCALL_COMPAT : RING_SYSCALL,
		.rcx = t->after.gpr[GPR_RCX], .rsp = t->after.gpr[GPR_RSP], .r11 = t->after.gpr[GPR_R11],
	};
}

/* How many checks there are; -1: one does not hold.  Both ways agree. */
static int recorded(const struct check_context *context, const struct transition *t)
{
	const struct ring_record record = record_of(t);
	const int held = check_record(context, &record, t->has_stack_msr ? &t->after : NULL);
	struct check_list list;

	check_transition(context, t, &list);
	cr_assert_eq(held, wrong(&list) ? -1 : (int)list.count);
	for (unsigned n = 0; n < list.count; n++)
		cr_assert(list.check[n].source && *list.check[n].source);
	return held;
}

Test(check, recorded_r11_is_an_image_of_rflags)
{
	const uint64_t flags = 0x3c7fd5;                /* all but VM and RF: SDM vol. 1, figure 3-8 */

	for (unsigned bit = 0; bit < 64; bit++) {
		struct transition t = recorded_syscall(0x2 ^ UINT64_C(1) << bit, false);
		const bool is_flag = flags >> bit & 1;

		cr_assert_eq(recorded(&amd, &t), is_flag ? 1 : -1, "bit %u", bit);
		cr_assert_eq(recorded(&intel, &t), is_flag || bit == 16 ? 1 : -1, "bit %u", bit);
	}
}

Test(check, recorded_rcx_of_32_bit_callers)
{
	struct transition t = recorded_syscall(0x202, true);

	cr_assert_eq(recorded(&amd, &t), 2);
	t.after.gpr[GPR_RCX] |= UINT64_C(1) << 32;
	cr_assert_eq(recorded(&amd, &t), -1);
	t.recorded_compat = false;
	cr_assert_eq(recorded(&amd, &t), 1);
}

Test(check, recorded_sysenter_has_the_stack_of_its_msr)
{
	struct transition t = {
		.recorded = true, .has_stack_msr = true, .gate = { .kind = GATE_SYSENTER },
		.after = { .gpr = { [GPR_RSP] = 0x80001000 }, .msr.sysenter_esp = UINT64_C(0x180001000) },
	};

	cr_assert_eq(recorded(&intel, &t), 1, "outside long mode it is the lower half");
	t.after.efer = X86_EFER_LMA;
	cr_assert_eq(recorded(&intel, &t), -1);
	t.after.gpr[GPR_RSP] = UINT64_C(0x180001000);
	cr_assert_eq(recorded(&intel, &t), 1);
	t.has_stack_msr = false;
	cr_assert_eq(recorded(&intel, &t), 0, "nothing is known of the MSR");
}

Test(check, recorded_syscall_of_a_32_bit_kernel_has_no_r11)
{
	struct transition t = recorded_syscall(0, false);

	t.after.efer = 0;
	cr_assert_eq(recorded(&amd, &t), 0);
	t.has_stack_msr = false;
	cr_assert_eq(recorded(&amd, &t), 0);
	t.after.gpr[GPR_R11] = 0x200;
	cr_assert_eq(recorded(&amd, &t), -1);
}
