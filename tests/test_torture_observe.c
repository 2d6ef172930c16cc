/*
 * From what the guest wrote down to a transition: what counts as a fault of
 * the instruction, what as the state behind its gate, and what as not seen.
 */
#include "torture/case.h"
#include "torture/observe.h"

#include <criterion/criterion.h>
#include <string.h>

#define TARGET  0x400010
#define INSN    0x402000        /* SYSCALL's slot */

static const struct x86_state base = {
	.cr0 = UINT64_C(0x80010033), .cr4 = 0x620, .efer = 0xd01, .tr = { .selector = 0x140, .limit = 103 },
};

/* A SYSCALL from ring 3 to a target, whose load faults in ring 0. */
static struct torture_record syscall_record(void)
{
	struct torture_record r = {
		.in = { .insn = TORTURE_SYSCALL, .cs = 0x53, .ss = 0x5b, .rip = INSN, .rflags = 0x202,
			.lstar = TARGET, .efer = 0xd01, .star = UINT64_C(0x0053000800000000), .gs_base = 0x1234 },
		.out = { .vector = 14, .cs = 8, .ss = 0x10, .rflags = 2, .gs_base = 0x1234,
			 .cr2 = UINT64_C(0x0000555500700000) },
	};

	r.in.gpr[GPR_RSP] = 0x500f00;
	r.out.gpr[GPR_RCX] = INSN + 2;
	r.out.gpr[GPR_R11] = 0x202;
	/* The handler's stack: an error code, and the frame. */
	r.out.gpr[GPR_RSP] = 0x520000 - 48;
	r.out.frame[0] = 0;
	r.out.frame[1] = TARGET;
	r.out.frame[2] = 8;
	r.out.frame[3] = 0x10202;
	r.out.frame[4] = 0x500f00;
	r.out.frame[5] = 0x10;
	return r;
}

Test(torture_observe, behind_the_gate)
{
	const struct torture_record r = syscall_record();
	struct transition t;

	observe(&base, &r, &t);
	cr_assert_not(t.faulted);
	cr_assert_eq(t.before.rip, INSN);
	cr_assert_eq(t.before.cpl, 3);
	cr_assert_eq(x86_mode(&t.before), MODE_64);
	cr_assert_eq(t.before.msr.lstar, TARGET);
	cr_assert_eq(t.gate.kind, GATE_SYSCALL);
	cr_assert_eq(t.gate.length, 2);
	cr_assert_eq(t.after.rip, TARGET);
	cr_assert_eq(t.after.gpr[GPR_RSP], 0x500f00);
	cr_assert_eq(t.after.gpr[GPR_RCX], INSN + 2);
	cr_assert_eq(t.after.cs.selector, 8);
	cr_assert_eq(t.after.ss.selector, 0x10);
	cr_assert_eq(t.after.cpl, 0);
	cr_assert_eq(x86_mode(&t.after), MODE_64);
	/* RF is the fault's, the hidden parts are nobody's. */
	cr_assert_eq(t.rflags_lent, 0x10000);
	cr_assert(t.unseen & FIELD_BIT(FIELD_CS_LIMIT));
	cr_assert(t.unseen & FIELD_BIT(FIELD_SS_TYPE));
	cr_assert_not(t.unseen & (FIELD_BIT(FIELD_MODE) | FIELD_BIT(FIELD_CPL)));
}

/* The load's address has 32 bits in compatibility mode; the error code has U in ring 3. */
Test(torture_observe, mode_and_privilege)
{
	struct torture_record r = syscall_record();
	struct transition t;

	r.out.cr2 = 0x00700000;
	r.out.frame[0] = 4;
	observe(&base, &r, &t);
	cr_assert_eq(x86_mode(&t.after), MODE_COMPAT);
	cr_assert_eq(t.after.cpl, 3);
	/* A trap came before the load: neither is known, and RF is the processor's own. */
	r = syscall_record();
	r.out.vector = 1;
	observe(&base, &r, &t);
	cr_assert(t.unseen & FIELD_BIT(FIELD_MODE));
	cr_assert(t.unseen & FIELD_BIT(FIELD_CPL));
	cr_assert_eq(t.rflags_lent, 0);
	/* A fetch that faults tells the privilege, not the mode. */
	r = syscall_record();
	r.out.cr2 = TARGET;
	observe(&base, &r, &t);
	cr_assert(t.unseen & FIELD_BIT(FIELD_MODE));
	cr_assert_not(t.unseen & FIELD_BIT(FIELD_CPL));
}

/* The frame names the instruction itself: it raised the exception. */
Test(torture_observe, fault_of_the_instruction)
{
	struct torture_record r = syscall_record();
	struct transition t;

	r.out.vector = 6;
	r.out.gpr[GPR_RSP] = 0x520000 - 40;
	r.out.frame[0] = INSN;
	r.out.frame[1] = 0x53;
	r.out.frame[2] = 0x10202;
	r.out.frame[3] = 0x500f00;
	r.out.frame[4] = 0x5b;
	observe(&base, &r, &t);
	cr_assert(t.faulted);
	cr_assert_eq(t.delivery.vector, 6);
	cr_assert_not(t.delivery.has_error);
	cr_assert_eq(t.frame.count, 5);
	cr_assert_eq(t.frame.rip, INSN);
	cr_assert_eq(t.frame.cs, 0x53);
	cr_assert_eq(t.frame.rsp, 0x500f00);
	cr_assert_eq(t.frame.ss, 0x5b);
	cr_assert_eq(t.after.rip, 0x100000 + 6 * 16);
	cr_assert_eq(t.after.gpr[GPR_RSP], 0x520000 - 40);
	cr_assert_eq(t.after.cs.selector, 8);
	/* Its delivery went through IST 7, whose stack the case gives. */
	cr_assert_eq(t.delivery.idt.lo >> 32 & 7, 7);
	cr_assert(t.delivery.tss_valid);
}

/* What was before comes from the case, whatever the outcome says. */
Test(torture_observe, before_is_the_case)
{
	struct torture_record r = syscall_record();
	struct transition one, other;

	observe(&base, &r, &one);
	memset(&r.out, 0x5a, sizeof(r.out));
	observe(&base, &r, &other);
	cr_assert(!memcmp(&one.before, &other.before, sizeof(one.before)));
	cr_assert(!memcmp(&one.gate, &other.gate, sizeof(one.gate)));
}

/* Words of two bytes: RIP CS FLAGS SP SS. */
Test(torture_observe, popped_words)
{
	struct torture_record r = syscall_record();
	struct transition t;

	r.in.insn = TORTURE_IRETW;
	r.in.has_frame = 1;
	r.in.frame[0] = UINT64_C(0x0444020200531111);
	r.in.frame[1] = UINT64_C(0xffffffffffff005b);
	observe(&base, &r, &t);
	cr_assert_eq(t.gate.kind, GATE_IRET);
	cr_assert_eq(t.gate.operand_size, 2);
	cr_assert_eq(t.gate.popped_count, 5);
	cr_assert_eq(t.gate.popped[0], 0x1111);
	cr_assert_eq(t.gate.popped[1], 0x53);
	cr_assert_eq(t.gate.popped[2], 0x202);
	cr_assert_eq(t.gate.popped[3], 0x444);
	cr_assert_eq(t.gate.popped[4], 0x5b);
	/* 64-bit code and data of ring 3. */
	cr_assert_eq(t.gate.target.lo, UINT64_C(0x00affb000000ffff));
	cr_assert_eq(t.gate.target_ss.lo, UINT64_C(0x00cff3000000ffff));
}
