/*
 * WOW64, the thunks: a 32-bit caller's arguments made into what the 64-bit
 * stubs take, and the results made narrow again.  Runs in ring 3 at CS 33 on
 * the 64-bit stack; knows nothing of how the mode was switched.
 */
#include "layout.h"
#include "ntdll.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

NTAPI ntstatus Wow64SystemServiceEx(uint32_t number, const uint32_t *args);

static void *widen(uint32_t pointer)
{
	return (void *)(uintptr_t)pointer;
}

/* Handles are signed: NtCurrentProcess() stays -1. */
static uint64_t widen_handle(uint32_t handle)
{
	return (uint64_t)(int32_t)handle;
}

static struct unicode_string widen_string(uint32_t pointer)
{
	const struct unicode_string32 *narrow = widen(pointer);

	return (struct unicode_string){ narrow->length, narrow->maximum_length, narrow->buffer };
}

static void narrow_iosb(uint32_t pointer, const struct io_status_block *wide)
{
	struct io_status_block32 *narrow = widen(pointer);

	narrow->status = (uint32_t)wide->status;
	narrow->information = (uint32_t)wide->information;
}

static ntstatus whNtCreateFile(const uint32_t *args)
{
	const struct object_attributes32 *narrow = widen(args[2]);
	struct unicode_string name = widen_string(narrow->object_name);
	struct object_attributes attributes = {
		.length = sizeof(attributes),
		.root_directory = widen_handle(narrow->root_directory),
		.object_name = (uintptr_t)&name,
		.attributes = narrow->attributes,
	};
	struct io_status_block iosb = { 0, 0 };
	uint64_t handle = 0;
	ntstatus status = NtCreateFile(&handle, args[1], &attributes, &iosb, widen(args[4]), args[5], args[6],
				       args[7], args[8], widen(args[9]), args[10]);

	*(uint32_t *)widen(args[0]) = (uint32_t)handle;
	narrow_iosb(args[3], &iosb);
	return status;
}

static ntstatus whNtReadFile(const uint32_t *args)
{
	struct io_status_block iosb = { 0, 0 };
	ntstatus status = NtReadFile(widen_handle(args[0]), widen_handle(args[1]), widen(args[2]),
				     widen(args[3]), &iosb, widen(args[5]), args[6], widen(args[7]),
				     widen(args[8]));

	narrow_iosb(args[4], &iosb);
	return status;
}

static ntstatus whNtWriteFile(const uint32_t *args)
{
	struct io_status_block iosb = { 0, 0 };
	ntstatus status = NtWriteFile(widen_handle(args[0]), widen_handle(args[1]), widen(args[2]),
				      widen(args[3]), &iosb, widen(args[5]), args[6], widen(args[7]),
				      widen(args[8]));

	narrow_iosb(args[4], &iosb);
	return status;
}

static ntstatus whNtClose(const uint32_t *args)
{
	return NtClose(widen_handle(args[0]));
}

static ntstatus whNtTerminateProcess(const uint32_t *args)
{
	return NtTerminateProcess(widen_handle(args[0]), args[1]);
}

static ntstatus whNtDisplayString(const uint32_t *args)
{
	struct unicode_string string = widen_string(args[0]);

	return NtDisplayString(&string);
}

static ntstatus whGuestSetSystemCall(const uint32_t *args)
{
	return GuestSetSystemCall(args[0]);
}

static const struct {
	uint32_t number;
	ntstatus (*thunk)(const uint32_t *args);
} thunks[] = {
	{ NT_READ_FILE, whNtReadFile },
	{ NT_WRITE_FILE, whNtWriteFile },
	{ NT_CLOSE, whNtClose },
	{ NT_TERMINATE_PROCESS, whNtTerminateProcess },
	{ NT_CREATE_FILE, whNtCreateFile },
	{ NT_DISPLAY_STRING, whNtDisplayString },
	{ GUEST_SET_SYSTEM_CALL, whGuestSetSystemCall },
};

NTAPI ntstatus Wow64SystemServiceEx(uint32_t number, const uint32_t *args)
{
	for (unsigned i = 0; i < ARRAY_SIZE(thunks); i++)
		if (thunks[i].number == number)
			return thunks[i].thunk(args);
	return STATUS_INVALID_SYSTEM_SERVICE;
}
