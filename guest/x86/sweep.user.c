/*
 * The program of guest32-sweep.elf: gives the dispatcher every service number,
 * by SYSENTER and by INT 2Eh.
 */
#include "layout.h"
#include "ntdll.h"

typedef FASTCALL ntstatus system_call(uint32_t number);
#include "../sweep.h"

void SweepStart(void) STUB("app.Start");

extern const char KiFastSystemCall[];

static FASTCALL ntstatus int2e(uint32_t number)
{
	static const uint32_t zeros[11];

	return Int2e(number, (uint32_t)zeros);
}

void SweepStart(void)
{
	volatile uint32_t *system_call_stub = (volatile uint32_t *)(NT_SHARED_USER + KUSER32_SYSTEM_CALL);

	if (*system_call_stub == (uint32_t)KiFastSystemCall)
		SWEEP_BY(Sysenter, "sysenter ");
	SWEEP_BY(int2e, "int2e ");
	NtTerminateProcess(CURRENT_PROCESS, STATUS_SUCCESS);
}
