/*
 * The program: makes a file by SYSENTER and reads it back by every stub there
 * is, by both gates; calls by three conventions; takes an APC; yields; and tries
 * what must fail.  Its exit status is the number of things that did not come
 * out as expected.
 */
#include "layout.h"
#include "ntdll.h"

#define GENERIC_READ_WRITE 0xc0000000
#define CREATE_ALWAYS 2
#define OPEN_EXISTING 3
#define UNMAPPED 0x10000

void AppStart(void) STUB("app.Start");
uint32_t convention_cdecl(uint32_t a, uint32_t b, uint32_t c) STUB("app.Cdecl");
NTAPI uint32_t convention_stdcall(uint32_t a, uint32_t b, uint32_t c) STUB("app.Stdcall");
FASTCALL uint32_t convention_fastcall(uint32_t a, uint32_t b, uint32_t c) STUB("app.Fastcall");

extern const char KiFastSystemCall[], KiIntSystemCall[];
extern char KiUserTeb[];

static const char content[] = "hello from win32";
static char read_back[sizeof(content) - 1];
static struct io_status_block32 iosb;
static bool fast;                       /* SYSENTER is there */
static uint32_t failures;

static void expect(bool ok)
{
	failures += !ok;
}

/* The arguments in order: 1, 2, 3 gives 123h, by any convention. */
uint32_t convention_cdecl(uint32_t a, uint32_t b, uint32_t c) { return a << 8 | b << 4 | c; }
NTAPI uint32_t convention_stdcall(uint32_t a, uint32_t b, uint32_t c) { return a << 8 | b << 4 | c; }
FASTCALL uint32_t convention_fastcall(uint32_t a, uint32_t b, uint32_t c) { return a << 8 | b << 4 | c; }

/* For the tracer, in this order: cdecl, stdcall, fastcall. */
struct call_result call_results[3] STUB("app.CallResults");

static void show_call(const struct call_result *r, uint32_t delta)
{
	put_hex(r->delta);
	expect(r->value == 0x123 && r->delta == delta);
}

static void conventions(void)
{
	CallCdecl(&call_results[0]);
	CallStdcall(&call_results[1]);
	CallFastcall(&call_results[2]);
	PUT("esp behind the call: cdecl +");
	show_call(&call_results[0], 0);
	PUT(" stdcall +");
	show_call(&call_results[1], 12);
	PUT(" fastcall +");
	show_call(&call_results[2], 4);
	PUT("\n");
}

static bool by_sysenter(void)
{
	return *(volatile uint32_t *)(NT_SHARED_USER + KUSER32_SYSTEM_CALL) == (uint32_t)KiFastSystemCall;
}

/* From now on the stubs go by SYSENTER where it is there, or by INT 2Eh. */
static void choose(bool sysenter)
{
	expect(GuestSetSystemCall(sysenter && fast) == STATUS_SUCCESS);
}

/* "read 'hello from win32' by sysenter, edx": the file's content, the gate and the stub. */
static void read_and_show(transfer *read, uint32_t handle, bool sysenter, const char stub[3])
{
	static const uint64_t start;

	read_back[0] = 0;
	expect(read(handle, 0, 0, 0, &iosb, read_back, sizeof(read_back), &start, NULL) == STATUS_SUCCESS);
	expect(iosb.information == sizeof(read_back) && read_back[0] == content[0]);
	PUT("read '");
	put(read_back, sizeof(read_back));
	put(sysenter ? "' by sysenter, " : "' by int 2eh,  ", 15);
	put(stub, 3);
	PUT("\n");
}

static uint32_t open_file(uint32_t disposition)
{
	return CreateFileW(u"temp.txt", GENERIC_READ_WRITE, 0, NULL, disposition, 0, 0);
}

/* "ret 9: esp +d": from the stub's first instruction to behind the call. */
static void show_return(transfer *stub, uint32_t handle, uint32_t expected)
{
	static const uint64_t start;
	const uint32_t args[9] = {
		handle, 0, 0, 0, (uint32_t)&iosb, (uint32_t)read_back, 4, (uint32_t)&start, 0
	};
	uint32_t delta = ReadAndMeasure(stub, args);

	expect(delta == expected);
	PUT(" +");
	put_hex(delta);
}

