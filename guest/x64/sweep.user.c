/*
 * The program of guest-sweep.elf: gives the dispatcher every service number, by
 * SYSCALL and by INT 2Eh.  Until the first number in table 1 its thread has no
 * win32k, and all of INT 2Eh comes behind that.
 */
#include "ntdll.h"

#define LINE_MAX 96                     /* characters that one NtDisplayString takes */

#pragma GCC visibility push(hidden)
void NativeMain(void);
ntstatus Syscall(uint32_t number);      /* usercall.S */
ntstatus Int2e(uint32_t number);
#pragma GCC visibility pop

static uint16_t line[LINE_MAX];
static uint16_t used;

static void put(const char *text, uint32_t size)
{
	for (uint32_t i = 0; i < size && used < LINE_MAX; i++)
		line[used++] = (uint8_t)text[i];
}
#define PUT(literal) put(literal, sizeof(literal) - 1)

static void put_hex(uint32_t value)
{
	uint32_t shift = 28;

	while (shift && !(value >> shift))
		shift -= 4;
	for (;; shift -= 4) {
		put(&"0123456789abcdef"[value >> shift & 15], 1);
		if (!shift)
			break;
	}
}

static void put_flush(void)
{
	struct unicode_string string = { used * 2, sizeof(line), (uintptr_t)line };

	NtDisplayString(&string);
	used = 0;
}

typedef ntstatus system_call(uint32_t number);
#include "../sweep.h"

void NativeMain(void)
{
	SWEEP_BY(Syscall, "syscall ");
	SWEEP_BY(Int2e, "int2e ");
	NtTerminateProcess(CURRENT_PROCESS, STATUS_SUCCESS);
}
