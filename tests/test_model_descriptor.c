/* Descriptors taken apart, the fixed hidden parts, and the stacks of the TSS. */
#include "model_support.h"

static const struct {
	uint64_t lo, hi;
	struct x86_segment s;
	uint16_t access;
} segments[] = {
	/* flat 32-bit code, ring 0 */
	{ UINT64_C(0x00cf9b000000ffff), 0,
	  { .limit = 0xffffffff, .type = 0xb, .s = 1, .p = 1, .db = 1, .g = 1 }, 0xc09b },
	/* 64-bit code, ring 3, limit 0; the second word of a code segment means nothing */
	{ UINT64_C(0x0020fb0000000000), UINT64_MAX,
	  { .type = 0xb, .dpl = 3, .s = 1, .p = 1, .l = 1 }, 0x20fb },
	/* WOW64's TEB: base spread over its three places, byte limit */
	{ UINT64_C(0x1240f33456780fff), 0,
	  { .base = 0x12345678, .limit = 0xfff, .type = 3, .dpl = 3, .s = 1, .p = 1, .db = 1 }, 0x40f3 },
	/* limit's upper nibble */
	{ UINT64_C(0x000a930000001234), 0,
	  { .limit = 0xa1234, .type = 3, .s = 1, .p = 1 }, 0x0093 },
	/* limit scaled: pages, and the low 12 bits set */
	{ UINT64_C(0x0080930000000000), 0,
	  { .limit = 0xfff, .type = 3, .s = 1, .p = 1, .g = 1 }, 0x8093 },
	{ UINT64_C(0x0081f20000000002), 0,
	  { .limit = 0x10002fff, .type = 2, .dpl = 3, .s = 1, .p = 1, .g = 1 }, 0x80f2 },
	/* not present */
	{ UINT64_C(0x00cf1b000000ffff), 0,
	  { .limit = 0xffffffff, .type = 0xb, .s = 1, .db = 1, .g = 1 }, 0xc01b },
	/* busy TSS of long mode, 16 bytes */
	{ UINT64_C(0x80008b0010000067), UINT64_C(0x00000000fffff800),
	  { .base = UINT64_C(0xfffff80080001000), .limit = 0x67, .type = 0xb, .p = 1 }, 0x008b },
	/* available TSS of protected mode, 8 bytes */
	{ UINT64_C(0x0000890010000067), 0,
	  { .base = 0x1000, .limit = 0x67, .type = 9, .p = 1 }, 0x0089 },
};

Test(model_descriptor, segments)
{
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++) {
		const struct x86_segment *e = &segments[i].s;
		struct raw_descriptor d = { segments[i].lo, segments[i].hi, true };
		struct x86_segment s = segment_from_descriptor(d, 0x1234 + i);

		cr_assert_eq(s.selector, 0x1234 + i);
		cr_assert_eq(s.base, e->base, "row %zu: base %" PRIx64, i, s.base);
		cr_assert_eq(s.limit, e->limit, "row %zu: limit %x", i, s.limit);
		cr_assert(s.type == e->type && s.dpl == e->dpl && s.s == e->s && s.p == e->p, "row %zu", i);
		cr_assert(s.l == e->l && s.db == e->db && s.g == e->g && !s.unusable, "row %zu", i);
		cr_assert_eq(segment_access(&s), segments[i].access, "row %zu: %x", i, segment_access(&s));
	}
}

/* Each bit of the access byte and of the flags shows up in one place, and AVL nowhere. */
Test(model_descriptor, access_bits)
{
	for (unsigned bit = 0; bit < 8; bit++) {
		struct x86_segment s = segment_from_descriptor(raw(UINT64_C(1) << (40 + bit)), 0);

		cr_assert_eq(segment_access(&s), 1u << bit);
	}
	for (unsigned bit = 0; bit < 4; bit++) {
		struct x86_segment s = segment_from_descriptor(raw(UINT64_C(1) << (52 + bit)), 0);

		cr_assert_eq(segment_access(&s), bit ? 1u << (12 + bit) : 0);
	}
}

Test(model_descriptor, out_of_the_table)
{
	struct raw_descriptor d = { .lo = UINT64_MAX, .hi = UINT64_MAX, .valid = false };
	struct x86_segment s = segment_from_descriptor(d, 0x33);
	struct gate_descriptor g = gate_from_descriptor(d, true);

	cr_assert(s.unusable && !s.p && s.selector == 0x33 && !s.base && !s.limit);
	cr_assert(!g.p && !g.offset && !g.selector);
}

