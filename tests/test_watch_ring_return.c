/*
 * Returns recorded: what stands in the kernel's code and in the slot then, what
 * the moved code still refers to, and what a guest makes of it that writes to either.
 */
#include "fake_vm.h"
#include "watch/patches.h"
#include "watch/ring_run.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define SLOT    UINT64_C(0x40000000)
#define HANDLER UINT64_C(0x8000)
#define SITE    (HANDLER + 3)

static struct x86_state state, second;
static struct ring_account account;
static struct ring ring;
static struct vm *const other = (struct vm *)&second;
static struct ring_record seen[16];
static size_t seen_count;

int vm_get_state(struct vm *vm, struct x86_state *s, unsigned parts)
{
	(void)parts;
	*s = vm == other ? second : state;
	return 0;
}

int vm_set_msr(struct vm *vm, uint32_t index, uint64_t value)
{
	(void)vm, (void)index, (void)value;
	return 0;
}

int vm_get_msr(struct vm *vm, uint32_t index, uint64_t *value)
{
	(void)vm, (void)index;
	*value = 0;
	return 0;
}

static void records(void *context, const struct ring_batch *batch)
{
	(void)context;
	cr_assert(seen_count + batch->count <= sizeof seen / sizeof *seen);
	memcpy(seen + seen_count, batch->record, batch->count * sizeof *seen);
	seen_count += batch->count;
}

/* cmp rax, r8; mov rsp, [rip+100h]; sysretq */
static const uint8_t code[] = { 0x4c, 0x39, 0xc0, 0x48, 0x8b, 0x25, 0, 1, 0, 0, 0x48, 0x0f, 0x07 };

static struct guest_view view;
static struct watch watch = { .records = records, .view = &view, .returns = true };

static void set_up(void)
{
	memset(fake_memory, 0, sizeof fake_memory);
	memcpy(fake_memory + HANDLER, code, sizeof code);
	state = (struct x86_state){ .cr0 = X86_CR0_PE, .efer = X86_EFER_LMA, .cs = { .l = true }, .rip = HANDLER };
	second = (struct x86_state){ .cs.selector = 0 };
	account = (struct ring_account){ 0 };
	seen_count = 0;
	watch.returns = true;
	view = (struct guest_view){ .patches = &ring.stops.patches };
	ring = (struct ring){ .w = &watch, .account = &account, .cpus = 1, .is_long = true };
	ring.map.pages = RING_PAGES_FEW;
	ring.map.linear[0] = SLOT;
	ring.map.linear[1] = SLOT + RING_SLOT_SIZE;
	ring.cpu[0].slot = calloc(1, RING_SLOT_SIZE);
	ring_slot_write(&ring, 0);
}

static void tear_down(void)
{
	free(ring.cpu[0].slot);
	ring_return_end(&ring);
}

TestSuite(ring_return, .init = set_up, .fini = tear_down);

static void look(uint64_t handler)
{
	ring_return_read(&ring, &state, handler);
	ring_return_change(&ring, &state);
}

static uint64_t leads_to(const uint8_t *jump, uint64_t at)
{
	int32_t distance;

	cr_assert_eq(jump[0], 0xe9);
	memcpy(&distance, jump + 1, 4);
	return at + 5 + (uint64_t)(int64_t)distance;
}

static uint64_t word(size_t offset)
{
	uint64_t value;

	memcpy(&value, ring.cpu[0].slot + offset, 8);
	return value;
}

Test(ring_return, the_jump_and_what_it_leads_to)
{
	const uint64_t stub = SLOT + RING_RETURN(0) + RING_RETURN_BODY - 8, tail = SLOT + RING_RETURN(0) + RING_RETURN_TAIL;
	uint8_t bytes[sizeof code];
	int32_t distance;

	look(HANDLER);
	cr_assert_eq(account.returns_changed, 1);
	cr_assert_eq(account.returns_left, 0);
	cr_expect_eq(leads_to(fake_memory + SITE, SITE), stub);
	cr_expect(!memcmp(fake_memory + HANDLER, code, 3) && !memcmp(fake_memory + SITE + 5, code + 8, 5), "and no byte more");
	cr_expect(!memcmp(ring.cpu[0].slot + (stub - SLOT), "\xfa\x48\x8b\x25", 4));
	memcpy(&distance, ring.cpu[0].slot + (stub - SLOT) + 4, 4);
	cr_expect_eq(stub + 8 + (uint64_t)(int64_t)distance, SITE + 7 + 0x100, "it refers to what it did");
	cr_expect_eq(leads_to(ring.cpu[0].slot + (tail - SLOT), tail), SITE + 7);
	cr_expect_eq(word(RING_SITE(0)), SITE + 7);
	cr_expect_eq(word(RING_SITE(0) + 8), RING_SYSRET);
	cr_expect_eq(ring_return_begins(&ring, stub), SITE);
	cr_expect_eq(ring_return_begins(&ring, stub + 1), 0);
	cr_expect_eq(ring_return_origin(&ring, stub), SITE);
	cr_expect_eq(ring_return_origin(&ring, stub + 1), SITE);
	cr_expect_eq(ring_return_origin(&ring, stub + 8), SITE + 7);
	cr_expect_eq(ring_return_origin(&ring, tail), SITE + 7);
	cr_expect_eq(ring_return_origin(&ring, stub - 1), stub - 1);
	cr_expect_eq(ring_return_origin(&ring, SLOT + RING_RETURN(1)), SLOT + RING_RETURN(1));
	cr_expect(ring_return_has(&ring, stub) && ring_return_has(&ring, tail) && !ring_return_has(&ring, SLOT));
	view_read(&view, &state, HANDLER, bytes, sizeof bytes);
	cr_expect(!memcmp(bytes, code, sizeof code), "the tracer reads the guest's own");
	look(HANDLER);
	look(HANDLER + 1);
	cr_expect_eq(account.returns_changed, 1, "once");
	ring_return_clear(&ring);
	cr_expect(!memcmp(fake_memory + HANDLER, code, sizeof code));
	ring_return_restore(&ring);
	cr_expect_eq(leads_to(fake_memory + SITE, SITE), stub);
}

