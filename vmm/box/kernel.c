/*
 * Finding the kernel of the box: build/box, made by tools/box, or the
 * package installed on this machine.  Reads directories, no contents.
 */
#include "box/kernel.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char image_prefix[] = "vmlinuz-", image_suffix[] = "-cloud-amd64";

const struct box_module box_modules[] = {
	{ "irqbypass", "virt/lib/irqbypass.ko" },
	{ "kvm", "arch/x86/kvm/kvm.ko" },
	{ "kvm-amd", "arch/x86/kvm/kvm-amd.ko" },
	{ "virtio_ring", "drivers/virtio/virtio_ring.ko" },
	{ "virtio", "drivers/virtio/virtio.ko" },
	{ "virtio_mmio", "drivers/virtio/virtio_mmio.ko" },
	{ "virtio_console", "drivers/char/virtio_console.ko" },
	{ NULL, NULL }
};

const struct box_module box_modules_intel[] = {
	{ "irqbypass", "virt/lib/irqbypass.ko" },
	{ "kvm", "arch/x86/kvm/kvm.ko" },
	{ "kvm-intel", "arch/x86/kvm/kvm-intel.ko" },
	{ NULL, NULL }
};

static bool join(char path[static PATH_MAX], const char *a, const char *b, const char *c)
{
	return snprintf(path, PATH_MAX, "%s%s%s", a, b, c) < PATH_MAX;
}

static bool complete(const struct box_kernel *kernel, const struct box_module *modules)
{
	char path[PATH_MAX];

	for (const struct box_module *m = modules; m->name; m++)
		if (!join(path, kernel->modules, "/", m->path) || access(path, R_OK) != 0)
			return false;
	return access(kernel->image, R_OK) == 0;
}

static bool is_image(const char *name)
{
	size_t length = strlen(name), prefix = strlen(image_prefix), suffix = strlen(image_suffix);

	return length > prefix + suffix && strncmp(name, image_prefix, prefix) == 0 &&
	       strcmp(name + length - suffix, image_suffix) == 0;
}

/* The newest complete kernel under root, "" for the machine's own. */
static bool find_under(const char *root, const struct box_module *modules, struct box_kernel *kernel)
{
	char boot[PATH_MAX], best[NAME_MAX + 1] = "", release[PATH_MAX];
	const struct dirent *entry;
	struct box_kernel found;
	DIR *directory;

	if (!join(boot, root, "/boot", "") || (directory = opendir(boot)) == NULL)
		return false;
	while ((entry = readdir(directory)) != NULL) {
		const char *name = entry->d_name;

		if (!is_image(name) || strverscmp(name, best) <= 0)
			continue;
		if (!join(release, name + strlen(image_prefix), "/kernel", "") ||
		    !join(found.image, boot, "/", name) ||
		    !join(found.modules, root, "/lib/modules/", release) ||
		    !complete(&found, modules))
			continue;
		snprintf(best, sizeof(best), "%s", name);
		*kernel = found;
	}
	closedir(directory);
	return best[0] != '\0';
}

bool box_directory(char path[static PATH_MAX])
{
	char self[PATH_MAX], *slash;
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length <= 0)
		return false;
	self[length] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return join(path, self, "/box", "");
}

bool box_kernel_find(const struct box_module *modules, struct box_kernel *kernel)
{
	char beside[PATH_MAX];

	return (box_directory(beside) && find_under(beside, modules, kernel)) || find_under("", modules, kernel);
}