static void files(void)
{
	uint32_t handle = open_file(CREATE_ALWAYS);

	expect(NtWriteFile(handle, 0, 0, 0, &iosb, content, sizeof(read_back), NULL, NULL) == STATUS_SUCCESS);
	read_and_show(NtReadFile, handle, fast, "edx");
	choose(false);
	expect(NtClose(handle) == STATUS_SUCCESS);
	handle = open_file(OPEN_EXISTING);
	read_and_show(NtReadFile, handle, false, "edx");
	choose(true);
	read_and_show(NtReadFileEcx, handle, fast, "ecx");
	read_and_show(NtReadFileInt2e, handle, false, "ebp");

	PUT("esp behind the stub: ret 9");
	show_return(NtReadFileRet9, handle, 4 + 9);
	PUT(" ret 24h");
	show_return(NtReadFileInt2e, handle, 4 + 9 * 4);
	PUT("\n");
	put_flush();
	/* The handle stays open: the kernel closes it when the program ends. */
}

static uint32_t apc_sum;

static NTAPI void apc_routine(uint32_t context, uint32_t argument1, uint32_t argument2)
{
	apc_sum = context << 8 | argument1 << 4 | argument2;
}

static void apcs(void)
{
	expect(NtQueueApcThread(CURRENT_THREAD, apc_routine, 1, 2, 3) == STATUS_SUCCESS);
	expect(!apc_sum);                       /* not before the thread asks */
	expect(NtTestAlert() == STATUS_SUCCESS);
	expect(apc_sum == 0x123);
	PUT("apc ");
	put_hex(apc_sum);
	PUT("\n");
}

static void win32k(void)
{
	volatile uint32_t *batch = (volatile uint32_t *)(KiUserTeb + TEB32_GDI_BATCH_COUNT);

	expect(NtUserGetThread(0) != 0);        /* attaches win32k */
	*batch = 3;
	expect(NtUserGetThread(0) != 0);        /* flushes what is batched */
	expect(*batch == 0);
}

static void refused_calls(void)
{
	expect(NoSuchService() == STATUS_INVALID_SYSTEM_SERVICE);
	expect(NoSuchWin32kService() == STATUS_INVALID_SYSTEM_SERVICE);
	expect(Int2e(NT_SERVICE_LIMIT, 0) == STATUS_INVALID_SYSTEM_SERVICE);
	/* At the probe address nothing is tried; below it the copy itself fails. */
	expect(Int2e(NT32_READ_FILE, MM32_USER_PROBE_ADDRESS) == STATUS_ACCESS_VIOLATION);
	expect(Int2e(NT32_READ_FILE, MM32_USER_PROBE_ADDRESS - 1) == STATUS_ACCESS_VIOLATION);
	expect(Int2e(NT32_READ_FILE, NT32_SHARED_KERNEL) == STATUS_ACCESS_VIOLATION);
	expect(Int2e(NT32_READ_FILE, UNMAPPED) == STATUS_ACCESS_VIOLATION);
}

static void odd_calls(uint32_t handle)
{
	static const uint64_t start;
	const uint32_t args[9] = {
		handle, 0, 0, 0, (uint32_t)&iosb, (uint32_t)read_back, 4, (uint32_t)&start, 0
	};
	uint32_t answer = AmdSyscall(NT32_TEST_ALERT);

	expect(DirectionFlagSurvives(args));
	expect(UserStackUntouched());
	expect(answer == STATUS_INVALID_SYSTEM_SERVICE || answer == NT32_TEST_ALERT);
	if (!fast)
		return;
	expect(GuestSetSysenterCs(KGDT32_R0_CODE | NT_RPL_USER) == STATUS_SUCCESS);
	expect(GuestSetSysenterCs(KGDT32_R0_CODE) == STATUS_SUCCESS);
	expect(GuestHideSegments(1) == STATUS_SUCCESS);         /* nothing but SYSENTER works now */
	expect(GuestHideSegments(0) == STATUS_SUCCESS);
}

static void faults(void)
{
	expect(WriteFaults(NT_SHARED_USER));
	expect(ReadFaults(NT32_SHARED_KERNEL));
	expect(InterruptFaults());
}

void AppStart(void)
{
	fast = by_sysenter();
	conventions();
	files();
	apcs();
	win32k();
	expect(NtYieldExecution() == STATUS_SUCCESS);
	refused_calls();
	odd_calls(4);
	faults();
	if (failures)
		PUT("FAILED\n");
	else
		PUT("all as expected\n");
	put_flush();
	NtTerminateProcess(CURRENT_PROCESS, failures);
}
