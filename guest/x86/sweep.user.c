/*
 * The program of guest32-sweep.elf: gives the dispatcher every service number
 * from 0 to 1FFFh, by SYSENTER and by INT 2Eh, and prints what came of it as
 * ranges.  There each service is a hook that returns table << 16 | slot, so a
 * range is "numbers A to B: table T, slots from S", or one refusal for all.
 */
#include "layout.h"
#include "ntdll.h"

#define NUMBERS 0x2000

void SweepStart(void) STUB("app.Start");

extern const char KiFastSystemCall[];

struct range { uint32_t first, last, result; };

static void put_hex4(uint32_t value)
{
	for (uint32_t digit = 0x1000; digit > value && digit > 1; digit >>= 4)
		PUT("0");
	put_hex(value);
}

/* "sysenter 0000-0193 table 0 slot 0000" or "sysenter 0194-0fff status c000001c" */
static void show(const char *gate, uint32_t gate_size, const struct range *r)
{
	put(gate, gate_size);
	put_hex4(r->first);
	PUT("-");
	put_hex4(r->last);
	if (r->result >> 31) {
		PUT(" status ");
		put_hex(r->result);
	} else {
		PUT(" table ");
		put_hex(r->result >> 16);
		PUT(" slot ");
		put_hex4(r->result & 0xffff);
	}
	PUT("\n");
	put_flush();
}

/* Whether a number's result goes on where the range stands. */
static bool continues(const struct range *r, uint32_t result)
{
	return result >> 31 ? result == r->result : result == r->result + (r->last - r->first) + 1;
}

static FASTCALL ntstatus int2e(uint32_t number)
{
	static const uint32_t zeros[11];

	return Int2e(number, (uint32_t)zeros);
}

static void sweep(FASTCALL ntstatus (*call)(uint32_t), const char *gate, uint32_t gate_size)
{
	struct range r = { .result = call(0) };

	for (uint32_t number = 1; number < NUMBERS; number++) {
		uint32_t result = call(number);

		if (!continues(&r, result)) {
			show(gate, gate_size, &r);
			r.first = number;
			r.result = result;
		}
		r.last = number;
	}
	show(gate, gate_size, &r);
}

void SweepStart(void)
{
	volatile uint32_t *system_call = (volatile uint32_t *)(NT_SHARED_USER + KUSER32_SYSTEM_CALL);

	if (*system_call == (uint32_t)KiFastSystemCall)
		sweep(Sysenter, "sysenter ", 9);
	sweep(int2e, "int2e ", 6);
	NtTerminateProcess(CURRENT_PROCESS, STATUS_SUCCESS);
}
