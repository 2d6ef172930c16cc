/*
 * The fields that checks compare: their names, where their values stand, and
 * which page of which manual says what they become.  Decides nothing about
 * what is right.
 */
#include "model/predict.h"

static const struct { const char *name; bool is_gpr; enum x86_gpr gpr; } fields[FIELD_COUNT] = {
	[FIELD_RIP]             = { .name = "rip" },
	[FIELD_RSP]             = { "rsp", true, GPR_RSP },
	[FIELD_RFLAGS]          = { .name = "rflags" },
	[FIELD_RCX]             = { "rcx", true, GPR_RCX },
	[FIELD_R11]             = { "r11", true, GPR_R11 },
	[FIELD_CS]              = { .name = "cs" },
	[FIELD_SS]              = { .name = "ss" },
	[FIELD_CPL]             = { .name = "cpl" },
	[FIELD_MODE]            = { .name = "mode" },
	[FIELD_CS_BASE]         = { .name = "cs.base" },
	[FIELD_CS_LIMIT]        = { .name = "cs.limit" },
	[FIELD_CS_TYPE]         = { .name = "cs.type" },
	[FIELD_SS_BASE]         = { .name = "ss.base" },
	[FIELD_SS_LIMIT]        = { .name = "ss.limit" },
	[FIELD_SS_TYPE]         = { .name = "ss.type" },
	[FIELD_RAX]             = { "rax", true, GPR_RAX },
	[FIELD_RDX]             = { "rdx", true, GPR_RDX },
	[FIELD_RBX]             = { "rbx", true, GPR_RBX },
	[FIELD_RBP]             = { "rbp", true, GPR_RBP },
	[FIELD_RSI]             = { "rsi", true, GPR_RSI },
	[FIELD_RDI]             = { "rdi", true, GPR_RDI },
	[FIELD_R8]              = { "r8", true, GPR_R8 },
	[FIELD_R9]              = { "r9", true, GPR_R9 },
	[FIELD_R10]             = { "r10", true, GPR_R10 },
	[FIELD_R12]             = { "r12", true, GPR_R12 },
	[FIELD_R13]             = { "r13", true, GPR_R13 },
	[FIELD_R14]             = { "r14", true, GPR_R14 },
	[FIELD_R15]             = { "r15", true, GPR_R15 },
	[FIELD_GS_BASE]         = { .name = "gs.base" },
	[FIELD_KERNEL_GS_BASE]  = { .name = "kernel_gs_base" },
	[FIELD_MSR]             = { .name = "msr" },
	[FIELD_FRAME_RIP]       = { .name = "frame.rip" },
	[FIELD_FRAME_CS]        = { .name = "frame.cs" },
	[FIELD_FRAME_RFLAGS]    = { .name = "frame.rflags" },
	[FIELD_FRAME_RSP]       = { .name = "frame.rsp" },
	[FIELD_FRAME_SS]        = { .name = "frame.ss" },
	[FIELD_FRAME_ERROR]     = { .name = "frame.error" },
	[FIELD_VECTOR]          = { .name = "vector" },
	[FIELD_ERROR]           = { .name = "error" },
};

const char *field_name(enum field f)
{
	return f < FIELD_COUNT ? fields[f].name : "?";
}

enum field field_of_gpr(enum x86_gpr r)
{
	static const enum field field[GPR_COUNT] = {
		[GPR_RAX] = FIELD_RAX, [GPR_RCX] = FIELD_RCX, [GPR_RDX] = FIELD_RDX, [GPR_RBX] = FIELD_RBX,
		[GPR_RSP] = FIELD_RSP, [GPR_RBP] = FIELD_RBP, [GPR_RSI] = FIELD_RSI, [GPR_RDI] = FIELD_RDI,
		[GPR_R8] = FIELD_R8, [GPR_R9] = FIELD_R9, [GPR_R10] = FIELD_R10, [GPR_R11] = FIELD_R11,
		[GPR_R12] = FIELD_R12, [GPR_R13] = FIELD_R13, [GPR_R14] = FIELD_R14, [GPR_R15] = FIELD_R15,
	};

