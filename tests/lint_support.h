/*
 * A small kernel with every gate as it should be, made by hand in fake memory,
 * and what lint finds in it: the tests spoil one thing of it at a time.
 */
#ifndef TESTS_LINT_SUPPORT_H
#define TESTS_LINT_SUPPORT_H

#include "fake_guest.h"
#include "kvm/kvm.h"
#include "lint/lint.h"
#include "x86.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define CODE            UINT64_C(0x100000)
#define HANDLERS        (CODE + 0x800)
#define HELPERS         (CODE + 0xc00)
#define GDT             UINT64_C(0x101000)
#define TSS             (GDT + 0x100)
#define IDT             UINT64_C(0x102000)
#define KERNEL_STACK    UINT64_C(0x104000)
#define BLOCK           UINT64_C(0x105000)
#define USER            UINT64_C(0x400000)
#define USER_STACK      UINT64_C(0x402000)
#define USER_GS         UINT64_C(0x7000)

#define KERNEL64        UINT64_C(0x00af9b000000ffff)
#define KERNEL32        UINT64_C(0x00cf9b000000ffff)
#define KERNEL_DATA     UINT64_C(0x00cf93000000ffff)
#define USER32          UINT64_C(0x00cffb000000ffff)
#define USER_DATA       UINT64_C(0x00cff3000000ffff)
#define USER64          UINT64_C(0x00affb000000ffff)

/* 08 and 10 kernel; 1B, 23, 2B ring 3. */
#define STAR            UINT64_C(0x001b000800000000)
#define FMASK           UINT64_C(0x47700)

static struct x86_state kernel;         /* before the gate to ring 3 */
static struct guest_view view;
static struct lint *lint;
static char found[1024];                /* "B01/error B06/warning" */
static struct finding last;
static uint64_t seq;
static uint64_t fake_dr0, fake_dr7;

bool view_translate(struct guest_view *v, const struct x86_state *s, uint64_t linear, struct mapping *m);

void view_walk(struct guest_view *v, const struct x86_state *s, uint64_t linear, struct page_walk *w)
{
	(void)v;
	(void)s;
	fake_walk(linear, w);
}

static struct raw_descriptor read_raw(uint64_t base, uint32_t limit, uint32_t offset, size_t size)
{
	uint64_t words[2] = { 0 };

	if (offset + size - 1 > limit || view_read(NULL, NULL, base + offset, words, size) != size)
		return (struct raw_descriptor){ 0 };
	return (struct raw_descriptor){ words[0], words[1], true };
}

struct raw_descriptor view_descriptor(struct guest_view *v, const struct x86_state *s, uint16_t selector, bool long_system)
{
	(void)v;
	(void)long_system;
	return read_raw(s->gdtr.base, s->gdtr.limit, selector & X86_SELECTOR_INDEX, 8);
}

struct raw_descriptor view_idt_gate(struct guest_view *v, const struct x86_state *s, uint8_t vector)
{
	const size_t size = s->efer & X86_EFER_LMA ? 16 : 8;

	(void)v;
	return read_raw(s->idtr.base, s->idtr.limit, (uint32_t)(vector * size), size);
}

const char *symbols_text(struct symbols *s, uint64_t address)
{
	(void)s;
	(void)address;
	return NULL;
}

int vm_get_debug(struct vm *vm, struct vm_debug *debug)
{
	(void)vm;
	*debug = (struct vm_debug){ .dr = { fake_dr0 }, .dr7 = fake_dr7 };
	return 0;
}

static inline void put_code(uint64_t at, const char *bytes, size_t size)
{
	fake_write(at, bytes, size);
}
#define PUT(at, bytes)  put_code(at, bytes, sizeof(bytes) - 1)

