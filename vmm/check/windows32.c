/*
 * Reads a 32-bit Windows at a gate.  The processor block is where row 30h of
 * the GDT says, the frame right below ESP0 of the TSS: neither asks FS, which
 * at an entry and at SYSEXIT is the user's.  Judges nothing.
 */
#include "check/windows32.h"

#include "check/evidence.h"
#include "x86.h"

#include <string.h>

#define ROW_PCR 0x30
#define TSS_ESP0 4
#define VECTOR 0x2e
#define TABLE_MASK 0x10
#define INDEX_MASK 0xfff
#define SYSTEM_CALL 0x7ffe0300
#define SYSTEM_CALL_RETURN 0x7ffe0304

bool windows32_dword(const struct evidence *e, uint32_t address, uint32_t *value)
{
	return evidence_read(e, &e->t->after, address, value, sizeof(*value));
}

bool windows32_byte(const struct evidence *e, uint32_t address, uint8_t *value)
{
	return evidence_read(e, &e->t->after, address, value, sizeof(*value));
}

uint32_t frame32(const struct call32 *c, enum frame32 field)
{
	uint32_t value;

	memcpy(&value, c->bytes + field, sizeof(value));
	return value;
}

bool windows32_is_call(const struct evidence *e)
{
	return evidence_passed(e, GATE_SYSENTER) || (evidence_passed(e, GATE_INT) && e->t->gate.vector == VECTOR);
}

/* The base of the present ring-0 data segment in row 30h. */
static bool find_pcr(const struct evidence *e, uint32_t *pcr)
{
	struct raw_descriptor d = { .valid = true };
	struct x86_segment s;
	uint64_t address;

	if (x86_mode(&e->t->after) != MODE_32 || !evidence_symbol(e, "KiSystemService", &address) ||
	    !evidence_symbol(e, "KeServiceDescriptorTable", &address) ||
	    !evidence_read(e, &e->t->after, e->t->after.gdtr.base + ROW_PCR, &d.lo, sizeof(d.lo)))
		return false;
	s = segment_from_descriptor(d, ROW_PCR);
	*pcr = (uint32_t)s.base;
	return s.p && s.s && s.dpl == 0;
}

bool windows32_counters(const struct evidence *e, uint32_t pcr, struct counters32 *c)
{
	uint32_t prcb = pcr + PCR_PRCB_DATA;

	return windows32_dword(e, pcr + PCR_SYSTEM_CALLS, &c->calls) &&
	       windows32_dword(e, prcb + PRCB_SYSTEM_CALLS, &c->calls_xp) &&
	       windows32_dword(e, prcb + PRCB_DPC_COUNT, &c->dpcs) &&
	       windows32_dword(e, prcb + PRCB_CONTEXT_SWITCHES, &c->switches);
}

bool windows32_table(const struct evidence *e, uint32_t service_table, uint32_t number, struct table32 *t)
{
	return evidence_read(e, &e->t->after, service_table + (number >> 8 & TABLE_MASK), t, sizeof(*t));
}

bool windows32_routine(const struct evidence *e, uint32_t service_table, uint32_t number, struct routine32 *r)
{
	uint32_t index = number & INDEX_MASK;
	struct table32 t;

	*r = (struct routine32){ 0 };
	return windows32_table(e, service_table, number, &t) && index < t.limit &&
	       windows32_dword(e, t.base + 4 * index, &r->address) &&
	       windows32_byte(e, t.arguments + index, &r->bytes);
}

bool windows32_resumes(const struct evidence *e, const struct entry *entry, uint32_t eip)
{
	uint32_t next = (uint32_t)entry->next_rip;

	return (entry->kind != GATE_SYSENTER || windows32_dword(e, SYSTEM_CALL_RETURN, &next)) && eip == next;
}

/* The call goes on behind its own instruction, with the stack that it had. */
static bool goes_back(const struct evidence *e, const struct entry *entry)
{
	return windows32_resumes(e, entry, (uint32_t)e->t->after.rip) && e->t->after.gpr[GPR_RSP] == entry->rsp;
}

static bool way_out(const struct evidence *e)
{
	return (evidence_passed(e, GATE_SYSEXIT) || evidence_passed(e, GATE_IRET)) && e->t->before.cpl == 0 &&
	       e->t->after.cpl == 3;
}