/* SWAPGS and SYSRETQ: the return goes along. */
Test(ring_return, covered)
{
	memcpy(fake_memory + HANDLER, "\x0f\x01\xf8\x48\x0f\x07", 6);
	look(HANDLER);
	cr_expect_eq(leads_to(fake_memory + HANDLER, HANDLER), SLOT + RING_RETURN(0) + RING_RETURN_BODY - 4);
	cr_expect(!memcmp(ring.cpu[0].slot + RING_RETURN(0) + RING_RETURN_TAIL, "\x48\x0f\x07\xcc\xcc", 5));
}

Test(ring_return, not_unasked_and_not_twice_at_one_place)
{
	watch.returns = false;
	look(HANDLER);
	cr_expect(!memcmp(fake_memory + HANDLER, code, sizeof code));
	watch.returns = true;
	memcpy(fake_memory + HANDLER, "\x48\x0f\x07", 3);
	look(HANDLER);
	cr_expect_eq(account.returns_left, 1, "no room");
	/* The same one from another handler. */
	fake_memory[HANDLER - 1] = 0x90;
	look(HANDLER - 1);
	cr_expect_eq(account.returns_left, 1);
	cr_expect_eq(account.returns_changed, 0);
}

Test(ring_return, too_far_for_a_jump)
{
	ring.map.linear[0] = SLOT << 8;
	look(HANDLER);
	cr_expect_eq(account.returns_left, 1);
	cr_expect(!memcmp(fake_memory + HANDLER, code, sizeof code));
}

Test(ring_return, a_vcpu_that_stands_in_the_midst)
{
	second = state;
	second.rip = SITE + 3;
	ring.cpus = 2;
	ring.cpu[1].vm = other;
	look(HANDLER);
	cr_expect_eq(account.returns_left, 1);
	cr_expect(!memcmp(fake_memory + HANDLER, code, sizeof code));
}

Test(ring_return, across_two_pages)
{
	memcpy(fake_memory + 0x9000 - 6, code, sizeof code);
	look(0x9000 - 6);
	cr_expect_eq(account.returns_left, 1);
	cr_expect(!memcmp(fake_memory + 0x9000 - 6, code, sizeof code));
}

/* It changes its code: what it wrote stays, and what was ours goes. */
Test(ring_return, the_guest_writes_over_it)
{
	uint8_t expected[sizeof code];

	look(HANDLER);
	fake_memory[SITE + 4] = 0x90;
	memcpy(expected, code, sizeof code);
	expected[3 + 4] = 0x90;
	ring_return_check(&ring);
	cr_expect(!memcmp(fake_memory + HANDLER, expected, sizeof code));
	cr_expect_eq(account.returns_changed, 0);
	cr_expect_eq(account.returns_left, 1);
	patches_lower(&ring.stops.patches);
	cr_expect(!memcmp(fake_memory + HANDLER, expected, sizeof code));
	patches_lower(&ring.stops.patches);
	cr_expect(!memcmp(fake_memory + HANDLER, expected, sizeof code));
	ring_return_clear(&ring);
	ring_return_restore(&ring);
	cr_expect(!memcmp(fake_memory + HANDLER, expected, sizeof code), "given up for good");
}

/* Behind the jump, too, as the stub has a copy of that. */
Test(ring_return, the_guest_writes_over_what_was_moved)
{
	look(HANDLER);
	fake_memory[SITE + 6] = 2;
	ring_return_check(&ring);
	cr_expect(!memcmp(fake_memory + SITE, "\x48\x8b\x25\x00\x01\x00\x02", 7));
	cr_expect_eq(account.returns_changed, 0);
}

