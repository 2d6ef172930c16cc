/*
 * What the programs of both sweeps share: every service number from 0 to 1FFFh
 * is called, and what came of it is printed as ranges.  A service is a hook
 * there that returns table << 16 | slot, so a range is "numbers A to B: table T,
 * slots from S", or one refusal for all.
 *
 * The program has declared put(), PUT(), put_hex() and put_flush(), which write
 * text, and the type system_call: a function that makes the system call of any
 * number, with zeros as arguments, and returns EAX.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#define SWEEP_TABLE1  0x1000            /* the first number of win32k's table */
#define SWEEP_NUMBERS 0x2000

struct sweep_range { uint32_t first, last, result; };

static void sweep_put_hex4(uint32_t value)
{
	for (uint32_t digit = 0x1000; digit > value && digit > 1; digit >>= 4)
		PUT("0");
	put_hex(value);
}

/* "sysenter 0000-0193 table 0 slot 0000" or "sysenter 0194-0fff status c000001c" */
static void sweep_show(const char *gate, uint32_t gate_size, const struct sweep_range *r)
{
	put(gate, gate_size);
	sweep_put_hex4(r->first);
	PUT("-");
	sweep_put_hex4(r->last);
	if (r->result >> 31) {
		PUT(" status ");
		put_hex(r->result);
	} else {
		PUT(" table ");
		put_hex(r->result >> 16);
		PUT(" slot ");
		sweep_put_hex4(r->result & 0xffff);
	}
	PUT("\n");
	put_flush();
}

/* Whether a number's result goes on where the range stands. */
static bool sweep_continues(const struct sweep_range *r, uint32_t result)
{
	return result >> 31 ? result == r->result : result == r->result + (r->last - r->first) + 1;
}

static void sweep_numbers(system_call *call, const char *gate, uint32_t gate_size, uint32_t first,
			  uint32_t end)
{
	struct sweep_range r = { first, first, call(first) };

	for (uint32_t number = first + 1; number < end; number++) {
		uint32_t result = call(number);

		if (!sweep_continues(&r, result)) {
			sweep_show(gate, gate_size, &r);
			r.first = number;
			r.result = result;
		}
		r.last = number;
	}
	sweep_show(gate, gate_size, &r);
}

/* Table 0's numbers are shown before table 1 is touched: what the kernel says to that stands between. */
static void sweep(system_call *call, const char *gate, uint32_t gate_size)
{
	sweep_numbers(call, gate, gate_size, 0, SWEEP_TABLE1);
	sweep_numbers(call, gate, gate_size, SWEEP_TABLE1, SWEEP_NUMBERS);
}
#define SWEEP_BY(call, gate) sweep(call, gate, sizeof(gate) - 1)

#endif