	return r < GPR_COUNT ? field[r] : FIELD_COUNT;
}

uint64_t x86_field(const struct x86_state *s, enum field f)
{
	if (f < FIELD_COUNT && fields[f].is_gpr)
		return s->gpr[fields[f].gpr];
	switch (f) {
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

uint64_t frame_field(const struct frame *frame, enum field f)
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

void x86_fields(const struct x86_state *s, uint64_t value[FIELD_COUNT])
{
	value[FIELD_RIP] = s->rip;
	value[FIELD_RSP] = s->gpr[GPR_RSP];
	value[FIELD_RFLAGS] = s->rflags;
	value[FIELD_RCX] = s->gpr[GPR_RCX];
	value[FIELD_R11] = s->gpr[GPR_R11];
	value[FIELD_CS] = s->cs.selector;
	value[FIELD_SS] = s->ss.selector;
	value[FIELD_CPL] = s->cpl;
	value[FIELD_MODE] = x86_mode(s);
	value[FIELD_CS_BASE] = s->cs.base;
	value[FIELD_CS_LIMIT] = s->cs.limit;
	value[FIELD_CS_TYPE] = segment_access(&s->cs);
	value[FIELD_SS_BASE] = s->ss.base;
	value[FIELD_SS_LIMIT] = s->ss.limit;
	value[FIELD_SS_TYPE] = segment_access(&s->ss);
	value[FIELD_RAX] = s->gpr[GPR_RAX];
	value[FIELD_RDX] = s->gpr[GPR_RDX];
	value[FIELD_RBX] = s->gpr[GPR_RBX];
	value[FIELD_RBP] = s->gpr[GPR_RBP];
	value[FIELD_RSI] = s->gpr[GPR_RSI];
	value[FIELD_RDI] = s->gpr[GPR_RDI];
	value[FIELD_R8] = s->gpr[GPR_R8];
	value[FIELD_R9] = s->gpr[GPR_R9];
	value[FIELD_R10] = s->gpr[GPR_R10];
	value[FIELD_R12] = s->gpr[GPR_R12];
	value[FIELD_R13] = s->gpr[GPR_R13];
	value[FIELD_R14] = s->gpr[GPR_R14];
	value[FIELD_R15] = s->gpr[GPR_R15];
	value[FIELD_GS_BASE] = s->gs.base;
	value[FIELD_KERNEL_GS_BASE] = s->msr.kernel_gs_base;
	for (unsigned f = FIELD_MSR; f < FIELD_COUNT; f++)
		value[f] = 0;
}

void frame_fields(const struct frame *frame, uint64_t value[FIELD_COUNT])
{
	value[FIELD_FRAME_RIP] = frame->rip;
	value[FIELD_FRAME_CS] = frame->cs;
	value[FIELD_FRAME_RFLAGS] = frame->rflags;
	value[FIELD_FRAME_RSP] = frame->rsp;
	value[FIELD_FRAME_SS] = frame->ss;
	value[FIELD_FRAME_ERROR] = frame->error;
}

void prediction_fields(const struct prediction *p, uint64_t value[FIELD_COUNT], uint64_t mask[FIELD_COUNT])
{
	x86_fields(&p->after, value);
	frame_fields(&p->frame, value);
	value[FIELD_MSR] = p->msr_value;
	value[FIELD_VECTOR] = p->vector;
	value[FIELD_ERROR] = p->error;
	for (unsigned f = 0; f < FIELD_COUNT; f++)
		mask[f] = -(p->defined >> f & 1) & ~p->unsaid[f];
	mask[FIELD_RFLAGS] &= p->rflags_defined;
	mask[FIELD_FRAME_RFLAGS] &= p->frame_rflags_defined;
}

uint64_t prediction_value(const struct prediction *p, enum field f)
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

uint64_t prediction_mask(const struct prediction *p, enum field f)
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
