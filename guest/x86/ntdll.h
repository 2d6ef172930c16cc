/*
 * The stubs of ntdll.S and the routines of usercall.S and probes.S as user code in C calls them.
 */
#ifndef NTDLL_H
#define NTDLL_H

#include "nt32.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NTAPI __attribute__((stdcall))
#define FASTCALL __attribute__((fastcall))
#define STUB(name) __asm__(name)
#define CURRENT_PROCESS UINT32_MAX      /* NtCurrentProcess() */
#define CURRENT_THREAD (UINT32_MAX - 1) /* NtCurrentThread() */
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

typedef uint32_t ntstatus;

/* NtReadFile and NtWriteFile: nine arguments. */
typedef NTAPI ntstatus transfer(uint32_t handle, uint32_t event, uint32_t apc, uint32_t apc_context,
				struct io_status_block32 *iosb, const void *buffer, uint32_t size,
				const uint64_t *offset, const uint32_t *key);

transfer NtReadFile STUB("ntdll.NtReadFile");
transfer NtWriteFile STUB("ntdll.NtWriteFile");
transfer NtReadFileEcx STUB("ntdll.NtReadFileEcx");             /* document 002's two stubs, mended */
transfer NtReadFileInt2e STUB("ntdll.NtReadFileInt2e");
transfer NtReadFileRet9 STUB("ntdll.NtReadFileRet9");           /* and as printed: not for C to call */

NTAPI ntstatus NtCreateFile(uint32_t *handle, uint32_t access, const struct object_attributes32 *attributes,
			    struct io_status_block32 *iosb, const uint64_t *allocation,
			    uint32_t file_attributes, uint32_t share, uint32_t disposition, uint32_t options,
			    const void *ea, uint32_t ea_size) STUB("ntdll.NtCreateFile");
NTAPI ntstatus NtClose(uint32_t handle) STUB("ntdll.NtClose");
NTAPI ntstatus NtTerminateProcess(uint32_t process, ntstatus status) STUB("ntdll.NtTerminateProcess");
NTAPI ntstatus NtQueueApcThread(uint32_t thread, NTAPI void (*routine)(uint32_t, uint32_t, uint32_t),
				uint32_t context, uint32_t argument1, uint32_t argument2)
				STUB("ntdll.NtQueueApcThread");
NTAPI ntstatus NtTestAlert(void) STUB("ntdll.NtTestAlert");
NTAPI ntstatus NtYieldExecution(void) STUB("ntdll.NtYieldExecution");
NTAPI ntstatus GuestSetSystemCall(uint32_t fast) STUB("ntdll.GuestSetSystemCall");
NTAPI ntstatus GuestSetSysenterCs(uint32_t selector) STUB("ntdll.GuestSetSysenterCs");
NTAPI ntstatus GuestHideSegments(uint32_t hide) STUB("ntdll.GuestHideSegments");
NTAPI uint32_t NtUserGetThread(uint32_t routine) STUB("user32.NtUserGetThread");
NTAPI ntstatus NoSuchService(void) STUB("ntdll.NoSuchService");
NTAPI ntstatus NoSuchWin32kService(void) STUB("user32.NoSuchService");

/* kernel32.user.c */
NTAPI uint32_t CreateFileW(const uint16_t *name, uint32_t access, uint32_t share, const void *security,
			   uint32_t disposition, uint32_t flags, uint32_t template_file)
			   STUB("kernel32.CreateFileW");

/* usercall.S */
FASTCALL ntstatus Int2e(uint32_t number, uint32_t arguments);
FASTCALL ntstatus Sysenter(uint32_t number);

/* probes.S */
struct call_result { uint32_t value, delta; };  /* delta: ESP behind the call - ESP before it */
FASTCALL void CallCdecl(struct call_result *result);
FASTCALL void CallStdcall(struct call_result *result);
FASTCALL void CallFastcall(struct call_result *result);
FASTCALL uint32_t ReadAndMeasure(transfer *stub, const uint32_t args[9]);
FASTCALL bool DirectionFlagSurvives(const uint32_t args[9]);
FASTCALL bool UserStackUntouched(void);
FASTCALL bool WriteFaults(uint32_t address);
FASTCALL bool ReadFaults(uint32_t address);
FASTCALL bool InterruptFaults(void);
FASTCALL uint32_t AmdSyscall(uint32_t number);

/* console.user.c: text, which put_flush writes by one NtWriteFile. */
void put(const char *text, uint32_t size);
void put_hex(uint32_t value);
void put_flush(void);
#define PUT(literal) put(literal, sizeof(literal) - 1)

#endif
