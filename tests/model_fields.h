/*
 * Fields one by one, for tests: where each stands in a state, a frame or a
 * prediction, written down a second time, against which the program's own
 * tables are held (test_model_fields.c).
 */
#ifndef TESTS_MODEL_FIELDS_H
#define TESTS_MODEL_FIELDS_H

#include "model/model.h"

static inline uint64_t x86_field(const struct x86_state *s, enum field f)
{
	switch (f) {
	case FIELD_RSP:         return s->gpr[GPR_RSP];
	case FIELD_RCX:         return s->gpr[GPR_RCX];
	case FIELD_R11:         return s->gpr[GPR_R11];
	case FIELD_RAX:         return s->gpr[GPR_RAX];
	case FIELD_RDX:         return s->gpr[GPR_RDX];
	case FIELD_RBX:         return s->gpr[GPR_RBX];
	case FIELD_RBP:         return s->gpr[GPR_RBP];
	case FIELD_RSI:         return s->gpr[GPR_RSI];
	case FIELD_RDI:         return s->gpr[GPR_RDI];
	case FIELD_R8:          return s->gpr[GPR_R8];
	case FIELD_R9:          return s->gpr[GPR_R9];
	case FIELD_R10:         return s->gpr[GPR_R10];
	case FIELD_R12:         return s->gpr[GPR_R12];
	case FIELD_R13:         return s->gpr[GPR_R13];
	case FIELD_R14:         return s->gpr[GPR_R14];
	case FIELD_R15:         return s->gpr[GPR_R15];
	case FIELD_RIP:                 return s->rip;
	case FIELD_RFLAGS:              return s->rflags;
	case FIELD_CS:                  return s->cs.selector;
	case FIELD_SS:                  return s->ss.selector;
	case FIELD_CPL:                 return s->cpl;
	case FIELD_MODE:                return x86_mode(s);
	case FIELD_CS_BASE:             return s->cs.base;
	case FIELD_CS_LIMIT:            return s->cs.limit;
	case FIELD_CS_TYPE:             return segment_access(&s->cs);
	case FIELD_SS_BASE:             return s->ss.base;
	case FIELD_SS_LIMIT:            return s->ss.limit;
	case FIELD_SS_TYPE:             return segment_access(&s->ss);
	case FIELD_GS_BASE:             return s->gs.base;
	case FIELD_KERNEL_GS_BASE:      return s->msr.kernel_gs_base;
	default:                        return 0;
	}
}

static inline uint64_t frame_field(const struct frame *frame, enum field f)
{
	switch (f) {
	case FIELD_FRAME_RIP:           return frame->rip;
	case FIELD_FRAME_CS:            return frame->cs;
	case FIELD_FRAME_RFLAGS:        return frame->rflags;
	case FIELD_FRAME_RSP:           return frame->rsp;
	case FIELD_FRAME_SS:            return frame->ss;
	case FIELD_FRAME_ERROR:         return frame->error;
	default:                        return 0;
	}
}

static inline uint64_t prediction_value(const struct prediction *p, enum field f)
{
	if (f == FIELD_MSR)
		return p->msr_value;
	if (f == FIELD_VECTOR)
		return p->vector;
	if (f == FIELD_ERROR)
		return p->error;
	if (f >= FIELD_FRAME_RIP && f <= FIELD_FRAME_ERROR)
		return frame_field(&p->frame, f);
	return x86_field(&p->after, f);
}

static inline uint64_t prediction_mask(const struct prediction *p, enum field f)
{
	uint64_t mask = UINT64_MAX;

	if (f >= FIELD_COUNT || !(p->defined & FIELD_BIT(f)))
		return 0;
	if (f == FIELD_RFLAGS)
		mask = p->rflags_defined;
	if (f == FIELD_FRAME_RFLAGS)
		mask = p->frame_rflags_defined;
	return mask & ~p->unsaid[f];
}

#endif
