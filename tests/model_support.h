/*
 * States, descriptors and comparisons that the model's tests share.  The
 * numbers are a Windows-like GDT's: 10/18 kernel, 23/2B/33 user.
 */
#ifndef TESTS_MODEL_SUPPORT_H
#define TESTS_MODEL_SUPPORT_H

#include "model/model.h"
#include "model_fields.h"
#include "x86.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define KERNEL_CS       0x10
#define KERNEL_SS       0x18
#define USER_CS32       0x23
#define USER_SS         0x2b
#define USER_CS64       0x33

#define USER_RIP        UINT64_C(0x0000000000401000)
#define USER_RSP        UINT64_C(0x00000000007ff5c8)
#define KERNEL_RIP      UINT64_C(0xfffff80000123456)
#define KERNEL_RSP      UINT64_C(0xfffff80000777008)
#define HANDLER         UINT64_C(0xfffff800000e0000)
#define LSTAR           UINT64_C(0xfffff80000100000)
#define CSTAR           UINT64_C(0xfffff80000200000)
#define STAR            UINT64_C(0x0023001000000000)
#define FMASK           UINT64_C(0x4700)
#define RFLAGS          UINT64_C(0x246)         /* IF ZF PF and the fixed bit */

/* Descriptors as eight bytes, in the manuals' order of fields. */
static inline struct raw_descriptor raw(uint64_t lo)
{
	return (struct raw_descriptor){ .lo = lo, .valid = true };
}

#define DESC_KERNEL64   UINT64_C(0x00209b0000000000)
#define DESC_USER64     UINT64_C(0x0020fb0000000000)
#define DESC_USER32     UINT64_C(0x00cffb000000ffff)
#define DESC_KERNEL32   UINT64_C(0x00cf9b000000ffff)
#define DESC_USER_DATA  UINT64_C(0x00cff3000000ffff)
#define DESC_KERNEL_DATA UINT64_C(0x00cf93000000ffff)
#define DESC_NOT_PRESENT UINT64_C(0x0000800000000000)   /* XOR this in: P */

static inline struct x86_state state_base(void)
{
	struct x86_state s = {
		.rflags = RFLAGS,
		.cr0 = X86_CR0_PG | X86_CR0_PE, .cr4 = X86_CR4_PAE,
		.efer = X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE,
		.tr = { .selector = 0x40 },
		.msr = {
			.star = STAR, .lstar = LSTAR, .cstar = CSTAR, .fmask = FMASK,
			.sysenter_cs = 0x10, .sysenter_esp = UINT64_C(0xfffff80000abc000),
			.sysenter_eip = UINT64_C(0xfffff80000def000),
			.kernel_gs_base = UINT64_C(0xfffff80000333000),
		},
		.gs = { .selector = USER_SS, .base = 0x7ffde000, .dpl = 3, .s = true, .type = 3, .p = true },
	};

	for (unsigned i = 0; i < GPR_COUNT; i++)
		s.gpr[i] = UINT64_C(0x1111000011110000) * (i + 1) + i;
	return s;
}

/* 64-bit code in ring 3, */
static inline struct x86_state state_user64(void)
{
	struct x86_state s = state_base();

	s.cs = segment_from_descriptor(raw(DESC_USER64), USER_CS64);
	s.ss = segment_from_descriptor(raw(DESC_USER_DATA), USER_SS);
	s.cpl = 3;
	s.rip = USER_RIP;
	s.gpr[GPR_RSP] = USER_RSP;
	return s;
}

/* 32-bit code in ring 3 under a 64-bit kernel, */
static inline struct x86_state state_compat(void)
{
	struct x86_state s = state_user64();

	s.cs = segment_from_descriptor(raw(DESC_USER32), USER_CS32);
	return s;
}

/* 64-bit code in ring 0, */
static inline struct x86_state state_kernel64(void)
{
	struct x86_state s = state_base();

	s.cs = segment_from_descriptor(raw(DESC_KERNEL64), KERNEL_CS);
	s.ss = segment_from_descriptor(raw(DESC_KERNEL_DATA), KERNEL_SS);
	s.rip = KERNEL_RIP;
	s.gpr[GPR_RSP] = KERNEL_RSP;
	return s;
}