/* Against descriptors that say the same, flat with G. */
Test(model_descriptor, fixed_parts)
{
	static const struct { uint8_t dpl; bool l; uint64_t code, data; } rows[] = {
		{ 0, true,  UINT64_C(0x00af9b000000ffff), UINT64_C(0x00cf93000000ffff) },
		{ 0, false, UINT64_C(0x00cf9b000000ffff), UINT64_C(0x00cf93000000ffff) },
		{ 3, true,  UINT64_C(0x00affb000000ffff), UINT64_C(0x00cff3000000ffff) },
		{ 3, false, UINT64_C(0x00cffb000000ffff), UINT64_C(0x00cff3000000ffff) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct x86_segment cs = fixed_code_segment(0x33, rows[i].dpl, rows[i].l);
		struct x86_segment ss = fixed_stack_segment(0x2b, rows[i].dpl);
		struct x86_segment code = segment_from_descriptor(raw(rows[i].code), 0x33);
		struct x86_segment data = segment_from_descriptor(raw(rows[i].data), 0x2b);

		cr_assert_eq(segment_access(&cs), segment_access(&code), "row %zu", i);
		cr_assert_eq(segment_access(&ss), segment_access(&data), "row %zu", i);
		cr_assert(cs.base == 0 && cs.limit == code.limit && cs.selector == 0x33 && !cs.unusable);
		cr_assert(ss.base == 0 && ss.limit == data.limit && ss.selector == 0x2b && !ss.unusable);
	}
}

Test(model_descriptor, gates)
{
	/* offset 89ABCDEF01234567h, selector 10h, IST 5, interrupt gate, DPL 3, present */
	struct raw_descriptor d = { UINT64_C(0x0123ee0500104567), UINT64_C(0xffffffff89abcdef), true };
	struct gate_descriptor g = gate_from_descriptor(d, true);

	cr_assert_eq(g.offset, UINT64_C(0x89abcdef01234567));
	cr_assert(g.selector == 0x10 && g.ist == 5 && g.type == 0xe && g.dpl == 3 && g.p && !g.s);

	/* The same eight bytes in protected mode: bits 34:32 are reserved there. */
	g = gate_from_descriptor(d, false);
	cr_assert_eq(g.offset, 0x01234567);
	cr_assert(g.selector == 0x10 && g.ist == 0 && g.type == 0xe && g.dpl == 3 && g.p && !g.s);

	g = gate_from_descriptor(raw(UINT64_C(0x00005f0000000000)), true);
	cr_assert(g.type == 0xf && g.dpl == 2 && !g.p && g.s);
}

/* 64-bit TSS: RSP0 4, RSP1 C, RSP2 14, IST1 24 ... IST7 54; 32-bit: ESP0 4, ESP1 C, ESP2 14. */
Test(model_descriptor, stack_slots)
{
	static const struct {
		uint8_t ist, cpl, dpl, type;
		bool is_long;
		uint16_t offset;
		uint8_t width;
	} rows[] = {
		{ 0, 3, 0, 0xb, true,  0x04, 8 }, { 0, 3, 1, 0xb, true,  0x0c, 8 },
		{ 0, 3, 2, 0xb, true,  0x14, 8 }, { 0, 3, 3, 0xb, true,  0, 0 },
		{ 0, 0, 0, 0xb, true,  0, 0 },    { 1, 3, 0, 0xb, true,  0x24, 8 },
		{ 1, 0, 0, 0xb, true,  0x24, 8 }, { 2, 0, 0, 0xb, true,  0x2c, 8 },
		{ 7, 3, 0, 0xb, true,  0x54, 8 }, { 0, 3, 0, 0xb, false, 0x04, 4 },
		{ 0, 3, 1, 0xb, false, 0x0c, 4 }, { 0, 2, 1, 0xb, false, 0x0c, 4 },
		{ 0, 3, 2, 0xb, false, 0x14, 4 }, { 0, 0, 0, 0xb, false, 0, 0 },
		/* a conforming handler runs on the caller's stack */
		{ 0, 3, 0, 0xf, true,  0, 0 },    { 0, 3, 0, 0xf, false, 0, 0 },
		/* IST means nothing in protected mode */
		{ 3, 3, 0, 0xb, false, 0x04, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gate_descriptor g = { .ist = rows[i].ist };
		struct x86_segment cs = { .s = true, .type = rows[i].type, .dpl = rows[i].dpl };
		struct stack_slot slot = delivery_stack_slot(&g, &cs, rows[i].cpl, rows[i].is_long);

		cr_assert_eq(slot.width, rows[i].width, "row %zu: width %u", i, slot.width);
		cr_assert_eq(slot.offset, rows[i].offset, "row %zu: offset %x", i, slot.offset);
	}
}
