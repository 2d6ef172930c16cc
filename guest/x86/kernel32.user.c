/*
 * kernel32 and kernelbase: document 000's way from CreateFileW to ntdll.
 */
#include "ntdll.h"

#define INVALID_HANDLE_VALUE UINT32_MAX
#define CREATE_ALWAYS 2
#define OBJ_CASE_INSENSITIVE 0x40

__attribute__((noinline)) NTAPI
uint32_t kernelbase_create_file(const uint16_t *name, uint32_t access, uint32_t share, const void *security,
				uint32_t disposition, uint32_t flags, uint32_t template_file)
				STUB("kernelbase.CreateFileW");

NTAPI uint32_t CreateFileW(const uint16_t *name, uint32_t access, uint32_t share, const void *security,
		     uint32_t disposition, uint32_t flags, uint32_t template_file)
{
	return kernelbase_create_file(name, access, share, security, disposition, flags, template_file);
}

/* RtlInitUnicodeString */
static struct unicode_string32 unicode_string(const uint16_t *text)
{
	uint16_t bytes = 0;

	while (text[bytes / 2])
		bytes += 2;
	return (struct unicode_string32){ bytes, bytes, (uint32_t)text };
}

NTAPI uint32_t kernelbase_create_file(const uint16_t *name, uint32_t access, uint32_t share,
				      const void *security, uint32_t disposition, uint32_t flags,
				      uint32_t template_file)
{
	struct unicode_string32 string = unicode_string(name);
	struct object_attributes32 attributes = {
		.length = sizeof(attributes), .object_name = (uint32_t)&string,
		.attributes = OBJ_CASE_INSENSITIVE,
	};
	struct io_status_block32 iosb;
	uint32_t handle;
	ntstatus status;

	(void)security, (void)template_file;
	status = NtCreateFile(&handle, access, &attributes, &iosb, NULL, flags, share,
			      disposition == CREATE_ALWAYS ? FILE_OVERWRITE_IF : FILE_OPEN, 0, NULL, 0);
	return status ? INVALID_HANDLE_VALUE : handle;
}