static inline void put_gate(unsigned vector, uint64_t handler, unsigned ist)
{
	fake_write64(IDT + vector * 16, (handler & 0xffff) | UINT64_C(8) << 16 | (uint64_t)ist << 32 | UINT64_C(0x8e00) << 32 |
		     (handler >> 16 & 0xffff) << 48);
	fake_write64(IDT + vector * 16 + 8, handler >> 32);
}

#define SWAPGS          "\x0f\x01\xf8"
#define SAVE_RSP        "\x65\x48\x89\x24\x25\x08\x00\x00\x00"          /* mov %rsp, %gs:8 */
#define LOAD_RSP        "\x65\x48\x8b\x24\x25\x00\x00\x00\x00"          /* mov %gs:0, %rsp */
#define PUSH_SAVED      "\x65\xff\x34\x25\x08\x00\x00\x00"              /* pushq %gs:8 */
#define PUSH_RETURN     "\x41\x53\x51"                                  /* push %r11; push %rcx */
#define R10_TO_RCX      "\x4c\x89\xd1"
#define CALL            "\xff\xd0"                                      /* call *%rax */
#define POP_RETURN      "\x59\x41\x5b"
#define POP_RSP         "\x5c"
#define SYSRETQ         "\x48\x0f\x07"
#define SYSRETL         "\x0f\x07"
#define IRETQ           "\x48\xcf"
#define CLD             "\xfc"
#define STI             "\xfb"
#define GOOD_ENTRY      SWAPGS SAVE_RSP LOAD_RSP PUSH_SAVED PUSH_RETURN R10_TO_RCX CALL POP_RETURN POP_RSP SWAPGS SYSRETQ

static inline struct x86_segment segment(uint64_t raw, uint16_t selector)
{
	return segment_from_descriptor((struct raw_descriptor){ raw, 0, true }, selector);
}

static inline void good_tables(void)
{
	static const uint64_t rows[] = { 0, KERNEL64, KERNEL_DATA, USER32, USER_DATA, USER64 };

	for (unsigned n = 0; n < sizeof(rows) / sizeof(rows[0]); n++)
		fake_write64(GDT + 8 * n, rows[n]);
	fake_write64(TSS + X86_TSS64_RSP0, KERNEL_STACK);
	fake_write64(TSS + X86_TSS64_IST1, KERNEL_STACK - 0x400);
	for (unsigned vector = 0; vector < X86_VECTOR_COUNT; vector++)
		put_gate(vector, HANDLERS, vector == X86_VECTOR_DF || vector == X86_VECTOR_DB);
	PUT(CODE, GOOD_ENTRY);
	PUT(HANDLERS, IRETQ);
	PUT(USER, "\xeb\xfe");                  /* jmp . */
}

static void keep(void *context, const struct finding *f)
{
	(void)context;
	last = *f;
	snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s/%s", *found ? " " : "", f->id,
		 lint_severity_name(f->severity));
}

static inline void good_kernel_on(enum vendor vendor, enum emulator emulator)
{
	const struct check_context processor = { vendor, emulator };

	fake_reset();
	fake_symbol("nothing", 0);
	fake_map(CODE, 1, false, false);
	fake_map(GDT, 2, false, true);
	fake_map(IDT, 3, false, true);
	fake_map(KERNEL_STACK - 0x1000, 4, false, true);
	fake_map(BLOCK, 5, false, true);
	fake_map(USER, 6, true, true);
	fake_map(USER_STACK - 0x1000, 7, true, true);
	fake_map(USER_GS, 8, true, true);
	good_tables();
	kernel = (struct x86_state){
		.rip = CODE + 0x700, .rflags = 2, .cr0 = X86_CR0_PE | X86_CR0_PG | X86_CR0_WP, .cr3 = 0x1000, .cr4 = X86_CR4_PAE,
		.efer = X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE,
		.cs = segment(KERNEL64, 8), .ss = segment(KERNEL_DATA, 0x10),
		.gs = { .base = USER_GS },
		.gdtr = { GDT, 6 * 8 + 15 }, .idtr = { IDT, 32 * 16 - 1 }, .tr = { .base = TSS, .limit = 103, .selector = 0x30, .p = true },
		.msr = { .star = STAR, .lstar = CODE, .cstar = CODE, .fmask = FMASK, .kernel_gs_base = BLOCK },
	};
	kernel.gpr[GPR_RSP] = KERNEL_STACK - 40;
	lint_free(lint);
	lint = lint_new(&processor, keep, NULL);
	*found = '\0';
	last = (struct finding){ 0 };
	seq = 0;
	fake_dr0 = fake_dr7 = 0;
}

