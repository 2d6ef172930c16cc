/*
 * Draining a ring: what is handed on, in what order, and what a guest that
 * writes to its slot can make of it.  And which MSRs lead where.
 */
#include "fake_vm.h"
#include "watch/patches.h"
#include "watch/ring_run.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define LINEAR  UINT64_C(0xffffff8000000000)
#define LSTAR   UINT64_C(0xffffffff81001000)
#define CSTAR   UINT64_C(0xffffffff81002000)

static struct x86_state state;
static uint64_t lstar, cstar, star, sysenter_eip, fmask;

int vm_get_state(struct vm *vm, struct x86_state *s, unsigned parts)
{
	(void)vm, (void)parts;
	*s = state;
	return 0;
}

static uint64_t *msr(uint32_t index)
{
	static uint64_t other;

	switch (index) {
	case X86_MSR_LSTAR: return &lstar;
	case X86_MSR_CSTAR: return &cstar;
	case X86_MSR_STAR: return &star;
	case X86_MSR_SYSENTER_EIP: return &sysenter_eip;
	case X86_MSR_FMASK: return &fmask;
	default: return &other;
	}
}

int vm_set_msr(struct vm *vm, uint32_t index, uint64_t value)
{
	(void)vm;
	*msr(index) = value;
	return 0;
}

int vm_get_msr(struct vm *vm, uint32_t index, uint64_t *value)
{
	(void)vm;
	*value = *msr(index);
	return 0;
}

static struct ring_record seen[3 * 8192];
static size_t seen_count;
static uint64_t next_seq;

static void records(void *context, const struct ring_batch *batch)
{
	(void)context;
	cr_assert_eq(batch->seq, next_seq);
	cr_assert(seen_count + batch->count <= sizeof seen / sizeof *seen);
	memcpy(seen + seen_count, batch->record, batch->count * sizeof *seen);
	seen_count += batch->count;
	next_seq += batch->count;
}

static struct ring_account account;
static struct ring ring;
static const struct watch watch = { .records = records };

static void begin(bool is_long)
{
	state = (struct x86_state){ .efer = is_long ? X86_EFER_LMA : 0, .cr0 = X86_CR0_PE, .cs.l = is_long };
	account = (struct ring_account){ 0 };
	seen_count = 0;
	next_seq = 8;
	ring = (struct ring){ .w = &watch, .account = &account, .cpus = 1, .is_long = is_long, .seq = 7 };
	ring.map.pages = RING_PAGES_FULL;
	ring.map.linear[0] = is_long ? LINEAR : 0xffc00000;
	ring.cpu[0].slot = calloc(1, RING_SLOT_SIZE);
	ring.cpu[0].own[0] = is_long ? LSTAR : 0x0010000880100000;
	ring.cpu[0].own[1] = CSTAR;
	ring.cpu[0].fmask = X86_RFLAGS_IF;
	ring_slot_write(&ring, 0);
	cr_assert_eq(ring_hook(&ring, 0), 0);
}

static void end(void)
{
	free(ring.cpu[0].slot);
}

static uint64_t *word(size_t offset)
{
	return (uint64_t *)(ring.cpu[0].slot + offset);
}

/* What the stub does. */
static void call(uint32_t id, uint64_t rax)
{
	struct ring_record *r = (struct ring_record *)(ring.cpu[0].slot + (*word(RING_HEAD) - ring.map.linear[0]));

	r->id = id;
	r->rax = rax;
	r->timestamp = 1;
	*word(RING_HEAD) += RING_RECORD;
	*word(RING_ROOM) -= 1;
}

Test(ring_slot, the_processor_has_the_stub_and_the_guest_its_own)
{
	struct x86_state s;

	begin(true);
	cr_assert_eq(lstar, LINEAR);
	cr_assert_eq(cstar, LINEAR + RING_ENTRY);
	cr_assert_eq(*word(RING_TARGETS), LSTAR);
	cr_assert_eq(ring_state(&ring, 0, &s, VM_ALL), 0);
	cr_assert_eq(s.msr.lstar, LSTAR);
	cr_assert_eq(s.msr.cstar, CSTAR);
	cr_assert(!ring.cpu[0].hooked[RING_SYSENTER - 1], "a register that leads nowhere stays as it is");
	ring_unhook(&ring, 0);
	cr_assert_eq(lstar, LSTAR);
	cr_assert_eq(cstar, CSTAR);
	end();
}

Test(ring_slot, interrupts_left_on_wait_for_the_handler)
{
	struct x86_state s;

	begin(true);
	ring.cpu[0].fmask = X86_RFLAGS_TF;
	ring_hook(&ring, 0);
	cr_assert_eq(lstar, LINEAR + RING_OPEN_ENTRY(RING_SYSCALL));
	cr_assert_eq(cstar, LINEAR + RING_OPEN_ENTRY(RING_SYSCALL_COMPAT));
	cr_assert_eq(fmask, X86_RFLAGS_TF | X86_RFLAGS_IF);
	ring_state(&ring, 0, &s, VM_ALL);
	cr_assert_eq(s.msr.fmask, X86_RFLAGS_TF);
	for (unsigned flags = 0; flags < 1 << 16; flags += 1 << 8)
		cr_assert_eq(*word(RING_TAILS(RING_SYSCALL_COMPAT) + (flags >> 8) * 8),
		             flags & X86_RFLAGS_IF ? LINEAR + RING_STI_TAIL(RING_SYSCALL_COMPAT) : CSTAR);
	ring_unhook(&ring, 0);
	cr_assert_eq(fmask, X86_RFLAGS_TF);
	end();
}

