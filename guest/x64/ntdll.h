/*
 * The 64-bit stubs of ntdll.S as user code in C calls them.
 */
#ifndef NTDLL_H
#define NTDLL_H

#include "nt.h"

#include <stdint.h>

#define NTAPI __attribute__((ms_abi))
#define STUB(name) __asm__(name)
#define CURRENT_PROCESS UINT64_MAX      /* NtCurrentProcess() */

typedef uint32_t ntstatus;

#pragma GCC visibility push(hidden)
NTAPI ntstatus NtCreateFile(uint64_t *handle, uint32_t access, const struct object_attributes *attributes,
			    struct io_status_block *iosb, const uint64_t *allocation,
			    uint32_t file_attributes, uint32_t share, uint32_t disposition,
			    uint32_t options, const void *ea, uint32_t ea_size)
			    STUB("ntdll.NtCreateFile");
NTAPI ntstatus NtReadFile(uint64_t handle, uint64_t event, const void *apc, const void *apc_context,
			  struct io_status_block *iosb, void *buffer, uint32_t size, const uint64_t *offset,
			  const uint32_t *key) STUB("ntdll.NtReadFile");
NTAPI ntstatus NtWriteFile(uint64_t handle, uint64_t event, const void *apc, const void *apc_context,
			   struct io_status_block *iosb, const void *buffer, uint32_t size,
			   const uint64_t *offset, const uint32_t *key) STUB("ntdll.NtWriteFile");
NTAPI ntstatus NtClose(uint64_t handle) STUB("ntdll.NtClose");
NTAPI ntstatus NtTerminateProcess(uint64_t process, ntstatus status) STUB("ntdll.NtTerminateProcess");
NTAPI ntstatus NtDisplayString(const struct unicode_string *string) STUB("ntdll.NtDisplayString");
NTAPI ntstatus GuestSetSystemCall(uint32_t value) STUB("ntdll.GuestSetSystemCall");
NTAPI uint64_t NtUserGetThreadState(uint32_t routine) STUB("win32u.NtUserGetThreadState");
NTAPI ntstatus NoSuchService(void) STUB("ntdll.NoSuchService");
NTAPI ntstatus NoSuchWin32kService(void) STUB("win32u.NoSuchService");
#pragma GCC visibility pop

#endif
