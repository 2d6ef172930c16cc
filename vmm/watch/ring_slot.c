/*
 * One vCPU's slot: the stub and what it works on, the ring, and the MSRs that
 * lead to it.  The guest can write to the slot: nothing in it is believed.
 */
#include "watch/ring_run.h"

#include <string.h>

#define MSR_TSC         0x10

uint32_t ring_msr_of(const struct ring *r, uint32_t id)
{
	switch (id) {
	case RING_SYSCALL:
		return r->is_long ? X86_MSR_LSTAR : X86_MSR_STAR;
	case RING_SYSCALL_COMPAT:
		return X86_MSR_CSTAR;
	default:
		return X86_MSR_SYSENTER_EIP;
	}
}

static uint64_t *word(struct ring *r, unsigned cpu, size_t offset)
{
	return (uint64_t *)(r->cpu[cpu].slot + offset);
}

static struct ring_record *records(struct ring *r, unsigned cpu)
{
	return (struct ring_record *)(r->cpu[cpu].slot + RING_RECORDS);
}

static size_t capacity(const struct ring *r)
{
	return r->map.pages * (size_t)X86_PAGE_SIZE / RING_RECORD;
}

uint64_t *ring_own(struct ring *r, unsigned cpu, uint32_t index)
{
	for (unsigned n = 0; n < RING_ENTRIES; n++)
		if (ring_msr_of(r, n + 1) == index)
			return &r->cpu[cpu].own[n];
	return r->is_long && index == X86_MSR_FMASK ? &r->cpu[cpu].fmask : NULL;
}

uint64_t ring_target(const struct ring *r, unsigned cpu, uint32_t id)
{
	const uint64_t own = r->cpu[cpu].own[id - 1];

	return r->is_long ? own : (uint32_t)own;
}

int ring_state(struct ring *r, unsigned cpu, struct x86_state *s, unsigned parts)
{
	const struct ring_cpu *c = &r->cpu[cpu];
	int err = vm_get_state(c->vm, s, parts);

	if (parts & VM_MSRS) {
		*(r->is_long ? &s->msr.lstar : &s->msr.star) = c->own[RING_SYSCALL - 1];
		s->msr.cstar = c->own[RING_SYSCALL_COMPAT - 1];
		s->msr.fmask = c->fmask;
		s->msr.sysenter_eip = c->own[RING_SYSENTER - 1];
	}
	return err;
}

static void make_room(struct ring *r, unsigned cpu)
{
	*word(r, cpu, RING_HEAD) = r->map.linear[cpu] + RING_RECORDS;
	*word(r, cpu, RING_ROOM) = capacity(r);
	r->cpu[cpu].taken = 0;
}

static void write_stub32(struct ring *r, unsigned cpu)
{
	uint8_t *slot = r->cpu[cpu].slot;

	memcpy(slot, ring_stub32, (size_t)(ring_stub32_end - ring_stub32));
	for (const uint32_t *f = ring_stub32_fixups; f < ring_stub32_fixups_end; f++) {
		uint32_t address;

		memcpy(&address, slot + *f, sizeof address);
		address += (uint32_t)r->map.linear[cpu];
		memcpy(slot + *f, &address, sizeof address);
	}
}

void ring_slot_write(struct ring *r, unsigned cpu)
{
	struct ring_cpu *c = &r->cpu[cpu];

	memset(c->slot, 0, RING_RECORDS);
	if (r->is_long)
		memcpy(c->slot, ring_stub64, (size_t)(ring_stub64_end - ring_stub64));
	else
		write_stub32(r, cpu);
	/* 32-bit code writes the lower halves only. */
	if (!r->is_long)
		memset(records(r, cpu), 0, capacity(r) * RING_RECORD);
	for (size_t n = 0; n < capacity(r); n++)
		records(r, cpu)[n].cpu = cpu;
	make_room(r, cpu);
}

/* 32-bit kernels have no callers in compatibility mode. */
static bool is_wanted(const struct ring *r, unsigned cpu, uint32_t id)
{
	return ring_target(r, cpu, id) && (r->is_long || id != RING_SYSCALL_COMPAT);
}

/* What the processor has in place of the guest's own. */
static uint64_t stub_value(const struct ring *r, unsigned cpu, uint32_t id, bool open)
{
	const uint64_t entry = r->map.linear[cpu] +
	                       (open && id != RING_SYSENTER ? RING_OPEN_ENTRY(id) : (id - 1) * RING_ENTRY);

	/* In its upper half STAR holds selectors. */
	return !r->is_long && id == RING_SYSCALL ? (r->cpu[cpu].own[0] & ~(uint64_t)UINT32_MAX) | entry : entry;
}

/* By the caller's flags: whether the handler begins with interrupts on. */
static void write_tails(struct ring *r, unsigned cpu)
{
	for (uint32_t id = RING_SYSCALL; id <= RING_SYSCALL_COMPAT; id++)
		for (unsigned n = 0; n < 256; n++)
			*word(r, cpu, RING_TAILS(id) + n * sizeof(uint64_t)) =
				n << 8 & X86_RFLAGS_IF ? r->map.linear[cpu] + RING_STI_TAIL(id) : ring_target(r, cpu, id);
}

/* The processor clears IF in any case where SYSCALL leads to a stub. */
static int set_fmask(struct ring *r, unsigned cpu)
{
	const struct ring_cpu *c = &r->cpu[cpu];
	const bool hooked = c->hooked[RING_SYSCALL - 1] || c->hooked[RING_SYSCALL_COMPAT - 1];

	if (!r->is_long || c->fmask & X86_RFLAGS_IF)
		return 0;
	return vm_set_msr(c->vm, X86_MSR_FMASK, c->fmask | (hooked ? X86_RFLAGS_IF : 0));
}