/* and protected mode without long mode, in the ring of cpl. */
static inline struct x86_state state_legacy(uint8_t cpl)
{
	struct x86_state s = state_base();

	s.efer = X86_EFER_SCE;
	s.cs = segment_from_descriptor(raw(cpl ? DESC_USER32 : DESC_KERNEL32), cpl ? 0x1b : 0x08);
	s.ss = segment_from_descriptor(raw(cpl ? DESC_USER_DATA : DESC_KERNEL_DATA), cpl ? 0x23 : 0x10);
	s.cpl = cpl;
	s.rip = 0x401000;
	s.gpr[GPR_RSP] = 0x7ff5c8;
	return s;
}

static inline bool is_state_field(unsigned f)
{
	return f < FIELD_MSR;
}

struct expected { enum field field; uint64_t value; };

/* Every bit of the field is said, and it is value. */
static inline void expect_field(const struct prediction *p, enum field f, uint64_t value)
{
	cr_assert(p->defined & FIELD_BIT(f), "%s is not said", field_name(f));
	cr_assert_eq(prediction_value(p, f) & prediction_mask(p, f), value & prediction_mask(p, f),
		     "%s is %" PRIx64 ", not %" PRIx64, field_name(f), prediction_value(p, f), value);
}

/* Every field in rows, and every other that is said is as before.  Nothing compared is a failure. */
static inline void expect_after(const struct prediction *p, const struct x86_state *before,
                                const struct expected *rows, size_t count)
{
	unsigned compared = 0;
	uint64_t seen = 0;

	cr_assert(!p->fault, "faults with vector %u", p->vector);
	for (size_t i = 0; i < count; i++) {
		expect_field(p, rows[i].field, rows[i].value);
		seen |= FIELD_BIT(rows[i].field);
		compared++;
	}
	for (unsigned f = 0; is_state_field(f); f++) {
		uint64_t mask = seen & FIELD_BIT(f) ? 0 : prediction_mask(p, f);

		if (!mask)
			continue;
		cr_assert_eq((x86_field(&p->after, f) ^ x86_field(before, f)) & mask, 0,
			     "%s changes to %" PRIx64, field_name(f), x86_field(&p->after, f));
		compared++;
	}
	cr_assert_gt(compared, 0, "nothing was compared");
	cr_assert_geq(compared, count + 8, "only %u fields compared", compared);
}
#define EXPECT_AFTER(p, before, ...) do {                                               \
	const struct expected rows_[] = { __VA_ARGS__ };                                \
	expect_after(p, before, rows_, ARRAY_SIZE(rows_));                              \
} while (0)

static inline void expect_open(const struct prediction *p, uint64_t fields)
{
	cr_assert_neq(fields, 0);
	cr_assert_eq(p->defined & fields, 0, "said: %" PRIx64, p->defined & fields);
}

static inline void expect_nothing(const struct prediction *p)
{
	cr_assert(!p->fault && !p->may_fault);
	cr_assert_eq(p->defined, 0);
}

#define NO_ERROR (-1)

static inline void expect_fault(const struct prediction *p, unsigned vector, int64_t error)
{
	cr_assert(p->fault, "no fault");
	cr_assert_eq(p->vector, vector, "vector %u, not %u", p->vector, vector);
	cr_assert_eq(prediction_mask(p, FIELD_VECTOR), UINT64_MAX);
	cr_assert_eq(p->has_error, error != NO_ERROR);
	cr_assert_eq(!!(p->defined & FIELD_BIT(FIELD_ERROR)), error != NO_ERROR);
	if (error != NO_ERROR)
		cr_assert_eq(p->error, error, "error %x, not %x", p->error, (unsigned)error);
	cr_assert_eq(p->defined & ~(FIELD_BIT(FIELD_VECTOR) | FIELD_BIT(FIELD_ERROR)), 0);
}

#endif