static inline void good_kernel(void)
{
	good_kernel_on(VENDOR_AMD, EMULATOR_NONE);
}

static inline void pass(struct transition t)
{
	t.seq = ++seq;
	lint_transition(lint, &t, &view);
}

/* WRMSR with what the kernel has. */
static inline void write_msr(uint32_t index, uint64_t value)
{
	struct transition t = { .gate = { .kind = GATE_WRMSR, .length = 2 }, .before = kernel, .after = kernel,
				.msr_index = index, .msr_value = value, .msr_readback = value };

	pass(t);
}

static inline void write_msrs(void)
{
	write_msr(X86_MSR_EFER, kernel.efer);
	write_msr(X86_MSR_STAR, kernel.msr.star);
	write_msr(X86_MSR_LSTAR, kernel.msr.lstar);
	write_msr(X86_MSR_FMASK, kernel.msr.fmask);
}

static inline struct x86_state in_user(uint64_t rip, uint64_t rsp)
{
	struct x86_state s = kernel;

	s.cpl = 3;
	s.cs = segment(USER64, 0x2b);
	s.ss = segment(USER_DATA, 0x23);
	s.rflags = 0x202;
	s.rip = rip;
	s.gpr[GPR_RSP] = rsp;
	return s;
}

/* IRETQ to ring 3, */
static inline struct transition iret_to(uint64_t rip, uint64_t rsp)
{
	struct transition t = {
		.gate = { .kind = GATE_IRET, .length = 2, .operand_size = 8, .popped = { rip, 0x2b, 0x202, rsp, 0x23 },
			  .popped_count = 5, .target = { USER64, 0, true }, .target_ss = { USER_DATA, 0, true } },
		.before = kernel, .after = in_user(rip, rsp),
	};

	return t;
}

/* and SYSRET, whose size is 8 or 4; */
static inline struct transition sysret_to(uint64_t rip, uint64_t rsp, uint8_t size)
{
	struct transition t = {
		.gate = { .kind = GATE_SYSRET, .length = 3, .operand_size = size }, .before = kernel, .after = in_user(rip, rsp),
	};

	t.before.gpr[GPR_RCX] = t.after.gpr[GPR_RCX] = rip;
	t.before.gpr[GPR_R11] = t.after.gpr[GPR_R11] = 0x202;
	t.before.gpr[GPR_RSP] = rsp;
	return t;
}

/* SYSCALL from there. */
static inline struct transition syscall_from(uint64_t rip, uint64_t rsp)
{
	struct transition t = {
		.gate = { .kind = GATE_SYSCALL, .length = 2, .operand_size = 8 }, .before = in_user(rip, rsp), .after = kernel,
	};

	t.after.rip = kernel.msr.lstar;
	t.after.gpr[GPR_RSP] = rsp;
	t.after.gpr[GPR_RCX] = rip + 2;
	t.after.gpr[GPR_R11] = 0x202;
	t.after.ss = segment(KERNEL_DATA, 0x10);
	return t;
}

/* The first entry to ring 3, with the kernel as it is now. */
static inline void enter(void)
{
	write_msrs();
	pass(iret_to(USER, USER_STACK));
}

#define FOUND(expected) cr_assert_str_eq(found, expected, "%s, not %s: %s", found, expected, last.text)

#endif
