/*
 * Transitions made by hand, as a processor leaves them: what tests of checks
 * and sinks start from and spoil.  Every value is written out here; nothing is
 * taken from the model.
 */
#ifndef TESTS_GATES_H
#define TESTS_GATES_H

#include "watch/transition.h"
#include "x86.h"

#define KERNEL_ENTRY    UINT64_C(0xfffff80000101000)
#define USER_CODE       UINT64_C(0x140001000)
#define USER_STACK      UINT64_C(0x7fffe000)
#define KERNEL_STACK    UINT64_C(0xfffff80000200000)
#define STAR            UINT64_C(0x0023001000000000)

/* Flat, accessed, as SYSCALL and SYSRET load them (SDM vol. 2B). */
static inline struct x86_segment flat(uint16_t selector, uint8_t type, uint8_t dpl, bool l)
{
	return (struct x86_segment) {
		.limit = 0xffffffff, .selector = selector, .type = type, .dpl = dpl,
		.s = true, .p = true, .l = l, .db = !l, .g = true,
	};
}

/* Ring 3 of a 64-bit process: CS 33, SS 2B, interrupts on. */
static inline struct x86_state user64(void)
{
	struct x86_state s = {
		.rip = USER_CODE, .rflags = 0x246,
		.cs = flat(0x33, 11, 3, true), .ss = flat(0x2b, 3, 3, false),
		.cr0 = X86_CR0_PE | X86_CR0_PG, .cr4 = X86_CR4_PAE, .cr3 = 0x1000,
		.efer = X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE,
		.msr = { .star = STAR, .lstar = KERNEL_ENTRY, .fmask = 0x4700 },
		.tr = { .base = 0x5000, .limit = 0x67, .selector = 0x40, .type = 11, .p = true },
		.idtr = { .base = UINT64_C(0xfffff80000003000), .limit = 0xfff },
		.gdtr = { .base = UINT64_C(0xfffff80000002000), .limit = 0x6f },
		.cpl = 3,
	};

	for (unsigned r = 0; r < GPR_COUNT; r++)
		s.gpr[r] = 0x1000 + r;
	s.gpr[GPR_RSP] = USER_STACK;
	return s;
}

/* Ring 0 behind SYSCALL: CS 10, SS 18. */
static inline struct x86_state kernel64(void)
{
	struct x86_state s = user64();

	s.rip = KERNEL_ENTRY;
	s.rflags = 0x46;
	s.cs = flat(0x10, 11, 0, true);
	s.ss = flat(0x18, 3, 0, false);
	s.cpl = 0;
	return s;
}

static inline struct transition syscall_transition(void)
{
	struct transition t = {
		.seq = 9, .gate = { .kind = GATE_SYSCALL, .length = 2, .operand_size = 8 },
		.before = user64(), .after = kernel64(),
		.symbol = "NtCreateFile+12", .target = "KiSystemCall64",
		.kernel = KERNEL_WINDOWS,
		.service = {
			.valid = true, .number = 0x55, .index = 0x55, .name = "NtCreateFile",
			.args = { 0x7fffe100, 0xc0100080, 0x7fffe140, 0x7fffe120 }, .arg_count = 4,
		},
	};

	t.after.gpr[GPR_RCX] = USER_CODE + 2;
	t.after.gpr[GPR_R11] = 0x246;
	return t;
}

static inline struct transition sysret_transition(void)
{
	struct transition t = {
		.seq = 12, .gate = { .kind = GATE_SYSRET, .length = 3, .operand_size = 8 },
		.before = kernel64(), .after = user64(),
		.symbol = "KiSystemServiceExit+2F", .target = "NtCreateFile+14", .entry = 9,
	};

	t.before.rip = KERNEL_ENTRY + 0x200;
	t.before.gpr[GPR_RCX] = t.after.rip = USER_CODE + 2;
	t.before.gpr[GPR_R11] = 0x246;
	t.before.gpr[GPR_RAX] = 0;
	t.before.gpr[GPR_RSP] = USER_STACK;
	for (unsigned r = 0; r < GPR_COUNT; r++)
		t.after.gpr[r] = t.before.gpr[r];
	t.kernel = KERNEL_WINDOWS;
	t.service = syscall_transition().service;
	return t;
}

