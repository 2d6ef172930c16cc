/*
 * A libFuzzer harness for guest files and how they start: whatever the bytes
 * are, image_open accepts or refuses them, by any boot protocol; what it
 * accepts keeps the promises of image.h; and its plan, carried out in a memory
 * of our own, is what such a kernel may rely on.  tools/fuzz builds and runs
 * it; fuzz_main.c drives it without libFuzzer.
 *
 * Input: protocol, memory, what is given to the guest, length of texts; the file.
 */
#include "fuzz_image.h"

#include "boot.h"
#include "image/boot_files.h"
#include "image/image.h"
#include "kvm/boot_layout.h"
#include "kvm/boot_plan.h"
#include "kvm/kvm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONTROL         4
#define MEMORY_MAX      0x4000000

enum { GIVE_APPEND = 1, GIVE_INITRD = 2, GIVE_RSDP = 4, GIVE_MODULES = 0x70, GIVE_LIMIT = 0x80 };

static uint8_t *memory;                 /* of the guest: zero between runs */
static uint64_t memory_size;

static void require(int condition)
{
	if (!condition)
		abort();
}

/* --- the image --- */

static void use_symbols(struct image *image, const struct segment *s)
{
	uint64_t offset;

	for (int j = 0; j < 32; j++) {
		const char *text = symbols_text(image->symbols, s->linear + (uint64_t)j * 7);
		const char *name = symbols_find(image->symbols, s->linear + (uint64_t)j, &offset);

		require(!text || strlen(text) > 0);
		require(!name || symbols_address(image->symbols, name, &offset));
	}
}

static void use_image(struct image *image, uint64_t limit)
{
	bool entered = image_is_plain(image);

	require(image->segment_count > 0 && image->symbols && image->protocol != BOOT_AUTO);
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct segment *s = &image->segments[i];

		require(s->file_size <= s->memory_size && s->memory_size <= limit && s->gpa <= limit - s->memory_size);
		require(i == 0 || s[-1].gpa + s[-1].memory_size <= s->gpa);
		entered = entered || image->entry - s->gpa < s->memory_size + LINUX_ENTRY_64;
		use_symbols(image, s);
	}
	require(entered);
}

/* --- the guest's memory, as the guest reads it --- */

static uint64_t word(uint64_t gpa, size_t size)
{
	uint64_t value = 0;

	require(size <= memory_size && gpa <= memory_size - size);
	memcpy(&value, memory + gpa, size);
	return value;
}

static void is_text(uint64_t gpa)
{
	require(gpa && gpa < memory_size && memchr(memory + gpa, 0, memory_size - gpa));
}

static void is_range(uint64_t from, uint64_t to)
{
	require(from < to && to <= memory_size);
}

static void read_multiboot(const struct x86_state *s, size_t modules)
{
	const uint64_t info = s->gpr[GPR_RBX], list = word(info + MBI_MODS_ADDR, 4), map = word(info + MBI_MMAP_ADDR, 4);

	require(s->gpr[GPR_RAX] == MULTIBOOT_EAX && word(info + MBI_MODS_COUNT, 4) == modules);
	is_text(word(info + MBI_CMDLINE, 4));
	is_text(word(info + MBI_LOADER_NAME, 4));
	for (size_t i = 0; i < modules; i++) {
		is_range(word(list + i * 16, 4), word(list + i * 16 + 4, 4));
		is_text(word(list + i * 16 + 8, 4));
	}
	for (uint64_t at = 0; at < word(info + MBI_MMAP_LENGTH, 4); at += 4 + word(map + at, 4))
		require(word(map + at, 4) == 20 && word(map + at + 4, 8) + word(map + at + 12, 8) <= memory_size + 0x100000);
	if (word(info + MBI_FLAGS, 4) & MBI_HAS_SECTIONS)
		word(word(info + MBI_SECTIONS + 8, 4) + (word(info + MBI_SECTIONS, 4) - 1) * word(info + MBI_SECTIONS + 4, 4), 8);
}

static void read_multiboot2(const struct x86_state *s, size_t modules)
{
	const uint64_t info = s->gpr[GPR_RBX], end = info + word(info, 4);
	uint64_t at = info + 8;

	require(s->gpr[GPR_RAX] == MULTIBOOT2_EAX && info % 8 == 0 && end <= memory_size);
	for (; word(at, 4) != MBI2_END; at += (word(at + 4, 4) + 7) & ~UINT64_C(7)) {
		require(at < end && word(at + 4, 4) >= 8 && word(at + 4, 4) <= end - at);
		if (word(at, 4) == MBI2_CMDLINE)
			is_text(at + 8);
		if (word(at, 4) != MBI2_MODULE)
			continue;
		require(modules-- > 0);
		is_range(word(at + 8, 4), word(at + 12, 4));
		is_text(at + 16);
	}
	require(modules == 0 && at + 8 == end);
}

static void read_pvh(const struct x86_state *s, size_t modules)
{
	const uint64_t info = s->gpr[GPR_RBX], list = word(info + PVH_START_MODLIST, 8);

	require(word(info, 4) == PVH_MAGIC && word(info + PVH_START_MODULES, 4) == modules);
	is_text(word(info + PVH_START_CMDLINE, 8));
	for (size_t i = 0; i < modules; i++) {
		is_range(word(list + i * 32, 8), word(list + i * 32, 8) + word(list + i * 32 + 8, 8));
		is_text(word(list + i * 32 + 16, 8));
	}
	word(word(info + PVH_START_MEMMAP, 8) + word(info + PVH_START_ENTRIES, 4) * 24 - 8, 8);
}

