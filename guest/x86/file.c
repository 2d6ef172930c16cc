/*
 * A file system in memory: a few names, a few bytes each, and the handles to
 * them; and the console, a handle that writes to the debug port.  Every pointer
 * is used through usercopy.S only.
 */
#include "kernel.h"
#include "layout.h"

#define NAME_MAX 24                     /* bytes of UTF-16 */
#define FILE_MAX 64
#define FILES 2
#define HANDLES 4

struct file {
	union {
		uint8_t bytes[NAME_MAX];
		uint32_t words[NAME_MAX / 4];
	} name;                         /* padded with zeros; the first word 0: free */
	uint32_t size;
	uint8_t data[FILE_MAX];
};

struct open_file {
	struct file *file;              /* NULL: this handle is free */
	uint32_t position;
};

static struct file files[FILES];
static struct open_file handles[HANDLES];

/* Handle values are 4, 8, 12 ..., as on Windows. */
static struct open_file *handle_lookup(uint32_t handle)
{
	uint32_t index = handle / 4 - 1;

	if (handle & 3 || index >= HANDLES || !handles[index].file)
		return NULL;
	return &handles[index];
}

static struct open_file *handle_allocate(void)
{
	for (struct open_file *h = handles; h < handles + HANDLES; h++)
		if (!h->file)
			return h;
	return NULL;
}

static bool same_name(const struct file *a, const struct file *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->name.words); i++)
		if (a->name.words[i] != b->name.words[i])
			return false;
	return true;
}

/* The file of that name or, when create is set, a free one. */
static struct file *file_lookup(const struct file *wanted, bool create)
{
	struct file *unused = NULL;

	for (struct file *f = files; f < files + FILES; f++) {
		if (same_name(f, wanted))
			return f;
		if (!f->name.words[0] && !unused)
			unused = f;
	}
	return create ? unused : NULL;
}

static ntstatus capture_name(struct file *wanted, uint32_t attributes)
{
	struct object_attributes32 oa;
	struct unicode_string32 name;

	if (!KiCopyFromUser(&oa, attributes, sizeof(oa)) ||
	    !KiCopyFromUser(&name, oa.object_name, sizeof(name)))
		return STATUS_ACCESS_VIOLATION;
	if (oa.length != sizeof(oa) || oa.root_directory || !name.length || name.length > NAME_MAX)
		return STATUS_INVALID_PARAMETER;
	for (size_t i = 0; i < ARRAY_SIZE(wanted->name.words); i++)
		wanted->name.words[i] = 0;
	return KiCopyFromUser(wanted->name.bytes, name.buffer, name.length) ? STATUS_SUCCESS
									     : STATUS_ACCESS_VIOLATION;
}

/* Fill in the caller's IO_STATUS_BLOCK; the status that the service then returns. */
static ntstatus complete(uint32_t iosb, ntstatus status, uint32_t information)
{
	struct io_status_block32 block = { .status = status, .information = information };

	return KiCopyToUser(iosb, &block, sizeof(block)) ? status : STATUS_ACCESS_VIOLATION;
}

/* Access rights, sharing and the other arguments that are not used do not exist in this file system. */
NTAPI ntstatus NtCreateFile(uint32_t handle, uint32_t access, uint32_t attributes, uint32_t iosb,
			    uint32_t allocation, uint32_t file_attributes, uint32_t share,
			    uint32_t disposition, uint32_t options, uint32_t ea, uint32_t ea_size)
{
	struct file wanted;
	struct file *file;
	struct open_file *open = handle_allocate();
	uint32_t value, did = FILE_OPENED;
	ntstatus status = capture_name(&wanted, attributes);

	(void)access, (void)allocation, (void)file_attributes, (void)share;
	(void)options, (void)ea, (void)ea_size;
	if (status)
		return status;
	if (disposition != FILE_OPEN && disposition != FILE_OVERWRITE_IF)
		return STATUS_INVALID_PARAMETER;
	if (!open)
		return STATUS_TOO_MANY_OPENED_FILES;
	file = file_lookup(&wanted, disposition == FILE_OVERWRITE_IF);
	if (!file)
		return disposition == FILE_OPEN ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_DISK_FULL;
	if (disposition == FILE_OVERWRITE_IF) {
		did = file->name.words[0] ? FILE_OVERWRITTEN : FILE_CREATED;
		file->name = wanted.name;
		file->size = 0;
	}
	value = 4 * (uint32_t)(open - handles + 1);
	if (!KiCopyToUser(handle, &value, sizeof(value)))
		return STATUS_ACCESS_VIOLATION;
	open->file = file;
	open->position = 0;
	return complete(iosb, STATUS_SUCCESS, did);
}

/* Where a transfer starts: *offset when the caller gave one, the handle's position otherwise. */
static ntstatus start_position(const struct open_file *open, uint32_t offset, uint32_t *position)
{
	uint32_t given[2] = { open->position, 0 };

	if (offset && !KiCopyFromUser(given, offset, sizeof(given)))
		return STATUS_ACCESS_VIOLATION;
	*position = given[0];
	return !given[1] && given[0] <= FILE_MAX ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NTAPI ntstatus NtReadFile(uint32_t handle, uint32_t event, uint32_t apc, uint32_t apc_context, uint32_t iosb,
			  uint32_t buffer, uint32_t size, uint32_t offset, uint32_t key)
{
	struct open_file *open = handle_lookup(handle);
	uint32_t position;
	ntstatus status;

	(void)event, (void)apc, (void)apc_context, (void)key;
	if (!open)
		return STATUS_INVALID_HANDLE;
	status = start_position(open, offset, &position);
	if (status)
		return status;
	if (position >= open->file->size)
		return complete(iosb, STATUS_END_OF_FILE, 0);
	if (size > open->file->size - position)
		size = open->file->size - position;
	if (!KiCopyToUser(buffer, open->file->data + position, size))
		return STATUS_ACCESS_VIOLATION;
	open->position = position + size;
	return complete(iosb, STATUS_SUCCESS, size);
}

NTAPI ntstatus NtWriteFile(uint32_t handle, uint32_t event, uint32_t apc, uint32_t apc_context, uint32_t iosb,
			   uint32_t buffer, uint32_t size, uint32_t offset, uint32_t key)
{
	struct open_file *open = handle_lookup(handle);
	uint32_t position;
	ntstatus status;

	(void)event, (void)apc, (void)apc_context, (void)key;
	if (handle == CONSOLE_HANDLE)
		return KiPrintFromUser(0, buffer, size) ? complete(iosb, STATUS_SUCCESS, size)
							: STATUS_ACCESS_VIOLATION;
	if (!open)
		return STATUS_INVALID_HANDLE;
	status = start_position(open, offset, &position);
	if (status)
		return status;
	if (size > FILE_MAX - position)
		return STATUS_DISK_FULL;
	if (!KiCopyFromUser(open->file->data + position, buffer, size))
		return STATUS_ACCESS_VIOLATION;
	open->position = position + size;
	if (open->file->size < open->position)
		open->file->size = open->position;
	return complete(iosb, STATUS_SUCCESS, size);
}

NTAPI ntstatus NtClose(uint32_t handle)
{
	struct open_file *open = handle_lookup(handle);

	if (!open)
		return STATUS_INVALID_HANDLE;
	open->file = NULL;
	return STATUS_SUCCESS;
}

/* Close what the program has left open, by the kernel's own system calls. */
void ObKillHandles(void)
{
	for (struct open_file *h = handles; h < handles + HANDLES; h++)
		if (h->file)
			ZwClose(4 * (uint32_t)(h - handles + 1));
}
