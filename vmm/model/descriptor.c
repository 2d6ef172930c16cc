/*
 * Segment and gate descriptors taken apart, the fixed hidden parts of the
 * fast gates, and the stacks of the TSS.  Knows no state and no privilege
 * rule: those are in predict_*.c.
 *
 * SDM vol. 3A, 3.4.5, 5.8.3, 6.14.1, 7.2.3, 7.7; APM vol. 2, 4.7 and 4.8.
 */
#include "model/model.h"
#include "x86.h"

#define FLAT_LIMIT 0xffffffff

static uint64_t bits(uint64_t value, unsigned low, unsigned count)
{
	return (value >> low) & ((UINT64_C(1) << count) - 1);
}

struct x86_segment segment_from_descriptor(struct raw_descriptor d, uint16_t selector)
{
	struct x86_segment s = { .selector = selector, .unusable = !d.valid };

	if (!d.valid)
		return s;
	s.base = bits(d.lo, 16, 24) | bits(d.lo, 56, 8) << 24;
	s.limit = bits(d.lo, 0, 16) | bits(d.lo, 48, 4) << 16;
	s.type = bits(d.lo, 40, 4);
	s.s = bits(d.lo, 44, 1);
	s.dpl = bits(d.lo, 45, 2);
	s.p = bits(d.lo, 47, 1);
	s.l = bits(d.lo, 53, 1);
	s.db = bits(d.lo, 54, 1);
	s.g = bits(d.lo, 55, 1);
	if (s.g)
		s.limit = s.limit << 12 | 0xfff;
	/* System descriptors of long mode are 16 bytes with the base's upper half behind. */
	if (!s.s)
		s.base |= bits(d.hi, 0, 32) << 32;
	return s;
}

uint16_t segment_access(const struct x86_segment *s)
{
	return s->type | s->s << 4 | (s->dpl & 3) << 5 | s->p << 7 |
	       s->l << 13 | s->db << 14 | s->g << 15;
}

struct x86_segment fixed_code_segment(uint16_t selector, uint8_t dpl, bool l)
{
	return (struct x86_segment){
		.selector = selector, .limit = FLAT_LIMIT, .type = X86_TYPE_CODE_ER,
		.s = true, .dpl = dpl, .p = true, .l = l, .db = !l, .g = true,
	};
}

struct x86_segment fixed_stack_segment(uint16_t selector, uint8_t dpl)
{
	return (struct x86_segment){
		.selector = selector, .limit = FLAT_LIMIT, .type = X86_TYPE_DATA_RW,
		.s = true, .dpl = dpl, .p = true, .db = true, .g = true,
	};
}

struct gate_descriptor gate_from_descriptor(struct raw_descriptor d, bool is_long)
{
	struct gate_descriptor g = { 0 };

	if (!d.valid)
		return g;
	g.offset = bits(d.lo, 0, 16) | bits(d.lo, 48, 16) << 16;
	g.selector = bits(d.lo, 16, 16);
	g.type = bits(d.lo, 40, 4);
	g.s = bits(d.lo, 44, 1);
	g.dpl = bits(d.lo, 45, 2);
	g.p = bits(d.lo, 47, 1);
	if (is_long) {
		g.offset |= bits(d.hi, 0, 32) << 32;
		g.ist = bits(d.lo, 32, 3);
	}
	return g;
}

struct stack_slot delivery_stack_slot(const struct gate_descriptor *g, const struct x86_segment *target,
                                      uint8_t cpl, bool is_long)
{
	bool conforming = target->type & 4;
	bool inward = !conforming && target->dpl < cpl;

	if (is_long && g->ist)
		return (struct stack_slot){ .offset = X86_TSS64_IST1 + 8 * (g->ist - 1), .width = 8 };
	if (!inward)
		return (struct stack_slot){ .width = 0 };
	/* RSPn and SSn:ESPn both start at 4 and are 8 bytes apart. */
	return (struct stack_slot){ .offset = X86_TSS64_RSP0 + 8 * target->dpl, .width = is_long ? 8 : 4 };
}