static void read_linux(const struct x86_state *s, bool has_initrd)
{
	const uint64_t params = s->gpr[GPR_RSI], initrd = word(params + LINUX_RAMDISK_IMAGE, 4);

	is_text(word(params + LINUX_CMD_LINE_PTR, 4));
	require(word(params + LINUX_E820_ENTRIES, 1) <= LINUX_E820_MAX && word(params + 0x1ef, 1) == 0);
	if (has_initrd)
		is_range(initrd, initrd + word(params + LINUX_RAMDISK_SIZE, 4));
	else
		require(initrd == 0 && word(params + LINUX_RAMDISK_SIZE, 4) == 0);
	if (s->cr3)
		require(word(word(word(s->cr3, 8) & ~UINT64_C(0xfff), 8) & ~UINT64_C(0xfff), 8) == 0x83);
}

static void read_it(const struct image *image, const struct boot_files *files, const struct x86_state *s)
{
	const size_t modules = files->module_count + (files->initrd.bytes != NULL);

	require(s->rip == image->entry && word(s->gdtr.base + s->cs.selector, 8));
	switch (image->protocol) {
	case BOOT_MULTIBOOT:
		read_multiboot(s, modules);
		break;
	case BOOT_MULTIBOOT2:
		read_multiboot2(s, modules);
		break;
	case BOOT_PVH:
		read_pvh(s, modules);
		break;
	default:
		read_linux(s, files->initrd.bytes);
	}
}

/* --- the start --- */

static void carry_out(const struct boot_plan *plan)
{
	for (size_t i = 0; i < plan->copy_count; i++) {
		const struct boot_copy *c = &plan->copies[i];

		require(c->file_size <= c->size && c->size <= memory_size && c->gpa <= memory_size - c->size);
		require(c->gpa + c->size <= 0x9fc00 || c->gpa >= 0x100000);
		for (size_t j = 0; j < i; j++)
			require(plan->copies[j].gpa + plan->copies[j].size <= c->gpa ||
				c->gpa + c->size <= plan->copies[j].gpa);
		if (c->file_size)
			memcpy(memory + c->gpa, c->bytes, c->file_size);
	}
}

static void wipe(const struct boot_plan *plan)
{
	for (size_t i = 0; i < plan->copy_count; i++)
		if (plan->copies[i].file_size)
			memset(memory + plan->copies[i].gpa, 0, plan->copies[i].file_size);
}

static void start(const struct image *image, const struct boot_files *files, bool has_rsdp)
{
	static const uint8_t rsdp[36] = "RSD PTR ";
	const struct boot_machine machine = {
		.memory_size = memory_size, .rsdp = has_rsdp ? 0xe0000 : 0, .rsdp_bytes = has_rsdp ? rsdp : NULL,
	};
	struct boot_plan plan;
	char why[400] = "";

	require(boot_memory_wanted(image, files) > 0);
	if (boot_plan(&plan, image, files, &machine, why, sizeof(why))) {
		carry_out(&plan);
		read_it(image, files, &plan.state);
		wipe(&plan);
	} else {
		require(why[0] && !strchr(why, '\n'));
	}
	boot_plan_free(&plan);
}

static void start_plain(const struct image *image)
{
	struct boot_block block = { .size = boot_reserved(memory_size) };
	struct x86_state state;
	char why[160] = "";

	block.base = memory_size - block.size;
	block.bytes = memory + block.base;
	if (boot_layout(&block, image, &state, why, sizeof(why)))
		require(word(state.gdtr.base + state.cs.selector, 8));
	else
		require(why[0] && !strchr(why, '\n'));
	memset(block.bytes, 0, block.size);
}

static void try_it(struct image *image, uint64_t limit, unsigned given, unsigned length)
{
	static uint8_t contents[0x2000];
	static char text[256 * 16 + 1];
	struct boot_files files = { .append = given & GIVE_APPEND ? text : NULL };

	memset(text, 'a', sizeof(text) - 1);
	text[length * 16] = '\0';
	if (given & GIVE_INITRD)
		files.initrd = (struct boot_module){ "initrd", contents, sizeof(contents) };
	for (unsigned i = 0; i < (given & GIVE_MODULES) >> 4; i++)
		files.module[files.module_count++] = (struct boot_module){ text, contents, 1 + i * 0x300 };
	use_image(image, limit);
	if (image_is_plain(image))
		start_plain(image);
	else
		start(image, &files, given & GIVE_RSDP);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t sizes[] = { 0x200000, 0x123000, 0x1000000, MEMORY_MAX };
	static int fd = -1;
	struct image_request request;
	struct image image;
	char path[64], why[400] = "";

	if (size <= CONTROL)
		return 0;
	if (fd < 0) {
		fd = memfd_create("guest", 0);
		memory = mmap(NULL, MEMORY_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	}
	require(fd >= 0 && memory != MAP_FAILED && ftruncate(fd, 0) == 0 &&
		pwrite(fd, data + CONTROL, size - CONTROL, 0) == (ssize_t)(size - CONTROL));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memory_size = sizes[data[1] % 4];
	request = (struct image_request){
		.protocol = data[0] % (BOOT_LINUX + 1), .limit = data[2] & GIVE_LIMIT ? VM_MEMORY_MAX : memory_size,
		.elf_limit = memory_size > boot_reserved(memory_size) ? memory_size - boot_reserved(memory_size) : 0,
	};
	if (request.elf_limit && image_open(&image, path, &request, why, sizeof(why)))
		try_it(&image, request.limit, data[2], data[3]);
	else if (request.elf_limit)
		require(why[0] && !strchr(why, '\n') && !image.handle);
	if (request.elf_limit)
		image_close(&image);
	return 0;
}
