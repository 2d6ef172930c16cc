/*
 * What predicates share: reading the guest, recognising a stub and a service
 * table, and remembering entries until their return.  Judges nothing.  Every
 * address comes from the guest; what cannot be read is no evidence.
 */
#include "check/evidence.h"

#include "image/image.h"
#include "nt.h"
#include "x86.h"

#include <string.h>

#define RET 0xc3
#define RET_IMM16 0xc2
#define KERNEL_SHARED_PAGE UINT64_C(0xfffff78000000000)

/* Whose page tables s names.  Predicates ask with the states of their transition and no others. */
static enum fact_side side_of(const struct evidence *e, const struct x86_state *s)
{
	return s == &e->t->before ? SIDE_BEFORE : SIDE_AFTER;
}

/* The answer on the tape.  NULL: ask the guest, or, where there is none, *missing. */
static const struct fact *on_tape(const struct evidence *e, enum fact_kind kind, const struct x86_state *s,
				  uint64_t linear, size_t size, bool *missing)
{
	struct tape *tape = e->view->tape;
	const struct fact *fact = tape_find(tape, kind, side_of(e, s), linear, size);

	*missing = tape->replays && !fact;
	tape->missed += *missing;
	return fact;
}

bool evidence_read(const struct evidence *e, const struct x86_state *s, uint64_t linear, void *to,
		   size_t size)
{
	const struct fact *fact;
	bool missing, found;

	if (!e->view)
		return false;
	if (!e->view->tape)
		return view_read(e->view, s, linear, to, size) == size;
	fact = on_tape(e, FACT_READ, s, linear, size, &missing);
	if (missing)
		return false;
	if (fact) {
		if (fact->found)
			memcpy(to, fact->bytes, size);
		return fact->found;
	}
	found = view_read(e->view, s, linear, to, size) == size;
	tape_put(e->view->tape, &(struct fact){
		.kind = FACT_READ, .side = side_of(e, s), .found = found, .address = linear, .wanted = (uint16_t)size,
		.size = found ? (uint16_t)size : 0, .bytes = to,
	});
	return found;
}

bool evidence_map(const struct evidence *e, const struct x86_state *s, uint64_t linear, struct mapping *m)
{
	const struct fact *fact;
	bool missing, found;

	*m = (struct mapping){ 0 };
	if (!e->view)
		return false;
	if (!e->view->tape)
		return view_translate(e->view, s, linear, m);
	fact = on_tape(e, FACT_MAP, s, linear, 0, &missing);
	if (missing)
		return false;
	if (fact) {
		*m = fact->mapping;
		return fact->found;
	}
	found = view_translate(e->view, s, linear, m);
	if (!found)
		*m = (struct mapping){ 0 };
	tape_put(e->view->tape, &(struct fact){
		.kind = FACT_MAP, .side = side_of(e, s), .found = found, .address = linear,
		.mapped = found, .mapping = *m,
	});
	return found;
}

/* The documents' names are Windows'. */
static bool find_symbol(const struct evidence *e, const char *name, uint64_t *address)
{
	return e->view->kernel != KERNEL_LINUX && e->view->symbols &&
	       symbols_address(e->view->symbols, name, address);
}

bool evidence_symbol(const struct evidence *e, const char *name, uint64_t *address)
{
	struct symbol_fact asked = { .question = SYMBOL_ADDRESS, .name = name };
	const struct symbol_fact *fact;

	if (!e->view || !e->view->tape)
		return e->view && find_symbol(e, name, address);
	fact = tape_symbol(e->view->tape, SYMBOL_ADDRESS, name, 0);
	if (!fact && e->view->tape->replays) {
		e->view->tape->missed++;
		return false;
	}
	if (!fact) {
		asked.found = find_symbol(e, name, &asked.address);
		e->view->tape->full |= !tape_put_symbol(e->view->tape, &asked);
		fact = &asked;
	}
	if (fact->found)
		*address = fact->address;
	return fact->found;
}

