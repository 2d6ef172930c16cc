/*
 * Transitions of a small Windows-like guest, made by hand for the tests of
 * claims: each as a faithful processor and Windows would have it.  Numbers are
 * written out, not computed by the model.
 */
#ifndef TESTS_CLAIMS_SCENES_H
#define TESTS_CLAIMS_SCENES_H

#include "check/claims.h"
#include "fake_guest.h"

#define CODE UINT64_C(0x7ff800141000)   /* user: a stub, and a CALL of it at +800h */
#define STACK UINT64_C(0x7ff800145000)
#define SHARED_USER UINT64_C(0x7ffe0000)
#define SHARED_KERNEL UINT64_C(0xfffff78000000000)
#define KERNEL UINT64_C(0xfffff80000100000)
#define TSS KERNEL
#define IDT (KERNEL + 0x100)
#define KPCR (KERNEL + 0x400)
#define KTHREAD (KERNEL + 0x700)
#define TABLES (KERNEL + 0x900)
#define SHADOW (KERNEL + 0x940)
#define RECORD (KERNEL + 0xa00)
#define KSTACK UINT64_C(0xfffff80000118000)     /* its top, RSP0 */
#define SYSCALL_AT (CODE + 18)
#define INT_AT (CODE + 21)
#define ENTRY64 (KERNEL + 0x10)
#define ENTRY2E (KERNEL + 0x20)
#define USER_RSP (STACK + 0x5f8)        /* at a stub: 8 below a multiple of 16 */

static const uint8_t stub_code[] = {
	0x4c, 0x8b, 0xd1,                               /* mov r10,rcx */
	0xb8, 0x06, 0x00, 0x00, 0x00,                   /* mov eax,6 */
	0xf6, 0x04, 0x25, 0x08, 0x03, 0xfe, 0x7f, 0x01, /* test byte ptr [7FFE0308h],1 */
	0x75, 0x03,                                     /* jne */
	0x0f, 0x05, 0xc3,                               /* syscall; ret */
	0xcd, 0x2e, 0xc3,                               /* int 2Eh; ret */
};

static inline void scene_memory(void)
{
	/* Interrupt gate, DPL 3, selector 10h. */
	uint64_t gate = (ENTRY2E & 0xffff) | UINT64_C(0x10) << 16 | UINT64_C(0xee) << 40 |
			(ENTRY2E >> 16 & 0xffff) << 48;

	fake_reset();
	fake_map(CODE, 0, true, false);
	fake_map(STACK, 1, true, true);
	fake_map(SHARED_USER, 2, true, false);
	fake_map(SHARED_KERNEL, 2, false, true);
	fake_map(KERNEL, 3, false, true);
	fake_write(CODE, stub_code, sizeof(stub_code));
	fake_write(CODE + 0x800, "\xe8\xfb\xf7\xff\xff", 5);
	fake_write64(USER_RSP, CODE + 0x805);
	fake_write64(USER_RSP + 0x28, STACK + 0x800);   /* argument 5: an IO_STATUS_BLOCK, */
	fake_write64(USER_RSP + 0x38, 32);              /* argument 7: a length */
	fake_write64(TSS + 4, KSTACK);
	fake_write64(IDT + 0x2e0, gate);
	fake_write64(IDT + 0x2e8, ENTRY2E >> 32);
	fake_write64(KPCR + 0x188, KTHREAD);
	fake_write64(TABLES, KERNEL + 0xb00);
	fake_write64(TABLES + 0x10, 0x1d0);
	fake_write64(SHADOW, KERNEL + 0xb00);
	fake_write64(SHADOW + 0x10, 0x1d0);
	fake_write64(SHADOW + 0x20, KERNEL + 0xc00);
	fake_write64(SHADOW + 0x30, 4);
	fake_symbol("KeServiceDescriptorTable", TABLES);
	fake_symbol("KeServiceDescriptorTableShadow", SHADOW);
	fake_symbol("KiSystemService", ENTRY2E);
	fake_symbol("ntdll.NtReadFile", CODE);
	fake_symbol("ntdll.ZwReadFile", CODE);
	/* NtReadFile: five arguments on the stack. */
	fake_write(KERNEL + 0xb00 + 4 * 6, "\x05\x10\0\0", 4);
	fake_write64(KERNEL + 0xf00, 0x7fffffff0000);
	fake_symbol("MmUserProbeAddress", KERNEL + 0xf00);
}

static inline void scene_mode(struct x86_state *s, uint16_t cs, uint16_t ss, uint8_t cpl)
{
	s->cs.selector = cs;
	s->cs.l = cs != 0x23;
	s->cs.db = cs == 0x23;
	s->ss.selector = ss;
	s->cpl = cpl;
}

