/*
 * Has grub-mkrescue make the image, 0.3 s, from files in a directory of its
 * own that is gone again when it is done.
 */
#include "box/iso.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* tsc=reliable, lpj, no_timer_check: clocks are not measured against each other, which fails in an emulator. */
static const char menu[] =
	"set timeout=0\n"
	"linux /boot/vmlinuz console=ttyS0,115200 panic=-1 quiet mitigations=off nokaslr tsc=reliable no_timer_check "
	"lpj=1000000\n"
	"initrd /boot/initramfs\n"
	"boot\n";

/* With a name behind it, it is still a path. */
#define DIRECTORY_MAX (PATH_MAX - 64)

static const char *const names[] = { "grub.cfg", "initramfs", "box.iso" };

static void join(char path[static PATH_MAX], const char *directory, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", directory, name);
}

static int create(const char *directory, const char *name)
{
	char path[PATH_MAX];

	join(path, directory, name);
	return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static bool copy(int to, int from)
{
	struct stat st;
	off_t at = 0;

	if (to < 0 || fstat(from, &st) != 0)
		return false;
	while (at < st.st_size)
		if (sendfile(to, from, &at, (size_t)(st.st_size - at)) <= 0)
			return false;
	return true;
}

static bool put_files(const char *directory, int initramfs)
{
	int cfg = create(directory, names[0]), archive = create(directory, names[1]);
	bool ok = cfg >= 0 && write(cfg, menu, sizeof(menu) - 1) == sizeof(menu) - 1 && copy(archive, initramfs);

	if (cfg >= 0)
		close(cfg);
	if (archive >= 0)
		close(archive);
	return ok;
}

static _Noreturn void become_maker(const char *path, const char *directory, const char *kernel)
{
	char out[PATH_MAX], cfg[PATH_MAX + 32], image[PATH_MAX + 32], archive[PATH_MAX + 32];
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

	join(out, directory, names[2]);
	snprintf(cfg, sizeof(cfg), "boot/grub/grub.cfg=%s/%s", directory, names[0]);
	snprintf(archive, sizeof(archive), "boot/initramfs=%s/%s", directory, names[1]);
	snprintf(image, sizeof(image), "boot/vmlinuz=%s", kernel);
	for (int fd = 0; fd < 3; fd++)
		dup2(nowhere, fd);
	execl(path, ISO_PROGRAM, "-o", out, cfg, image, archive, (char *)NULL);
	_exit(127);
}

/* The image as a memory file: no path of it is left behind, however this process ends. */
static int take_image(const char *directory)
{
	char path[PATH_MAX];
	int file, image = memfd_create("box.iso", MFD_CLOEXEC);

	join(path, directory, names[2]);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (image >= 0 && (file < 0 || !copy(image, file))) {
		close(image);
		image = -1;
	}
	if (file >= 0)
		close(file);
	return image;
}

static int make(const char *path, const char *directory, const char *kernel, int initramfs)
{
	int status = -1;
	pid_t pid;

	if (!put_files(directory, initramfs)) {
		message("cannot write the disc of the box: %s", strerror(errno));
		return -1;
	}
	pid = fork();
	if (pid == 0)
		become_maker(path, directory, kernel);
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	if (status != 0) {
		message("%s could not make the disc of the box (it wants grub-pc-bin and xorriso)", ISO_PROGRAM);
		return -1;
	}
	return take_image(directory);
}

int iso_make(const char *path, const char *kernel, int initramfs)
{
	char directory[DIRECTORY_MAX], file[PATH_MAX];
	const char *tmp = getenv("TMPDIR");
	int image;

	if (snprintf(directory, sizeof(directory), "%s/vmm-box-XXXXXX", tmp && *tmp ? tmp : "/tmp") >=
	    (int)sizeof(directory) || !mkdtemp(directory)) {
		message("cannot make a directory for the disc of the box: %s", strerror(errno));
		return -1;
	}
	image = make(path, directory, kernel, initramfs);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		join(file, directory, names[i]);
		unlink(file);
	}
	rmdir(directory);
	return image;
}