const char *evidence_name(const struct evidence *e, uint64_t address)
{
	struct symbol_fact asked = { .question = SYMBOL_NAME, .address = address };
	const struct symbol_fact *fact;
	const char *name = NULL;
	uint64_t offset;

	if (!e->view)
		return NULL;
	fact = e->view->tape ? tape_symbol(e->view->tape, SYMBOL_NAME, NULL, address) : NULL;
	if (fact)
		return fact->found ? fact->name : NULL;
	if (e->view->tape && e->view->tape->replays) {
		e->view->tape->missed++;
		return NULL;
	}
	if (e->view->symbols)
		name = symbols_find(e->view->symbols, address, &offset);
	asked.found = name;
	asked.name = name ? name : "";
	if (e->view->tape)
		e->view->tape->full |= !tape_put_symbol(e->view->tape, &asked);
	return name;
}

static bool looks_like_windows(const struct evidence *e)
{
	struct mapping m;
	uint64_t address;

	if (e->view && e->view->kernel == KERNEL_LINUX) /* which maps what it likes there */
		return false;
	return evidence_map(e, &e->t->after, KERNEL_SHARED_PAGE, &m) ||
	       evidence_symbol(e, "KeServiceDescriptorTable", &address);
}

bool evidence_windows(const struct evidence *e)
{
	if (e->memory->imitation == NOT_ASKED)
		e->memory->imitation = looks_like_windows(e) ? IS_WINDOWS : IS_OTHER;
	return e->memory->imitation == IS_WINDOWS;
}

bool evidence_table(const struct evidence *e, const struct x86_state *s, bool shadow, unsigned table,
		    struct service_table *found)
{
	const char *name = shadow ? "KeServiceDescriptorTableShadow" : "KeServiceDescriptorTable";
	uint64_t address;

	if (!evidence_symbol(e, name, &address))
		return false;
	if (x86_mode(s) == MODE_32) {
		struct table32 t;

		if (!windows32_table(e, (uint32_t)address, table << NT_SERVICE_TABLE_SHIFT, &t))
			return false;
		*found = (struct service_table){ .base = t.base, .limit = t.limit };
		return true;
	}
	address += (uint64_t)table * SSDT_SIZE;
	return evidence_read(e, s, address + SSDT_BASE, &found->base, sizeof(found->base)) &&
	       evidence_read(e, s, address + SSDT_LIMIT, &found->limit, sizeof(found->limit));
}

static bool is_entry(const struct evidence *e)
{
	const struct transition *t = e->t;

	if (t->faulted || t->before.cpl != 3 || t->after.cpl != 0)
		return false;
	return t->gate.kind == GATE_SYSCALL || t->gate.kind == GATE_SYSENTER ||
	       (t->gate.kind == GATE_INT && t->gate.vector >= X86_VECTOR_COUNT);
}

/*
 * A stub loads EAX, may test a byte in memory, and enters the kernel:
 *	B8 imm32   [F6 04 25 disp32 imm8 | F6 05 rel32 imm8]   ...   0F 05 or CD 2E
 * code ends where the entering instruction, at end, starts.
 */
static struct stub recognise(const uint8_t *code, size_t size, uint64_t end, uint32_t eax)
{
	struct stub stub = { 0 };
	uint32_t word;

	for (size_t i = 0; i + 5 <= size; i++) {
		memcpy(&word, code + i + 1, 4);
		if (code[i] == 0xb8 && word == eax)
			stub.found = true;
		if (i + 8 <= size && memcmp(code + i, "\xf6\x04\x25", 3) == 0) {
			memcpy(&word, code + i + 3, 4);
			stub.tests = stub.absolute = true;
			stub.tested = (uint64_t)(int32_t)word;
			stub.mask = code[i + 7];
		} else if (i + 7 <= size && memcmp(code + i, "\xf6\x05", 2) == 0) {
			memcpy(&word, code + i + 2, 4);
			stub.tests = true;
			stub.absolute = false;
			stub.tested = end - size + i + 7 + (uint64_t)(int32_t)word;
			stub.mask = code[i + 6];
		}
	}
	return stub;
}