/* Found again through another mapping of the same page: a jump would be right for one of them. */
Test(ring_return, at_two_linear_addresses)
{
	state.cr0 |= X86_CR0_PG;
	state.cr4 = X86_CR4_PAE;
	state.cr3 = 0x1000;
	fake_write(0x1000, 0x2003, 8);
	fake_write(0x2000, 0x3003, 8);
	fake_write(0x3000, 0x83, 8);
	fake_write(0x3008, 0x83, 8);            /* 2 MiB further on, the same memory */
	look(HANDLER);
	cr_assert_eq(account.returns_changed, 1);
	look(HANDLER + 0x200000);
	cr_expect_eq(account.returns_changed, 0);
	cr_expect_eq(account.returns_left, 2);
	cr_expect(!memcmp(fake_memory + HANDLER, code, sizeof code));
}

/* A handler that is named later leads into the midst of one that was changed. */
Test(ring_return, taken_back)
{
	look(HANDLER);
	cr_assert_eq(account.returns_changed, 1);
	memcpy(fake_memory + HANDLER + 0x40, "\x75\xc3", 2);    /* JNE to SITE + 2 */
	look(HANDLER + 0x40);
	cr_expect_eq(account.returns_changed, 0);
	cr_expect_eq(account.returns_left, 1, "it is one");
	cr_expect(!memcmp(fake_memory + HANDLER, code, sizeof code));
}

Test(ring_return, the_guest_writes_over_it_and_all_is_dropped)
{
	look(HANDLER);
	memset(fake_memory + SITE, 0x90, 5);
	ring_return_clear(&ring);
	ring_return_restore(&ring);
	for (unsigned n = 0; n < 5; n++)
		cr_expect_eq(fake_memory[SITE + n], 0x90);
}

/* Elsewhere, after the slots have moved. */
Test(ring_return, written_anew)
{
	look(HANDLER);
	ring_return_clear(&ring);
	ring.map.linear[0] = SLOT + 0x1000000;
	ring_slot_write(&ring, 0);
	ring_return_write(&ring);
	ring_return_turn(&ring, 1);
	cr_expect_eq(leads_to(fake_memory + SITE, SITE), SLOT + 0x1000000 + RING_RETURN(0) + RING_RETURN_BODY - 8);
	cr_expect_eq(word(RING_SITE(0)), SITE + 7);
	cr_expect_eq(word(RING_NOW), SLOT + RING_SLOT_SIZE);
}

/* More than there are stubs for, and side by side. */
Test(ring_return, so_many_and_no_more)
{
	for (unsigned n = 0; n < 2 * RING_RETURNS; n++) {
		memcpy(fake_memory + HANDLER + n * 16, "\x74\x0e", 2);                   /* JE to the next */
		memcpy(fake_memory + HANDLER + n * 16 + 2, "\x0f\x01\xf8\x48\x0f\x07", 6);
	}
	fake_memory[HANDLER + 2 * RING_RETURNS * 16] = 0xcf;
	look(HANDLER);
	cr_expect_eq(account.returns_changed, RING_RETURNS);
	cr_expect_eq(account.returns_left, RING_RETURNS);
	cr_expect_eq(ring.returns.count, RING_RETURNS);
	for (unsigned n = 0; n < 2 * RING_HANDLERS; n++)
		look(HANDLER + 0x1000 + n);
	cr_expect_eq(ring.returns.handlers, RING_HANDLERS);
}

/* An NMI can come in the midst of a stub, and another vCPU have its turn meanwhile. */
Test(ring_return, each_vcpu_finds_its_own_register)
{
	const uint64_t mine = 0x1111, other_s = 0x2222;

	ring_return_turn(&ring, 0);
	memcpy(ring.cpu[0].slot + RING_RETURN_SAVED, &mine, 8);
	ring_return_turn(&ring, 1);
	memcpy(ring.cpu[0].slot + RING_RETURN_SAVED, &other_s, 8);
	ring_return_turn(&ring, 0);
	cr_expect_eq(word(RING_RETURN_SAVED), mine);
	ring_return_turn(&ring, 1);
	cr_expect_eq(word(RING_RETURN_SAVED), other_s);
}

static void record(uint32_t id, uint64_t target)
{
	const uint64_t head = word(RING_HEAD), next = head + RING_RECORD, room = word(RING_ROOM) - 1;
	struct ring_record r = { .id = id, .target = target };

	memcpy(ring.cpu[0].slot + (head - SLOT), &r, sizeof r);
	memcpy(ring.cpu[0].slot + RING_HEAD, &next, 8);
	memcpy(ring.cpu[0].slot + RING_ROOM, &room, 8);
}

/* The guest can write records, too. */
Test(ring_return, only_known_returns_are_believed)
{
	look(HANDLER);
	record(RING_SYSRET, SITE + 7);
	record(RING_SYSRET, SITE);
	record(RING_SYSRET_COMPAT, SITE + 7);
	record(RING_IDS + 1, SITE + 7);
	record(RING_SYSCALL, 0x1234);
	ring_drain(&ring, 0);
	cr_expect_eq(seen_count, 2);
	cr_expect_eq(account.lost, 3);
	cr_expect_eq(account.returns, 1);
	cr_expect_eq(account.calls, 1);
	cr_expect_eq(seen[0].target, SITE + 7);
	cr_expect_eq(seen[1].target, 0);
}
