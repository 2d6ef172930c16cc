/*
 * The debug port and the exit port, for both kernels.  Every instruction of this guest is
 * single-stepped, so text goes out by REP OUTSB and numbers are converted a
 * byte at a time from a table.
 */
#include "abi.h"
#include "kernel.h"

void DbgText(const char *text, size_t size)
{
	__asm__ volatile("rep outsb" : "+S"(text), "+c"(size) : "d"(ABI_PORT_DEBUG) : "memory");
}

/* The two digits of a byte, as they lie in memory. */
#define PAIR(high, low)	((low) << 8 | (high))
#define ROW(h)	PAIR(h, '0'), PAIR(h, '1'), PAIR(h, '2'), PAIR(h, '3'), PAIR(h, '4'), PAIR(h, '5'), \
		PAIR(h, '6'), PAIR(h, '7'), PAIR(h, '8'), PAIR(h, '9'), PAIR(h, 'a'), PAIR(h, 'b'), \
		PAIR(h, 'c'), PAIR(h, 'd'), PAIR(h, 'e'), PAIR(h, 'f')

static const uint16_t hex_bytes[256] = {
	ROW('0'), ROW('1'), ROW('2'), ROW('3'), ROW('4'), ROW('5'), ROW('6'), ROW('7'),
	ROW('8'), ROW('9'), ROW('a'), ROW('b'), ROW('c'), ROW('d'), ROW('e'), ROW('f'),
};

void DbgHex(uintptr_t value)
{
	uint16_t digits[sizeof(value)];
	uint16_t *p = digits + sizeof(value);
	const char *first;

	do {
		*--p = hex_bytes[value & 0xff];
		value >>= 8;
	} while (value);
	first = (const char *)p;
	first += *first == '0';
	DbgText(first, (size_t)((const char *)(digits + sizeof(value)) - first));
}

void KiHalt(uint32_t code)
{
	__asm__ volatile("outl %0, %1" : : "a"(code), "Nd"(ABI_PORT_EXIT));
	for (;;)
		__asm__ volatile("cli; hlt");
}
