/*
 * The program's text: put together here, written by few calls of NtWriteFile,
 * since this guest is single-stepped.
 */
#include "layout.h"
#include "ntdll.h"

#define TEXT_MAX 512

static char text_buffer[TEXT_MAX];
static uint32_t used;

/* By dwords as far as it goes. */
static void copy(char *to, const char *from, uint32_t size)
{
	uint32_t dwords = size / 4, bytes = size % 4;

	__asm__ volatile("rep movsl; mov %3, %2; rep movsb"
			 : "+D"(to), "+S"(from), "+c"(dwords) : "r"(bytes) : "memory");
}

void put(const char *text, uint32_t size)
{
	if (size > TEXT_MAX - used)
		size = TEXT_MAX - used;
	copy(text_buffer + used, text, size);
	used += size;
}

void put_hex(uint32_t value)
{
	static const char digits[] = "0123456789abcdef";
	char text[8];
	uint32_t n = sizeof(text);

	do {
		text[--n] = digits[value & 15];
		value >>= 4;
	} while (value);
	put(text + n, (uint32_t)sizeof(text) - n);
}

void put_flush(void)
{
	struct io_status_block32 iosb;

	NtWriteFile(CONSOLE_HANDLE, 0, 0, 0, &iosb, text_buffer, used, NULL, NULL);
	used = 0;
}