/* A 64-bit interrupt gate, present, to selector 10 (SDM vol. 3A, figure 6-8). */
static inline struct raw_descriptor interrupt_gate(uint64_t target, uint8_t dpl)
{
	return (struct raw_descriptor) {
		.lo = (target & 0xffff) | UINT64_C(0x10) << 16 | UINT64_C(0x8e00) << 32 |
		      (uint64_t)dpl << 45 | (target >> 16 & 0xffff) << 48,
		.hi = target >> 32, .valid = true,
	};
}

/* What delivery of vector from ring 3 reads: gate, 64-bit ring-0 code, RSP0. */
static inline struct gate delivery_gate(enum gate_kind kind, uint8_t vector, uint8_t dpl)
{
	return (struct gate) {
		.kind = kind, .vector = vector, .length = 2,
		.idt = interrupt_gate(KERNEL_ENTRY + 0x1000, dpl),
		.target = { .lo = UINT64_C(0x00209b0000000000), .valid = true },
		.tss_valid = true, .tss_rsp = KERNEL_STACK,
	};
}

/*
 * The state at the handler, and the frame: SS null, five qwords and an error
 * code if there is one; a fault's RFLAGS with RF (SDM vol. 3B, 17.3.1.1).
 */
static inline void deliver(struct transition *t, const struct gate *gate, uint64_t saved_rip)
{
	const struct x86_state *b = &t->before;

	t->frame = (struct frame) {
		.word_size = 8, .count = 5 + gate->has_error,
		.has_error = gate->has_error, .error = gate->error,
		.rip = saved_rip, .cs = b->cs.selector,
		.rflags = b->rflags | (gate->kind == GATE_FAULT ? X86_RFLAGS_RF : 0), .rsp = b->gpr[GPR_RSP],
		.ss = b->ss.selector, .address = KERNEL_STACK - 8u * (5 + gate->has_error),
	};
	t->after = *b;
	t->after.rip = KERNEL_ENTRY + 0x1000;
	t->after.rflags = b->rflags &
		~(uint64_t)(X86_RFLAGS_IF | X86_RFLAGS_TF | X86_RFLAGS_NT | X86_RFLAGS_RF);
	t->after.cs = flat(0x10, 11, 0, true);
	t->after.cs.limit = 0;
	t->after.cs.g = false;
	t->after.ss = (struct x86_segment) { .unusable = true };
	t->after.cpl = 0;
	t->after.gpr[GPR_RSP] = t->frame.address;
	t->target = "KiTrapEntry";
}

static inline struct transition int_transition(void)
{
	struct transition t = {
		.seq = 20, .gate = delivery_gate(GATE_INT, 0x2e, 3), .before = user64(),
		.symbol = "NtClose+15",
	};

	deliver(&t, &t.gate, USER_CODE + 2);
	return t;
}

/* A user write to a page that is not there. */
static inline struct transition page_fault_transition(void)
{
	struct transition t = {
		.seq = 31, .gate = delivery_gate(GATE_FAULT, X86_VECTOR_PF, 0), .before = user64(),
		.symbol = "TryBadPointer+7", .faulted = true,
	};

	t.gate.has_error = true;
	t.gate.error = 6;
	t.before.rflags |= X86_RFLAGS_RF;
	deliver(&t, &t.gate, USER_CODE);
	t.after.cr2 = 0xdead000;
	return t;
}

/* An instruction that raised vector instead of passing its gate. */
static inline struct transition refused(enum gate_kind kind, uint8_t vector, bool has_error, uint32_t error)
{
	struct transition t = {
		.seq = 40, .gate = { .kind = kind, .length = 2, .operand_size = 8 }, .before = user64(),
		.delivery = delivery_gate(GATE_FAULT, vector, 0), .symbol = "Attempt+3", .faulted = true,
	};

	t.delivery.has_error = has_error;
	t.delivery.error = error;
	deliver(&t, &t.delivery, USER_CODE);
	return t;
}

static inline struct transition wrmsr_transition(uint32_t index, uint64_t value)
{
	struct transition t = {
		.seq = 2, .gate = { .kind = GATE_WRMSR, .length = 2 }, .before = kernel64(),
		.symbol = "KiInitializeMsrs+2E",
		.msr_index = index, .msr_value = value, .msr_readback = value, .msr_exit = true,
	};

	t.before.gpr[GPR_RCX] = index;
	t.before.gpr[GPR_RAX] = value & 0xffffffff;
	t.before.gpr[GPR_RDX] = value >> 32;
	t.after = t.before;
	t.after.rip += 2;
	return t;
}

#endif