Test(ring_slot, star_of_a_32_bit_kernel_keeps_its_selectors)
{
	begin(false);
	cr_assert_eq(star, 0x00100008ffc00000);
	cr_assert_eq(*word(RING_TARGETS), 0x80100000);
	cr_assert_eq(ring_own(&ring, 0, X86_MSR_LSTAR), NULL);
	end();
}

Test(ring_slot, addresses_of_the_32_bit_stub)
{
	begin(false);
	for (const uint32_t *f = ring_stub32_fixups; f < ring_stub32_fixups_end; f++) {
		uint32_t address, was;

		memcpy(&address, ring.cpu[0].slot + *f, 4);
		memcpy(&was, ring_stub32 + *f, 4);
		cr_assert(was >= RING_DATA && was < RING_RECORDS, "%x", was);
		cr_assert_eq(address - was, 0xffc00000);
	}
	cr_assert(ring_stub32_fixups_end - ring_stub32_fixups >= 16);
	end();
}

Test(ring_slot, records_in_their_order)
{
	begin(true);
	for (unsigned n = 0; n < 100; n++)
		call(n % 3 ? RING_SYSCALL : RING_SYSCALL_COMPAT, n);
	ring_drain(&ring, 0);
	cr_assert_eq(seen_count, 100);
	for (unsigned n = 0; n < 100; n++) {
		cr_assert_eq(seen[n].rax, n);
		cr_assert_eq(seen[n].target, n % 3 ? LSTAR : CSTAR);
	}
	cr_assert_eq(account.recorded, 100);
	cr_assert_eq(account.lost, 0);
	cr_assert_eq(ring.seq, 107);
	cr_assert_eq(*word(RING_ROOM), 8192 - 100, "nothing that a stub under way relies on");
	ring_drain(&ring, 0);
	cr_assert_eq(seen_count, 100, "once");
	call(RING_SYSCALL, 100);
	ring_empty(&ring, 0, true);
	cr_assert_eq(seen_count, 101);
	cr_assert_eq(seen[100].rax, 100);
	cr_assert_eq(*word(RING_ROOM), 8192);
	cr_assert_eq(*word(RING_HEAD), LINEAR + RING_RECORDS);
	ring_empty(&ring, 0, true);
	cr_assert_eq(seen_count, 101);
	cr_assert_eq(account.lost, 0);
	end();
}

Test(ring_slot, full_and_full_again)
{
	begin(true);
	for (unsigned n = 0; n < 2 * 8192; n++) {
		call(RING_SYSCALL, n);
		if (n % 1000 == 0)
			ring_drain(&ring, 0);
		if (!*word(RING_ROOM))
			ring_empty(&ring, 0, true);
	}
	cr_assert_eq(seen_count, 2 * 8192);
	for (unsigned n = 0; n < seen_count; n++)
		cr_assert_eq(seen[n].rax, n);
	cr_assert_eq(account.lost, 0);
	end();
}

Test(ring_slot, a_call_without_a_record_is_counted)
{
	begin(true);
	call(RING_SYSCALL, 0);
	*word(RING_ROOM) -= 1;
	call(RING_SYSCALL, 1);
	ring_empty(&ring, 0, false);
	cr_assert_eq(seen_count, 2);
	cr_assert_eq(account.lost, 1);
	/* A record that is passed over, unwritten, though there was one before in its place. */
	call(RING_SYSCALL, 2);
	*word(RING_HEAD) += RING_RECORD;
	*word(RING_ROOM) -= 1;
	call(RING_SYSCALL, 3);
	ring_empty(&ring, 0, true);
	cr_assert_eq(seen_count, 4);
	cr_assert_eq(seen[3].rax, 3);
	cr_assert_eq(account.lost, 2);
	/* An entry under way has moved the head alone. */
	call(RING_SYSCALL, 4);
	*word(RING_ROOM) += 1;
	ring_empty(&ring, 0, false);
	cr_assert_eq(account.lost, 2);
	call(RING_SYSCALL, 5);
	*word(RING_ROOM) += 1;
	ring_empty(&ring, 0, true);
	cr_assert_eq(account.lost, 3);
	cr_assert_eq(seen_count, 6);
	end();
}

Test(ring_slot, hostile_contents)
{
	static const uint64_t heads[] = { 0, 1, UINT64_MAX, LINEAR, LINEAR + RING_RECORDS - 1, LINEAR + RING_SLOT_SIZE + 128,
		LINEAR + RING_RECORDS + 129 };

	begin(true);
	for (size_t h = 0; h < sizeof heads / sizeof *heads; h++) {
		*word(RING_HEAD) = heads[h];
		*word(RING_ROOM) = h % 2 ? UINT64_MAX : 0;
		ring_drain(&ring, 0);
		cr_assert_eq(*word(RING_HEAD), LINEAR + RING_RECORDS);
		cr_assert_eq(*word(RING_ROOM), 8192);
	}
	seen_count = 0;
	for (uint32_t id = 0; id < 5; id++)
		call(id == 4 ? UINT32_MAX : id, id);
	((struct ring_record *)(ring.cpu[0].slot + RING_RECORDS))[1].cpu = 99;
	((struct ring_record *)(ring.cpu[0].slot + RING_RECORDS))[1].target = 99;
	account.lost = 0;
	ring_drain(&ring, 0);
	cr_assert_eq(seen_count, 3);
	cr_assert_eq(account.lost, 2);
	cr_assert_eq(seen[0].cpu, 0);
	cr_assert_eq(seen[0].target, LSTAR);
	end();
}
