/*
 * Copies of stops: a guest that runs freely moves its code with a stop in it,
 * and what it runs there is its own again.
 */
#include "fake_vm.h"
#include "watch/stops.h"

#include <criterion/criterion.h>

#define IDT     0x1000
#define HANDLER 0x3000
#define COPY    0x5000
#define MOVED   64                      /* bytes */

static struct guest_view view;
static struct stops stops;
static struct x86_state state;

/* One exception, number 6, whose handler is no two bytes alike.  No paging: linear is physical. */
static void set_up(void)
{
	memset(fake_memory, 0, sizeof fake_memory);
	fake_write(IDT + 6 * 16, HANDLER | 0x10 << 16 | UINT64_C(0x8e) << 40, 8);
	for (unsigned n = 0; n < MOVED; n++)
		fake_memory[HANDLER + n] = (uint8_t)(n + 0x40);
	state = (struct x86_state){
		.cr0 = X86_CR0_PE, .efer = X86_EFER_LMA, .idtr = { IDT, 0xfff }, .cs = { .l = true }, .rip = 0x8000,
	};
	stops_init(&stops, &view);
	stops_refresh(&stops, &state);
}

TestSuite(stops_past, .init = set_up);

static void move(void)
{
	memcpy(fake_memory + COPY, fake_memory + HANDLER, MOVED);
	cr_assert_eq(fake_memory[COPY], stop_bytes[0], "the guest copies what stands there");
}

static void cr_own_bytes(uint64_t gpa)
{
	for (unsigned n = 0; n < MOVED; n++)
		cr_assert_eq(fake_memory[gpa + n], n + 0x40, "byte %u", n);
}

Test(stops_past, a_copy_is_a_hit_and_then_the_guests_own)
{
	struct stop_hit hit;

	move();
	hit = stops_hit(&stops, &state, COPY);
	cr_assert(hit.ours && hit.fault);
	cr_assert_eq(hit.vectors, 1u << 6);
	cr_assert_eq(hit.target, COPY);
	cr_own_bytes(COPY);
	cr_assert(stops.stale, "built again: the guest may have moved all of itself");
}

Test(stops_past, the_stop_may_be_gone_by_then)
{
	move();
	fake_write(IDT + 6 * 16, 0, 8);
	stops.stale = true;
	stops_refresh(&stops, &state);
	cr_own_bytes(HANDLER);
	cr_assert(stops_hit(&stops, &state, COPY).ours);
	cr_own_bytes(COPY);
}

Test(stops_past, a_new_stop_over_a_copy_has_the_guests_bytes_behind_it)
{
	move();
	fake_write(IDT + 6 * 16, COPY | 0x10 << 16 | UINT64_C(0x8e) << 40, 8);
	stops.stale = true;
	stops_refresh(&stops, &state);
	cr_assert_eq(fake_memory[COPY], stop_bytes[0]);
	stops_clear(&stops);
	cr_own_bytes(COPY);
}

Test(stops_past, narrow_ones_too)
{
	struct patch *p = stops_add(&stops, &state, HANDLER + 16, true);

	cr_assert_not_null(p);
	p->site = true;
	move();
	cr_assert_eq(fake_memory[COPY + 16], stop_narrow[0]);
	cr_assert_not_null(stops_heal(&stops, &state, COPY + 16, true));
	cr_assert_eq(fake_memory[COPY + 16], 0x50);
}

/* The same two bytes, with others behind them, are an OUT of the guest's. */
Test(stops_past, an_out_of_the_guests_own)
{
	memcpy(fake_memory + COPY, stop_bytes, STOP_SIZE);
	cr_assert_not(stops_hit(&stops, &state, COPY).ours);
	cr_assert_null(stops_heal(&stops, &state, COPY, false));
	cr_assert_eq(fake_memory[COPY], stop_bytes[0]);
}

Test(stops_past, where_no_memory_is)
{
	cr_assert_null(stops_heal(&stops, &state, FAKE_MEMORY - 1, false));
	cr_assert_null(stops_heal(&stops, &state, UINT64_C(0xfffffffffffffff0), true));
}