/* In ring 0 the latest entry is under way until the way out; IRET inside ring 0 says nothing of it. */
static const struct entry *entry_under_way(const struct evidence *e)
{
	const struct claims_memory *m = e->memory;
	bool returning = e->t->gate.kind == GATE_IRET || e->t->gate.kind == GATE_SYSEXIT;

	if (!m->under_way || e->t->before.cpl != 0 || (returning && !way_out(e)))
		return NULL;
	return &m->entries[(m->entry_count - 1) % ENTRIES_KEPT];
}

static bool read_frame(const struct evidence *e, struct call32 *c)
{
	uint32_t esp0;

	if (!windows32_dword(e, (uint32_t)e->t->before.tr.base + TSS_ESP0, &esp0))
		return false;
	c->frame = esp0 - FRAME32_SIZE;
	return evidence_read(e, &e->t->after, c->frame, c->bytes, sizeof(c->bytes));
}

/*
 * While the kernel calls a service itself, KTHREAD.TrapFrame is that call's
 * frame, further down the stack, and the user's call says nothing.
 */
static bool nested(const struct evidence *e, const struct call32 *c)
{
	uint32_t frame, cs;

	return windows32_dword(e, c->thread + THREAD_TRAP_FRAME, &frame) && frame < c->frame &&
	       c->frame - frame < X86_PAGE_SIZE && windows32_dword(e, frame + FRAME32_CS, &cs) && !(cs & 1);
}

static void read_routine(const struct evidence *e, struct call32 *c)
{
	struct routine32 *r = &c->routine;
	uint32_t table;

	c->routine_known = windows32_dword(e, c->thread + THREAD_SERVICE_TABLE, &table) &&
			   windows32_routine(e, table, c->entry->number, r);
	if (c->routine_known && r->bytes <= sizeof(r->parameters))
		r->parameters_known = evidence_read(e, &e->t->after, c->entry->w32.source, r->parameters, r->bytes);
}

struct call32 windows32_call(const struct evidence *e)
{
	struct call32 c = { 0 };
	const struct entry *entry = e->entry ? e->entry : entry_under_way(e);

	c.kernel = find_pcr(e, &c.pcr);
	if (!c.kernel || !entry || !entry->w32.known || !read_frame(e, &c) ||
	    !windows32_dword(e, c.pcr + PCR_CURRENT_THREAD, &c.thread))
		return c;
	c.entry = entry;
	c.leaves = way_out(e);
	c.returns = c.leaves && e->entry && goes_back(e, entry);
	c.inside = !c.leaves && frame32(&c, FRAME32_ESP) == (uint32_t)entry->rsp && !nested(e, &c);
	if (c.returns || c.inside)
		read_routine(e, &c);
	return c;
}

/* The parameters are where EDX points, past two return addresses when the stub used SYSENTER. */
static uint32_t parameters(const struct evidence *e)
{
	return (uint32_t)e->t->before.gpr[GPR_RDX] + (e->t->gate.kind == GATE_SYSENTER ? 8 : 0);
}

struct entry32 windows32_entry(const struct evidence *e)
{
	const struct x86_state *b = &e->t->before;
	struct entry32 n = { .fs = b->fs.selector, .source = parameters(e), .stub = e->stub32 };
	uint32_t pcr = e->call.pcr, teb = (uint32_t)b->fs.base, self;

	if (!e->call.kernel || !windows32_is_call(e))
		return n;
	for (unsigned i = 0; i < 8; i++)
		n.gpr[i] = (uint32_t)b->gpr[i];
	n.fs_is_teb = windows32_dword(e, teb + TEB_SELF, &self) && self == teb;
	if (!windows32_dword(e, teb + TEB_GDI_BATCH_COUNT, &n.gdi_batch))
		n.gdi_batch = 0;
	if (!windows32_dword(e, SYSTEM_CALL, &n.system_call))
		n.system_call = 0;
	n.calls = e->memory->calls32;
	n.kernel_calls = e->memory->kernel_returns;
	n.known = windows32_dword(e, pcr, &n.exception_list) &&
		  windows32_dword(e, pcr + PCR_CURRENT_THREAD, &n.thread) &&
		  windows32_dword(e, n.thread + THREAD_SERVICE_TABLE, &n.service_table) &&
		  windows32_dword(e, n.thread + THREAD_TRAP_FRAME, &n.trap_frame) &&
		  windows32_byte(e, n.thread + THREAD_PREVIOUS_MODE, &n.previous_mode) &&
		  windows32_counters(e, pcr, &n.counters);
	return n;
}
