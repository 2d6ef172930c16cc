/*
 * The fields that checks compare: their names, where their values stand, and
 * which page of which manual says what they become.  Decides nothing about
 * what is right.
 */
#include "model/predict.h"

static const char *const names[FIELD_COUNT] = {
	[FIELD_RIP]             = "rip",
	[FIELD_RSP]             = "rsp",
	[FIELD_RFLAGS]          = "rflags",
	[FIELD_RCX]             = "rcx",
	[FIELD_R11]             = "r11",
	[FIELD_CS]              = "cs",
	[FIELD_SS]              = "ss",
	[FIELD_CPL]             = "cpl",
	[FIELD_MODE]            = "mode",
	[FIELD_CS_BASE]         = "cs.base",
	[FIELD_CS_LIMIT]        = "cs.limit",
	[FIELD_CS_TYPE]         = "cs.type",
	[FIELD_SS_BASE]         = "ss.base",
	[FIELD_SS_LIMIT]        = "ss.limit",
	[FIELD_SS_TYPE]         = "ss.type",
	[FIELD_RAX]             = "rax",
	[FIELD_RDX]             = "rdx",
	[FIELD_RBX]             = "rbx",
	[FIELD_RBP]             = "rbp",
	[FIELD_RSI]             = "rsi",
	[FIELD_RDI]             = "rdi",
	[FIELD_R8]              = "r8",
	[FIELD_R9]              = "r9",
	[FIELD_R10]             = "r10",
	[FIELD_R12]             = "r12",
	[FIELD_R13]             = "r13",
	[FIELD_R14]             = "r14",
	[FIELD_R15]             = "r15",
	[FIELD_GS_BASE]         = "gs.base",
	[FIELD_KERNEL_GS_BASE]  = "kernel_gs_base",
	[FIELD_MSR]             = "msr",
	[FIELD_FRAME_RIP]       = "frame.rip",
	[FIELD_FRAME_CS]        = "frame.cs",
	[FIELD_FRAME_RFLAGS]    = "frame.rflags",
	[FIELD_FRAME_RSP]       = "frame.rsp",
	[FIELD_FRAME_SS]        = "frame.ss",
	[FIELD_FRAME_ERROR]     = "frame.error",
	[FIELD_VECTOR]          = "vector",
	[FIELD_ERROR]           = "error",
};

const char *field_name(enum field f)
{
	return f < FIELD_COUNT ? names[f] : "?";
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
