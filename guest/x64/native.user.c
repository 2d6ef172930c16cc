/*
 * The 64-bit process: reads what the 32-bit one wrote, writes by INT 2Eh and
 * reads back by SYSCALL, and tries what must fail.  Its exit status is the
 * number of things that did not come out as expected.
 */
#include "layout.h"
#include "ntdll.h"

#include <stdbool.h>
#include <stddef.h>

#define CONTENT 16                      /* characters in either file */
#define UNMAPPED 0x10000

void NativeMain(void);

/* probes.S: instructions that fault and are stepped over, and odd system calls. */
#pragma GCC visibility push(hidden)
bool WriteFaults(uint64_t address);
bool ReadFaults(uint64_t address);
bool ExecuteFaults(void);
bool InterruptFaults(void);
bool DirectionFlagSurvives(void);
ntstatus ReadOnKernelStack(void);
#pragma GCC visibility pop

static uint32_t failures;

static void expect(bool ok)
{
	failures += !ok;
}

static void show(const uint16_t *text, uint16_t size)
{
	struct unicode_string string = { size, size, (uintptr_t)text };

	expect(NtDisplayString(&string) == STATUS_SUCCESS);
}
#define SHOW(text) show(text, sizeof(text) - 2)

static uint64_t open_file(const uint16_t *name, uint16_t size, uint32_t disposition)
{
	struct unicode_string string = { size, size, (uintptr_t)name };
	struct object_attributes attributes = {
		.length = sizeof(attributes), .object_name = (uintptr_t)&string,
	};
	struct io_status_block iosb;
	uint64_t handle = 0;

	expect(NtCreateFile(&handle, 0, &attributes, &iosb, NULL, 0, 0, disposition, 0, NULL, 0) ==
	       STATUS_SUCCESS);
	return handle;
}
#define OPEN(name, disposition) open_file(name, sizeof(name) - 2, disposition)

/* "native: read '...' via ...": the file's content and the way by which it came. */
static struct {
	uint16_t before[14], content[CONTENT], after[6], path[8];
} message = { .before = u"native: read '", .after = u"' via " };

static void read_and_show(uint64_t handle, const uint64_t *offset)
{
	static const uint16_t paths[2][8] = { u"syscall\n", u"int 2eh\n" };
	volatile uint32_t *system_call = (volatile uint32_t *)(NT_SHARED_USER + KUSER_SYSTEM_CALL);
	struct io_status_block iosb;

	expect(NtReadFile(handle, 0, NULL, NULL, &iosb, message.content, sizeof(message.content), offset,
			  NULL) == STATUS_SUCCESS);
	expect(iosb.information == sizeof(message.content));
	__builtin_memcpy(message.path, paths[*system_call & 1], sizeof(message.path));
	show(message.before, sizeof(message));
}

static void files(void)
{
	static const uint16_t theirs[] = u"\\??\\C:\\note", ours[] = u"\\??\\C:\\own";
	static const uint16_t text[CONTENT] = u"hello from win64";
	static const uint64_t start;
	struct io_status_block iosb;
	uint64_t handle;

	/* Only bit 0 of SystemCall counts: 1 and 3 take INT 2Eh, 0 and 2 take SYSCALL. */
	expect(GuestSetSystemCall(2) == STATUS_SUCCESS);
	handle = OPEN(theirs, FILE_OPEN);
	read_and_show(handle, NULL);
	expect(NtClose(handle) == STATUS_SUCCESS);

	expect(GuestSetSystemCall(3) == STATUS_SUCCESS);
	handle = OPEN(ours, FILE_OVERWRITE_IF);
	expect(NtWriteFile(handle, 0, NULL, NULL, &iosb, text, sizeof(text), NULL, NULL) == STATUS_SUCCESS);
	expect(GuestSetSystemCall(0) == STATUS_SUCCESS);
	read_and_show(handle, &start);

	expect(NtWriteFile(handle, 0, NULL, NULL, &iosb, (void *)NT_SHARED_KERNEL, 8, NULL, NULL) ==
	       STATUS_ACCESS_VIOLATION);
	expect(NtWriteFile(handle, 0, NULL, NULL, &iosb, (void *)UNMAPPED, 8, NULL, NULL) ==
	       STATUS_ACCESS_VIOLATION);
	expect(NtClose(handle) == STATUS_SUCCESS);
	expect(NtClose(handle) == STATUS_INVALID_HANDLE);
}

static void odd_calls(void)
{
	expect(NtUserGetThreadState(0) == 1);
	expect(NoSuchService() == STATUS_INVALID_SYSTEM_SERVICE);
	expect(NoSuchWin32kService() == STATUS_INVALID_SYSTEM_SERVICE);
	expect(ReadOnKernelStack() == STATUS_ACCESS_VIOLATION);
	expect(DirectionFlagSurvives());
}

static void faults(void)
{
	expect(WriteFaults(NT_SHARED_USER));
	expect(ReadFaults(NT_SHARED_KERNEL));
	expect(ExecuteFaults());
	expect(InterruptFaults());
}

void NativeMain(void)
{
	files();
	odd_calls();
	faults();
	if (failures)
		SHOW(u"native: FAILED\n");
	else
		SHOW(u"native: all as expected\n");
	NtTerminateProcess(CURRENT_PROCESS, failures);
}