int ring_hook(struct ring *r, unsigned cpu)
{
	struct ring_cpu *c = &r->cpu[cpu];
	const bool open = r->is_long && !(c->fmask & X86_RFLAGS_IF);
	int err = 0;

	for (uint32_t id = 1; id <= RING_ENTRIES && !err; id++) {
		const bool was_hooked = c->hooked[id - 1];

		c->hooked[id - 1] = is_wanted(r, cpu, id);
		*word(r, cpu, RING_TARGETS + (id - 1) * sizeof(uint64_t)) = ring_target(r, cpu, id);
		if (c->hooked[id - 1])
			err = vm_set_msr(c->vm, ring_msr_of(r, id), stub_value(r, cpu, id, open));
		else if (was_hooked)
			err = vm_set_msr(c->vm, ring_msr_of(r, id), c->own[id - 1]);
	}
	if (open)
		write_tails(r, cpu);
	return err ? err : set_fmask(r, cpu);
}

int ring_unhook(struct ring *r, unsigned cpu)
{
	struct ring_cpu *c = &r->cpu[cpu];
	int err = 0;

	for (uint32_t id = 1; id <= RING_ENTRIES; id++)
		if (c->hooked[id - 1]) {
			err |= vm_set_msr(c->vm, ring_msr_of(r, id), c->own[id - 1]);
			c->hooked[id - 1] = false;
		}
	return err | set_fmask(r, cpu);
}

bool ring_in_stub(const struct ring *r, unsigned cpu, const struct x86_state *s)
{
	const uint64_t linear = code_linear(s, s->rip);

	return !s->cpl && (linear - r->map.linear[cpu] < RING_DATA || ring_return_has(r, linear));
}

/* How many records there are, and how many there should be by the room that is left.  False: the guest wrote to it. */
static bool count_records(struct ring *r, unsigned cpu, size_t *count, size_t *by_room)
{
	const uint64_t used = *word(r, cpu, RING_HEAD) - (r->map.linear[cpu] + RING_RECORDS);
	const uint64_t room = *word(r, cpu, RING_ROOM);

	*by_room = room <= capacity(r) ? capacity(r) - (size_t)room : 0;
	*count = used <= capacity(r) * RING_RECORD ? (size_t)(used / RING_RECORD) : *by_room;
	return room <= capacity(r) && used <= capacity(r) * RING_RECORD && used % RING_RECORD == 0 &&
	       *count >= r->cpu[cpu].taken;
}

static void hand_on(struct ring *r, const struct x86_state *now, const struct ring_record *first, size_t count)
{
	const struct ring_batch batch = { .record = first, .count = count, .seq = r->seq + 1, .now = now };
	size_t returns = 0;

	if (!count)
		return;
	for (size_t n = 0; n < count; n++)
		returns += ring_is_return(first[n].id);
	r->seq += count;
	r->account->calls += count - returns;
	r->account->recorded += count - returns;
	r->account->returns += returns;
	r->w->records(r->w->context, &batch);
}

/* Those from the first on that was not taken yet. */
static void take(struct ring *r, unsigned cpu, size_t count)
{
	struct ring_record *record = records(r, cpu);
	size_t first = r->cpu[cpu].taken;
	struct x86_state now;

	if (first >= count || ring_state(r, cpu, &now, VM_ALL))
		return;
	for (size_t n = first; n < count; n++) {
		const uint32_t id = record[n].id;

		/* One that nobody has written. */
		if (!id || (id > RING_ENTRIES && !ring_return_is(r, id, record[n].target))) {
			hand_on(r, &now, record + first, n - first);
			first = n + 1;
			r->account->lost++;
			continue;
		}
		record[n].cpu = cpu;
		if (id <= RING_ENTRIES)
			record[n].target = ring_target(r, cpu, id);
	}
	hand_on(r, &now, record + first, count - first);
	for (size_t n = r->cpu[cpu].taken; n < count; n++)
		record[n].id = 0;
	r->cpu[cpu].taken = count;
}

void ring_drain(struct ring *r, unsigned cpu)
{
	size_t count, by_room;

	if (count_records(r, cpu, &count, &by_room))
		take(r, cpu, count);
	else
		ring_empty(r, cpu, false);
}

void ring_empty(struct ring *r, unsigned cpu, bool exactly)
{
	size_t count, by_room;

	count_records(r, cpu, &count, &by_room);
	if (by_room > count)
		r->account->lost += by_room - count;
	else if (count - by_room > !exactly)            /* the head moves before the room shrinks */
		r->account->lost += count - by_room;
	take(r, cpu, count);
	make_room(r, cpu);
}

void ring_record_here(struct ring *r, unsigned cpu, uint32_t id, const struct x86_state *s)
{
	struct ring_record *record = records(r, cpu);

	ring_empty(r, cpu, true);
	*record = (struct ring_record){
		.id = id, .rax = s->gpr[GPR_RAX], .rcx = s->gpr[GPR_RCX], .rdx = s->gpr[GPR_RDX], .rbx = s->gpr[GPR_RBX],
		.rbp = s->gpr[GPR_RBP], .rsi = s->gpr[GPR_RSI], .rdi = s->gpr[GPR_RDI], .rsp = s->gpr[GPR_RSP],
		.r8 = s->gpr[GPR_R8], .r9 = s->gpr[GPR_R9], .r10 = s->gpr[GPR_R10], .r11 = s->gpr[GPR_R11], .cr3 = s->cr3,
	};
	vm_get_msr(r->cpu[cpu].vm, MSR_TSC, &record->timestamp);
	*word(r, cpu, RING_HEAD) += RING_RECORD;
	*word(r, cpu, RING_ROOM) -= 1;
	ring_drain(r, cpu);
}
