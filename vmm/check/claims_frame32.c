/*
 * Claims about KiSystemService's prologue: the trap frame, FS and the thread's
 * fields.  Documents 001 and 002.  Judged where ring 0 passes another gate
 * while the call is under way, or where the call returns: the frame is then
 * still on the kernel's stack.
 */
#include "check/evidence.h"

#include <string.h>

#define FS_KERNEL 0x30
#define LIST_END UINT32_MAX
#define PROLOGUE_SIZE 0x40

static bool from_int(const struct call32 *c)
{
	return c->entry && c->entry->kind == GATE_INT;
}

static bool saved(const struct call32 *c)
{
	const uint32_t *gpr = c->entry->w32.gpr;

	return frame32(c, FRAME32_EBP) == gpr[GPR_RBP] && frame32(c, FRAME32_EBX) == gpr[GPR_RBX] &&
	       frame32(c, FRAME32_ESI) == gpr[GPR_RSI] && frame32(c, FRAME32_EDI) == gpr[GPR_RDI] &&
	       (uint16_t)frame32(c, FRAME32_FS) == c->entry->w32.fs;
}

static enum testimony c30(const struct evidence *e)
{
	const struct call32 *c = &e->call;

	if (!from_int(c) || !(c->inside || c->returns))
		return SILENT;
	return testimony(saved(c) && frame32(c, FRAME32_ERROR) == 0);
}

static enum testimony c31(const struct evidence *e)
{
	if (!e->call.inside)
		return SILENT;
	return testimony(e->t->before.fs.selector == FS_KERNEL);
}

/* Inside: the list is at its end.  At the return: both slots have what the prologue found. */
static enum testimony c32(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	const struct entry32 *n;
	uint32_t list;

	if (c->inside) {
		if (!windows32_dword(e, c->pcr, &list))
			return SILENT;
		e->memory->list_cleared = list == LIST_END;
		return list == LIST_END ? SILENT : REFUTED;
	}
	if (!c->returns || !from_int(c))
		return SILENT;
	n = &c->entry->w32;
	if (frame32(c, FRAME32_EXCEPTION_LIST) != n->exception_list ||
	    (uint8_t)frame32(c, FRAME32_PREVIOUS_MODE) != n->previous_mode)
		return REFUTED;
	return e->memory->list_cleared ? HELD : SILENT;
}

/* At the entry FS led to the TEB, which points to itself; inside it leads to the KPCR and its thread. */
static enum testimony c33(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	uint32_t fs = (uint32_t)e->t->before.fs.base, self;

	if (!c->inside)
		return SILENT;
	return testimony(c->entry->w32.fs_is_teb && fs == c->pcr && windows32_dword(e, fs + PCR_SELF, &self) &&
			 self == fs && c->thread == c->entry->w32.thread);
}

static bool previous_mode(const struct evidence *e, uint8_t *mode)
{
	return e->call.inside && windows32_byte(e, e->call.thread + THREAD_PREVIOUS_MODE, mode);
}

/* 1: the caller was in ring 3. */
static enum testimony c34(const struct evidence *e)
{
	uint8_t mode;

	return previous_mode(e, &mode) ? testimony(mode == 1) : SILENT;
}

static enum testimony c38(const struct evidence *e)
{
	uint8_t mode;

	return previous_mode(e, &mode) ? testimony(mode == (frame32(&e->call, FRAME32_CS) & 1)) : SILENT;
}

/* Five words of the processor, six and two pushes, and 48h bytes: 7Ch from ESP0 to where EBP is set up. */
static enum testimony c35(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	uint32_t frame;

	if (!c->inside || !windows32_dword(e, c->thread + THREAD_TRAP_FRAME, &frame))
		return SILENT;
	return testimony(frame == c->frame && e->t->before.gpr[GPR_RSP] <= frame);
}

static enum testimony c37(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	uint32_t frame, old, cs;

	if (!c->inside || !windows32_dword(e, c->thread + THREAD_TRAP_FRAME, &frame))
		return SILENT;
	return testimony(windows32_dword(e, frame + FRAME32_EDX, &old) && old == c->entry->w32.trap_frame &&
			 windows32_dword(e, frame + FRAME32_CS, &cs) && cs == frame32(c, FRAME32_CS));
}

/* mov esi,fs:[124h] */
static bool loads_thread(const struct evidence *e)
{
	uint8_t code[PROLOGUE_SIZE];
	uint64_t start;

	return evidence_symbol(e, "KiSystemService", &start) &&
	       evidence_read(e, &e->t->after, start, code, sizeof(code)) &&
	       memmem(code, sizeof(code), "\x64\x8b\x35\x24\x01\0\0", 7);
}

static enum testimony c39(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	uint32_t prcb, thread;

	if (!c->inside)
		return SILENT;
	return testimony(saved(c) && e->t->before.fs.base == c->pcr && loads_thread(e) &&
			 windows32_dword(e, c->pcr + PCR_PRCB, &prcb) && windows32_dword(e, prcb + 4, &thread) &&
			 thread == c->thread);
}

const struct claim_predicate claims_of_frame32[] = {
	{ "C30", c30 }, { "C31", c31 }, { "C32", c32 }, { "C33", c33 }, { "C34", c34 }, { "C35", c35 },
	{ "C37", c37 }, { "C38", c38 }, { "C39", c39 }, { NULL, NULL }
};