static inline struct x86_state scene_user(void)
{
	struct x86_state s = {
		.rip = SYSCALL_AT, .rflags = 0x247, .cr0 = 0x80000001, .cr3 = 0x120000, .efer = 0xd01,
		.msr = { .star = 0x0023001000000000, .lstar = ENTRY64, .cstar = KERNEL + 0x30, .fmask = 0x4700,
			 .kernel_gs_base = KPCR },
		.tr.base = TSS, .idtr.base = IDT,
	};

	s.gpr[GPR_RAX] = 6;
	s.gpr[GPR_RCX] = s.gpr[GPR_R10] = 0x44;
	s.gpr[GPR_RSP] = USER_RSP;
	scene_mode(&s, 0x33, 0x2b, 3);
	return s;
}

static inline struct transition scene(enum gate_kind kind, uint8_t length)
{
	struct transition t = { .gate = { .kind = kind, .length = length, .operand_size = 8 } };

	t.before = t.after = scene_user();
	t.after.rip += length;
	return t;
}

static inline struct transition scene_syscall(void)
{
	struct transition t = scene(GATE_SYSCALL, 2);

	t.after.rip = ENTRY64;
	t.after.gpr[GPR_RCX] = CODE + 20;
	t.after.gpr[GPR_R11] = 0x247;
	t.after.rflags = 0x47;
	scene_mode(&t.after, 0x10, 0x18, 0);
	t.symbol = "ntdll.NtReadFile+12";
	t.user_stack.address = USER_RSP - 32;
	t.user_stack.size = 64;
	return t;
}

/* A delivery from ring 3 with these words; the gate as the IDT has it. */
static inline void scene_delivery(struct transition *t, struct gate *gate, uint64_t rip, bool has_error)
{
	unsigned words = has_error ? 6 : 5;

	gate->idt = (struct raw_descriptor){
		.lo = UINT64_C(0x0010ee0000100020), .hi = ENTRY2E >> 32, .valid = true,
	};
	gate->tss_valid = true;
	gate->tss_rsp = KSTACK;
	t->after.rip = ENTRY2E;
	t->after.rflags = 0x47;
	t->after.gpr[GPR_RSP] = KSTACK - 8 * words;
	scene_mode(&t->after, 0x10, 0, 0);
	t->frame = (struct frame){
		.address = KSTACK - 8 * words, .word_size = 8, .count = (uint8_t)words, .has_error = has_error,
		.rip = rip, .cs = 0x33, .rflags = 0x247, .rsp = USER_RSP, .ss = 0x2b,
	};
	t->user_stack.address = USER_RSP - 32;
	t->user_stack.size = 64;
}

static inline struct transition scene_int2e(void)
{
	struct transition t = scene(GATE_INT, 2);

	t.before.rip = INT_AT;
	t.gate.vector = 0x2e;
	scene_delivery(&t, &t.gate, CODE + 23, false);
	t.target = "KiSystemService";
	t.symbol = "ntdll.NtReadFile+15";
	return t;
}

/* A page fault of user code at address. */
static inline struct transition scene_page_fault(uint64_t address, uint32_t error)
{
	struct transition t = scene(GATE_FAULT, 3);

	t.gate.vector = 14;
	t.gate.has_error = true;
	t.gate.error = error;
	scene_delivery(&t, &t.gate, t.before.rip, true);
	t.frame.error = error;
	t.after.cr2 = address;
	return t;
}

static inline struct transition scene_sysret(uint64_t entry)
{
	struct transition t = scene(GATE_SYSRET, 3);

	t.before.rip = KERNEL + 0x300;
	t.before.rflags = 0x46;
	t.before.gpr[GPR_RAX] = 0;
	t.before.gpr[GPR_RCX] = CODE + 20;
	t.before.gpr[GPR_R11] = 0x247;
	t.after = t.before;
	scene_mode(&t.before, 0x10, 0x18, 0);
	t.after.rip = CODE + 20;
	t.after.rflags = 0x247;
	t.entry = entry;
	return t;
}

/* An access to an MSR from ring 0; value is what EDX:EAX had or got. */
static inline struct transition scene_msr(enum gate_kind kind, uint32_t index, uint64_t value)
{
	struct transition t = scene(kind, 2);
	struct x86_state *s = kind == GATE_WRMSR ? &t.before : &t.after;

	t.before.rip = KERNEL + 0x380;
	scene_mode(&t.before, 0x10, 0x18, 0);
	t.before.gpr[GPR_RCX] = index;
	t.after = t.before;
	t.after.rip += 2;
	s->gpr[GPR_RAX] = (uint32_t)value;
	s->gpr[GPR_RDX] = value >> 32;
	if (kind == GATE_WRMSR)
		t.after.gpr[GPR_RAX] = s->gpr[GPR_RAX], t.after.gpr[GPR_RDX] = s->gpr[GPR_RDX];
	t.msr_index = index;
	t.msr_value = t.msr_readback = value;
	return t;
}

/* 32-bit code jumps to CS 33h, or 64-bit code back to 23h. */
static inline struct transition scene_far(uint16_t from, uint16_t to)
{
	struct transition t = scene(GATE_FAR, 7);

	scene_mode(&t.before, from, 0x2b, 3);
	scene_mode(&t.after, to, 0x2b, 3);
	return t;
}

#endif
