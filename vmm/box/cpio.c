/*
 * The newc archive: Documentation/driver-api/early-userspace/buffer-format.rst
 * of the Linux kernel.  Knows the format, not what goes into the archive.
 */
#include "box/cpio.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { CPIO_ALIGN = 4, CPIO_HEADER_SIZE = 6 + 13 * 8 };

static void put(struct cpio *cpio, const void *bytes, size_t size)
{
	if (cpio->error == 0 && size > 0 && fwrite(bytes, size, 1, cpio->file) != 1)
		cpio->error = errno ? -errno : -EIO;
	cpio->size += size;
}

static void align(struct cpio *cpio)
{
	static const char zeros[CPIO_ALIGN];

	put(cpio, zeros, -cpio->size % CPIO_ALIGN);
}

static void entry(struct cpio *cpio, const char *name, mode_t mode, const void *bytes, size_t size)
{
	size_t name_size = strlen(name) + 1;
	char header[CPIO_HEADER_SIZE + 1];

	if (size > UINT32_MAX || name_size > FILENAME_MAX) {
		cpio->error = cpio->error ? cpio->error : -EFBIG;
		return;
	}
	/* magic; ino, mode, uid, gid; nlink, mtime, size; device twice; name size, checksum */
	snprintf(header, sizeof(header),
		 "070701" "%08X%08X%08X%08X" "%08X%08X%08X" "%08X%08X%08X%08X" "%08X%08X",
		 ++cpio->entries, mode, 0, 0, S_ISDIR(mode) ? 2 : 1, 0, (unsigned)size, 0, 0, 0, 0,
		 (unsigned)name_size, 0);
	put(cpio, header, CPIO_HEADER_SIZE);
	put(cpio, name, name_size);
	align(cpio);
	put(cpio, bytes, size);
	align(cpio);
}

/* Names in the archive have no leading slash. */
static const char *relative(const char *name)
{
	return name + strspn(name, "/");
}

void cpio_directory(struct cpio *cpio, const char *name)
{
	entry(cpio, relative(name), S_IFDIR | 0755, NULL, 0);
}

void cpio_file(struct cpio *cpio, const char *name, mode_t permissions, const void *bytes, size_t size)
{
	entry(cpio, relative(name), S_IFREG | (permissions & 07777), bytes, size);
}

int cpio_close(struct cpio *cpio)
{
	entry(cpio, "TRAILER!!!", 0, NULL, 0);
	if (fflush(cpio->file) != 0 && cpio->error == 0)
		cpio->error = errno ? -errno : -EIO;
	return cpio->error;
}