static struct stub find_stub(const struct evidence *e)
{
	const struct x86_state *s = &e->t->before;
	size_t in_page = s->rip & (X86_PAGE_SIZE - 1), size = STUB_BYTES;
	uint8_t code[STUB_BYTES], next;
	struct stub stub;

	if (x86_mode(s) != MODE_64 || !evidence_read(e, s, s->rip + e->t->gate.length, &next, 1))
		return (struct stub){ 0 };
	/* The page before may not be mapped. */
	if (!evidence_read(e, s, s->rip - size, code, size)) {
		size = in_page < size ? in_page : size;
		if (!evidence_read(e, s, s->rip - size, code, size))
			return (struct stub){ 0 };
	}
	stub = recognise(code, size, s->rip, (uint32_t)s->gpr[GPR_RAX]);
	stub.releases = next == RET_IMM16;
	if (!stub.found || (next != RET && next != RET_IMM16))
		return (struct stub){ 0 };
	return stub;
}

static const struct entry *find_entry(const struct evidence *e)
{
	const struct transition *t = e->t;

	if (t->faulted || !t->entry || t->after.cpl != 3)
		return NULL;
	/* Mostly the latest. */
	for (uint64_t back = 1; back <= ENTRIES_KEPT && back <= e->memory->entry_count; back++) {
		const struct entry *entry = &e->memory->entries[(e->memory->entry_count - back) % ENTRIES_KEPT];

		if (entry->seq == t->entry)
			return entry;
	}
	return NULL;
}

void evidence_prepare(struct evidence *e)
{
	const struct transition *t = e->t;

	e->entered = is_entry(e);
	if (e->entered && evidence_windows(e))
		e->stub = find_stub(e);
	if (e->entered && x86_mode(&t->before) == MODE_32)
		e->stub32 = stub32_find(e);
	e->entry = find_entry(e);
	if (x86_mode(&t->after) == MODE_32)
		e->call = windows32_call(e);
}

/* The table that the thread has for this number: D1's table, at its place on x64. */
static bool thread_table(const struct evidence *e, uint32_t number, struct service_table *table)
{
	const struct x86_state *s = &e->t->after;
	uint64_t thread;
	uint32_t flags;

	return evidence_read(e, s, e->t->before.msr.kernel_gs_base + KPCR_CURRENT_THREAD, &thread, sizeof(thread)) &&
	       evidence_read(e, s, thread + KTHREAD_MISC_FLAGS, &flags, sizeof(flags)) &&
	       evidence_table(e, s, flags & KTHREAD_GUI_THREAD, number >> NT_SERVICE_TABLE_SHIFT & 1, table);
}

/*
 * Stack arguments that only the comparison keeps from being copied: the
 * service has some, they begin past the probe address, and ring 0 can read there.
 */
static bool is_above_probe(const struct evidence *e, const struct entry *entry, const struct service_table *table)
{
	const struct x86_state *s = &e->t->after;
	uint32_t index = entry->number & NT_SERVICE_INDEX, packed;
	uint64_t start = entry->rsp + NT_STACK_ARGUMENTS, address, probe, word;

	if (entry->mode != MODE_64 || index >= table->limit ||
	    !evidence_read(e, s, table->base + 4 * (uint64_t)index, &packed, sizeof(packed)) ||
	    !evidence_symbol(e, "MmUserProbeAddress", &address) ||
	    !evidence_read(e, s, address, &probe, sizeof(probe)))
		return false;
	return (packed & SSDT_ENTRY_ARGUMENTS) && start >= probe && evidence_read(e, s, start, &word, sizeof(word));
}

