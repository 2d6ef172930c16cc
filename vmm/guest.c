/*
 * Opens what a guest is made from, its file and those it is given, and refuses
 * here what can be refused before anything boots.  Owns the choice of memory.
 */
#include "guest.h"

#include "engine.h"
#include "kvm/kvm.h"
#include "message.h"

#include <sys/stat.h>

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Whether the trace would go over one of the files that it is made from. */
static bool overwrites(const struct options *o, const char *path)
{
	if (!o->output || !path || !same_file(o->output, path))
		return false;
	message("%s: the trace would overwrite the guest", o->output);
	return true;
}

static bool overwrites_any(const struct options *o)
{
	for (unsigned i = 0; i < o->modules; i++)
		if (overwrites(o, o->module[i].path))
			return true;
	return overwrites(o, o->guest) || overwrites(o, o->initrd.path);
}

static bool read_files(const struct options *o, struct boot_files *files, char *why, size_t why_size)
{
	files->append = o->append;
	for (unsigned i = 0; i < o->modules; i++) {
		if (!boot_file_read(&files->module[i], o->module[i].path, o->module[i].text, why, why_size))
			return false;
		files->module_count++;
	}
	return !o->initrd.path || boot_file_read(&files->initrd, o->initrd.path, o->initrd.text, why, why_size);
}

/* Where nobody said how much, a kernel that wants more than the default gets more. */
static void choose_memory(struct options *o, const struct guest *guest)
{
	uint64_t wanted = boot_memory_wanted(&guest->image, &guest->files);

	if (o->memory_set || image_is_plain(&guest->image))
		return;
	while (o->memory < wanted && o->memory < VM_MEMORY_MAX)
		o->memory = o->memory * 2 < VM_MEMORY_MAX ? o->memory * 2 : VM_MEMORY_MAX;
}

static void tell_choices(const struct options *o, const struct guest *guest, uint64_t usual_memory)
{
	if (o->memory > usual_memory)
		message("%s: %lluM of memory are too little: it gets %lluM (--memory=SIZE sets another size)", o->guest,
			(unsigned long long)usual_memory >> 20, (unsigned long long)o->memory >> 20);
	/* Once, not from inside the box too. */
	if (guest->image.remark && !engine_box())
		message("%s: %s", o->guest, guest->image.remark);
}

bool guest_open(struct guest *guest, struct options *o)
{
	const struct image_request request = {
		.protocol = o->boot, .limit = o->memory_set ? o->memory : VM_MEMORY_MAX,
		.elf_limit = o->memory - boot_reserved(o->memory),
	};
	const uint64_t usual_memory = o->memory;
	char why[400];

	if (!image_open(&guest->image, o->guest, &request, why, sizeof why)) {
		message("%s: %s", o->guest, why);
		return false;
	}
	if (!read_files(o, &guest->files, why, sizeof why)) {
		message("%s", why);
		return false;
	}
	choose_memory(o, guest);
	if (!boot_check(&guest->image, &guest->files, o->memory, why, sizeof why)) {
		message("%s: %s", o->guest, why);
		return false;
	}
	if (overwrites_any(o))
		return false;
	tell_choices(o, guest, usual_memory);
	return true;
}

void guest_close(struct guest *guest)
{
	boot_files_close(&guest->files);
	image_close(&guest->image);
}
