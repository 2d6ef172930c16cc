/*
 * A file system in memory: a few names, a few bytes each, and the handles to
 * them.  Every pointer comes from ring 3 and is used through KiCopy*User only.
 */
#include "kernel.h"

#define NAME_MAX 32                     /* bytes of UTF-16 */
#define FILE_MAX 64
#define FILES 4
#define HANDLES 4

struct file {
	union {
		uint8_t bytes[NAME_MAX];
		uint64_t words[NAME_MAX / 8];
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
static struct open_file *handle_lookup(uint64_t handle)
{
	uint64_t index = handle / 4 - 1;

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
	return a->name.words[0] == b->name.words[0] && a->name.words[1] == b->name.words[1] &&
	       a->name.words[2] == b->name.words[2] && a->name.words[3] == b->name.words[3];
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

static ntstatus capture_name(struct file *wanted, uint64_t attributes)
{
	struct object_attributes oa;
	struct unicode_string name;

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
static ntstatus complete(uint64_t iosb, ntstatus status, uint64_t information)
{
	struct io_status_block block = { .status = status, .information = information };

	return KiCopyToUser(iosb, &block, sizeof(block)) ? status : STATUS_ACCESS_VIOLATION;
}

/* Access rights, sharing and the other arguments that are not used do not exist in this file system. */
NTAPI ntstatus IopCreateFile(uint64_t handle, uint64_t access, uint64_t attributes, uint64_t iosb,
			     uint64_t allocation, uint64_t file_attributes, uint64_t share,
			     uint64_t disposition, uint64_t options, uint64_t ea, uint64_t ea_size)
{
	struct file wanted;
	struct file *file;
	struct open_file *open = handle_allocate();
	uint32_t create = (uint32_t)disposition;
	uint64_t value, did = FILE_OPENED;
	ntstatus status = capture_name(&wanted, attributes);

	(void)access, (void)allocation, (void)file_attributes, (void)share;
	(void)options, (void)ea, (void)ea_size;
	if (status)
		return status;
	if (create != FILE_OPEN && create != FILE_OVERWRITE_IF)
		return STATUS_INVALID_PARAMETER;
	if (!open)
		return STATUS_TOO_MANY_OPENED_FILES;
	file = file_lookup(&wanted, create == FILE_OVERWRITE_IF);
	if (!file)
		return create == FILE_OPEN ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_DISK_FULL;
	if (create == FILE_OVERWRITE_IF) {
		did = file->name.words[0] ? FILE_OVERWRITTEN : FILE_CREATED;
		file->name = wanted.name;
		file->size = 0;
	}
	value = 4 * (uint64_t)(open - handles + 1);
	if (!KiCopyToUser(handle, &value, sizeof(value)))
		return STATUS_ACCESS_VIOLATION;
	open->file = file;
	open->position = 0;
	return complete(iosb, STATUS_SUCCESS, did);
}

/* Where a transfer starts: *offset when the caller gave one, the handle's position otherwise. */
static ntstatus start_position(const struct open_file *open, uint64_t offset, uint64_t *position)
{
	*position = open->position;
	if (offset && !KiCopyFromUser(position, offset, sizeof(*position)))
		return STATUS_ACCESS_VIOLATION;
	return *position <= FILE_MAX ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NTAPI ntstatus IopReadFile(uint64_t handle, uint64_t event, uint64_t apc, uint64_t apc_context,
			   uint64_t iosb, uint64_t buffer, uint64_t size, uint64_t offset, uint64_t key)
{
	struct open_file *open = handle_lookup(handle);
	uint32_t count = (uint32_t)size;
	uint64_t position;
	ntstatus status;

	(void)event, (void)apc, (void)apc_context, (void)key;
	if (!open)
		return STATUS_INVALID_HANDLE;
	status = start_position(open, offset, &position);
	if (status)
		return status;
	if (position >= open->file->size)
		return complete(iosb, STATUS_END_OF_FILE, 0);
	if (count > open->file->size - position)
		count = (uint32_t)(open->file->size - position);
	if (!KiCopyToUser(buffer, open->file->data + position, count))
		return STATUS_ACCESS_VIOLATION;
	open->position = (uint32_t)position + count;
	return complete(iosb, STATUS_SUCCESS, count);
}

NTAPI ntstatus IopWriteFile(uint64_t handle, uint64_t event, uint64_t apc, uint64_t apc_context,
			    uint64_t iosb, uint64_t buffer, uint64_t size, uint64_t offset, uint64_t key)
{
	struct open_file *open = handle_lookup(handle);
	uint32_t count = (uint32_t)size;
	uint64_t position;
	ntstatus status;

	(void)event, (void)apc, (void)apc_context, (void)key;
	if (!open)
		return STATUS_INVALID_HANDLE;
	status = start_position(open, offset, &position);
	if (status)
		return status;
	if (count > FILE_MAX - position)
		return STATUS_DISK_FULL;
	if (!KiCopyFromUser(open->file->data + position, buffer, count))
		return STATUS_ACCESS_VIOLATION;
	open->position = (uint32_t)position + count;
	if (open->file->size < open->position)
		open->file->size = open->position;
	return complete(iosb, STATUS_SUCCESS, count);
}

NTAPI ntstatus ObpCloseHandle(uint64_t handle)
{
	struct open_file *open = handle_lookup(handle);

	if (!open)
		return STATUS_INVALID_HANDLE;
	open->file = NULL;
	return STATUS_SUCCESS;
}