static void remember_table(const struct evidence *e, struct entry *entry)
{
	struct service_table table;

	entry->limit_known = thread_table(e, entry->number, &table);
	if (!entry->limit_known)
		return;
	entry->limit = table.limit;
	entry->above_probe = is_above_probe(e, entry, &table);
}

static void remember_limit32(const struct evidence *e, struct entry *entry)
{
	struct table32 t;

	entry->limit_known = entry->w32.known &&
			     windows32_table(e, entry->w32.service_table, entry->number, &t);
	if (entry->limit_known)
		entry->limit = t.limit;
}

static void remember_probe32(const struct evidence *e, struct entry *entry)
{
	uint64_t address;
	uint32_t probe, word;
	struct routine32 r;

	if (!entry->w32.known || !windows32_routine(e, entry->w32.service_table, entry->number, &r) ||
	    !evidence_symbol(e, "MmUserProbeAddress", &address) ||
	    !windows32_dword(e, (uint32_t)address, &probe))
		return;
	entry->above_probe = r.bytes && entry->w32.source >= probe &&
			     windows32_dword(e, entry->w32.source, &word);
}

/* NtReadFile and NtWriteFile: argument 5 is an IO_STATUS_BLOCK, argument 7 a length. */
static void remember_block(const struct evidence *e, struct entry *entry)
{
	uint64_t words[3];

	if (entry->mode != MODE_64 || (entry->number != NT_READ_FILE && entry->number != NT_WRITE_FILE) ||
	    !evidence_windows(e) ||
	    !evidence_read(e, &e->t->before, entry->rsp + NT_STACK_ARGUMENTS, words, sizeof(words)))
		return;
	entry->block_known = true;
	entry->block = words[0];
	entry->length = (uint32_t)words[2];
}

static void remember_entry(const struct evidence *e)
{
	struct claims_memory *m = e->memory;
	const struct transition *t = e->t;
	struct entry *entry = &m->entries[m->entry_count++ % ENTRIES_KEPT];

	*entry = (struct entry){
		.seq = t->seq, .kind = t->gate.kind, .mode = x86_mode(&t->before),
		.next_rip = t->before.rip + t->gate.length, .rsp = t->before.gpr[GPR_RSP],
		.number = (uint32_t)t->before.gpr[GPR_RAX],
	};
	entry->w32 = windows32_entry(e);
	if (entry->mode == MODE_32) {
		remember_limit32(e, entry);
		remember_probe32(e, entry);
	} else {
		remember_table(e, entry);
	}
	remember_block(e, entry);
}

static void remember_mode(const struct evidence *e)
{
	const struct transition *t = e->t;

	if (!evidence_passed(e, GATE_FAR) || t->before.cpl != 3)
		return;
	if (x86_mode(&t->before) == MODE_COMPAT && t->after.cs.selector == 0x33)
		e->memory->came_by_33 = true;
	e->memory->came_cr3 = t->before.cr3;
	if (x86_mode(&t->after) == MODE_COMPAT)
		e->memory->came_by_33 = false;
}

/* Which side of the way in and out the guest is on. */
static void remember_way(const struct evidence *e)
{
	const struct transition *t = e->t;

	if (e->entered)
		e->memory->under_way = true;
	else if (!t->faulted && t->before.cpl == 0 && t->after.cpl == 3)
		e->memory->under_way = false;
	if (evidence_passed(e, GATE_IRET) && t->after.cpl == 0)
		e->memory->kernel_returns++;
	if (windows32_is_call(e))
		e->memory->calls32++;
}

void evidence_remember(const struct evidence *e)
{
	const struct transition *t = e->t;
	uint32_t n = t->msr_index - X86_MSR_SYSENTER_CS;

	if (e->entered)
		remember_entry(e);
	remember_way(e);
	remember_mode(e);
	if (evidence_passed(e, GATE_WRMSR) && n < 3) {
		e->memory->sysenter_written[n] = true;
		e->memory->sysenter[n] = t->before.gpr[GPR_RDX] << 32 | (uint32_t)t->before.gpr[GPR_RAX];
	}
}
