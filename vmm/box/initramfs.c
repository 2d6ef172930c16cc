/*
 * What goes into the root file system of the box.  The shared objects are
 * those of this very process, so that every build (sanitizers too) carries
 * what it needs.
 */
#include "box/initramfs.h"

#include "box/cpio.h"
#include "message.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void copy(struct cpio *cpio, const char *name, mode_t permissions, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *bytes = MAP_FAILED;
	struct stat st;
	size_t size;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
		size = (size_t)st.st_size;
		bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	if (bytes != MAP_FAILED) {
		cpio_file(cpio, name, permissions, bytes, size);
		munmap(bytes, size);
	} else if (cpio->error == 0) {
		cpio->error = errno ? -errno : -EIO;
		message("cannot read %s for the box: %s", path, strerror(-cpio->error));
	}
	if (fd >= 0)
		close(fd);
}

/* Directories that are there already are made again without harm. */
static void copy_with_parents(struct cpio *cpio, const char *path)
{
	char parent[PATH_MAX];

	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		snprintf(parent, sizeof(parent), "%.*s", (int)(p - path), path);
		cpio_directory(cpio, parent);
	}
	copy(cpio, path, 0755, path);
}

/* dl_iterate_phdr: this program has an interpreter and no name, the vDSO a name that is no path. */
static int copy_object(struct dl_phdr_info *info, size_t info_size, void *cpio)
{
	(void)info_size;
	for (int i = 0; i < info->dlpi_phnum && info->dlpi_name[0] == '\0'; i++)
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			copy_with_parents(cpio, (const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr));
	if (info->dlpi_name[0] == '/')
		copy_with_parents(cpio, info->dlpi_name);
	return 0;
}

static void fill(struct cpio *cpio, const struct box_kernel *kernel, const struct box_module *modules)
{
	static const char *const directories[] = { "dev", "proc", "sys", "run", "tmp", "modules" };
	char name[64], path[PATH_MAX];

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		cpio_directory(cpio, directories[i]);
	cpio_file(cpio, BOX_MARK, 0444, NULL, 0);
	copy(cpio, "init", 0755, "/proc/self/exe");
	dl_iterate_phdr(copy_object, cpio);
	for (const struct box_module *m = modules; m->name; m++) {
		snprintf(name, sizeof(name), "modules/%s.ko", m->name);
		if (snprintf(path, sizeof(path), "%s/%s", kernel->modules, m->path) < (int)sizeof(path))
			copy(cpio, name, 0444, path);
	}
}

int initramfs_make(const struct box_kernel *kernel, const struct box_module *modules, bool intel, uint64_t *size)
{
	int fd = memfd_create("initramfs", MFD_CLOEXEC), error = fd < 0 ? -errno : 0;
	struct cpio cpio = { .file = fd < 0 ? NULL : fdopen(dup(fd), "w") };

	if (cpio.file) {
		fill(&cpio, kernel, modules);
		if (intel)
			cpio_file(&cpio, &BOX_INTEL_MARK[1], 0444, NULL, 0);
		error = cpio_close(&cpio);
		*size = cpio.size;
		fclose(cpio.file);
	}
	if (error == 0)
		return fd;
	message("cannot make the file system of the box: %s", strerror(-error));
	if (fd >= 0)
		close(fd);
	return -1;
}
