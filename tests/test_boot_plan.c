/*
 * Where things go in the memory of a guest that is about to start: apart from
 * each other, in usable memory alone, and what is said where there is no room.
 */
#include "boot_bytes.h"

#include "kvm/kvm.h"

static struct boot_machine machine;
static struct segment segment[3];
static struct image image;
static struct boot_files files;
static uint8_t bytes[0x3000];

static void setup(void)
{
	machine = (struct boot_machine){ .memory_size = BYTES_LIMIT };
	segment[0] = (struct segment){ .gpa = 0x100000, .file_size = 0x100, .memory_size = 0x1234, .bytes = bytes };
	image = (struct image){ .protocol = BOOT_MULTIBOOT, .entry = 0x100000, .segments = segment, .segment_count = 1 };
	files = (struct boot_files){ 0 };
	memset(bytes, 0x5a, sizeof(bytes));
}

static void refuses(const char *clause)
{
	cr_assert_not(plan_it(&image, &files, &machine));
	cr_expect_str_eq(why, clause);
}

static void add_module(const char *text, size_t size)
{
	files.module[files.module_count++] = (struct boot_module){ .text = text, .bytes = bytes, .size = size };
}

/* Of module N, by the Multiboot information. */
static uint64_t module(unsigned n)
{
	return word(word(started.gpr[GPR_RBX] + 24, 4) + n * 16, 4);
}

TestSuite(boot_plan, .init = setup);

Test(boot_plan, the_memory_map)
{
	struct boot_memory map[BOOT_MEMORY_ENTRIES];

	cr_assert_eq(boot_memory_map(BYTES_LIMIT, map), 4);
	cr_assert(map[0].base == 0 && map[0].size == 0x9fc00 && map[0].type == 1);
	cr_assert(map[1].base == 0x9fc00 && map[1].size == 0x400 && map[1].type == 2);
	cr_assert(map[2].base == 0xe0000 && map[2].size == 0x20000 && map[2].type == 2);
	cr_assert(map[3].base == 0x100000 && map[3].size == BYTES_LIMIT - 0x100000 && map[3].type == 1);
	cr_assert_eq(boot_lower_kib(), 639);
	cr_assert_eq(boot_upper_kib(BYTES_LIMIT), 63 * 1024);
	cr_assert_eq(boot_upper_kib(VM_MEMORY_MAX), 3071 * 1024);
}

Test(boot_plan, a_kernel_in_reserved_memory)
{
	static const struct { uint64_t gpa, size; bool fits; } places[] = {
		{ 0, 0x1000, true }, { 0x9f000, 0xc00, true }, { 0x9f000, 0xc01, false }, { 0xa0000, 1, false },
		{ 0xc0000, 1, false }, { 0xe0000, 1, false }, { 0xfffff, 2, false }, { 0x100000, BYTES_LIMIT - 0x100000, true },
		{ 0x100000, BYTES_LIMIT - 0xfffff, false }, { BYTES_LIMIT, 1, false }, { UINT64_MAX, 1, false },
		{ 1, UINT64_MAX, false },
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		segment[0] = (struct segment){ .gpa = places[i].gpa, .memory_size = places[i].size };
		cr_expect_eq(plan_it(&image, &files, &machine), places[i].fits, "place %zu", i);
	}
	segment[0] = (struct segment){ .gpa = 0xb8000, .memory_size = 0x10 };
	refuses("the segment at 0xb8000 of 0x10 bytes is not in usable memory: that is 0 to 0x9fc00 and 0x100000 to 0x4000000");
}

Test(boot_plan, modules_stand_behind_the_kernel)
{
	segment[1] = (struct segment){ .gpa = 0x300001, .memory_size = 0x10 };
	image.segment_count = 2;
	add_module("a", 0x1001);
	add_module("b", 0x1000);
	add_module("c", 1);
	cr_assert(plan_it(&image, &files, &machine), "%s", why);
	cr_assert_eq(module(0), 0x301000);
	cr_assert_eq(module(1), 0x303000);
	cr_assert_eq(module(2), 0x304000);
	cr_assert_eq(memory[0x302000], 0x5a);
	cr_assert_eq(memory[0x302001], 0);
}

/* A module that does not fit behind the others, though the sum would. */
Test(boot_plan, no_room_for_a_module)
{
	machine.memory_size = 0x104000;
	add_module("some/file args", 0x2000);
	cr_assert(plan_it(&image, &files, &machine), "%s", why);
	cr_assert_eq(module(0), 0x102000);
	files.module[0].size = 0x2001;
	refuses("some/file args: no room for its 0x2001 bytes between 0x101234 and 0x104000 (--memory=SIZE gives more)");
	files.module[0].size = 0x1000;
	add_module("next", 0x1001);
	refuses("next: no room for its 0x1001 bytes between 0x101234 and 0x104000 (--memory=SIZE gives more)");
	files.module[1].size = 0x1000;
	cr_assert(plan_it(&image, &files, &machine), "%s", why);
}

/* Low memory first; where the kernel has that, the top; where it has both, what is left anywhere. */
Test(boot_plan, the_information_goes_where_there_is_room)
{
	cr_assert(plan_it(&image, &files, &machine), "%s", why);
	cr_assert_geq(started.gpr[GPR_RBX], 0x10000);
	cr_assert_lt(started.gpr[GPR_RBX], 0x9fc00);
	segment[1] = (struct segment){ .gpa = 0x10000, .memory_size = 0x8fc00 };
	image.segment_count = 2;
	cr_assert(plan_it(&image, &files, &machine), "%s", why);
	cr_assert_geq(started.gpr[GPR_RBX], BYTES_LIMIT - 0x1000);
	segment[0].memory_size = BYTES_LIMIT - 0x100000;
	cr_assert(plan_it(&image, &files, &machine), "%s", why);
	cr_assert_geq(started.gpr[GPR_RBX], 0x1000);
	cr_assert_lt(started.gpr[GPR_RBX], 0x10000);
	segment[1] = (struct segment){ .gpa = 0, .memory_size = 0x9fc00 };
	cr_assert_not(plan_it(&image, &files, &machine));
	cr_assert_not_null(strstr(why, "no room for the boot information of 0x"));
}

/* In the holes between many segments, by turns. */
Test(boot_plan, between_many_segments)
{
	static struct segment many[200];

	for (unsigned i = 0; i < 200; i++)
		many[i] = (struct segment){ .gpa = 0x10000 + i * 0x800, .memory_size = i == 77 ? 1 : 0x801 - (i == 199) };
	/* All touch but for the one after number 77. */
	for (unsigned i = 0; i < 200; i++)
		many[i].memory_size = many[i].memory_size > 0x800 ? 0x800 : many[i].memory_size;
	image.segments = many;
	image.segment_count = 200;
	cr_assert(plan_it(&image, &files, &machine), "%s", why);
	cr_assert_geq(started.gpr[GPR_RBX], 0x10000 + 200 * 0x800);
}

Test(boot_plan, long_texts_take_more_room)
{
	static char text[0x20000];

	memset(text, 'x', sizeof(text) - 1);
	files.append = text;
	for (int i = 0; i < 32; i++)
		add_module(text, 1);
	for (enum boot_protocol p = BOOT_MULTIBOOT; p <= BOOT_PVH; p++) {
		image.protocol = p;
		cr_assert(plan_it(&image, &files, &machine), "%s", why);
	}
	machine.memory_size = 0x200000;
	cr_assert_not(plan_it(&image, &files, &machine));
	cr_assert_not_null(strstr(why, "no room"));
}

Test(boot_plan, a_plain_guest_is_not_for_it)
{
	image.protocol = BOOT_ELF64;
	refuses("a plain ELF guest is not started this way");
}

Test(boot_plan, the_memory_that_is_wanted)
{
	cr_assert_eq(boot_memory_wanted(&image, &files), 0x101234 + 0x101234 / 4);
	segment[0].gpa = 0;
	cr_assert_eq(boot_memory_wanted(&image, &files), 0x140000);
	add_module("a", 0x1001);
	cr_assert_eq(boot_memory_wanted(&image, &files), 0x142000);
	files.initrd = (struct boot_module){ .text = "i", .bytes = bytes, .size = 0x3000 };
	cr_assert_eq(boot_memory_wanted(&image, &files), 0x142000 + 4 * 0x3000);
}

/* --- the sections of an ELF kernel --- */

static struct elf_writer w;

static void loads_elf(void)
{
	put(w.file.bytes[0], 0x1badb002, 4);
	put(w.file.bytes[0] + 4, 3, 4);
	put(w.file.bytes[0] + 8, -(0x1badb002 + 3), 4);
	cr_assert(open_as(&image, &w.file, sizeof(w.file), BOOT_MULTIBOOT), "%s", why);
	cr_assert(plan_it(&image, &files, &machine), "%s", why);
}

static uint64_t section_address(unsigned n)
{
	return word(word(started.gpr[GPR_RBX] + 36, 4) + n * 64 + 16, 8);
}

Test(boot_plan, sections_that_no_segment_brings)
{
	elf_good(&w);
	elf_symbol(&w, "entry", 0x12, 0x100000, 4);
	loads_elf();
	cr_assert_eq(word(started.gpr[GPR_RBX], 4) & 0x20, 0x20);
	cr_assert_eq(word(started.gpr[GPR_RBX] + 28, 4), W_SECTIONS);
	cr_assert_eq(word(started.gpr[GPR_RBX] + 32, 4), 64);
	cr_assert_eq(section_address(W_TEXT), 0x100000);
	cr_assert_eq(section_address(W_NULL), 0);
	cr_assert_str_eq(text_at(section_address(W_STRTAB) + 1), "entry");
	cr_assert_eq(word(section_address(W_SYMTAB) + 24 + 8, 8), 0x100000);
	image_close(&image);
}

Test(boot_plan, sections_that_cannot_be)
{
	elf_good(&w);
	w.file.section[W_STRTAB].sh_size = UINT64_MAX;
	w.file.section[W_SYMTAB].sh_offset = UINT64_MAX;
	loads_elf();
	cr_assert_eq(section_address(W_STRTAB), 0);
	cr_assert_eq(section_address(W_SYMTAB), 0);
	image_close(&image);
	/* Room for one alone: the kernel starts without the other. */
	elf_good(&w);
	w.file.segment[1].p_paddr = 0x102000;
	w.file.segment[1].p_memsz = BYTES_LIMIT - 0x102100;
	loads_elf();
	cr_assert_eq(section_address(W_SYMTAB), BYTES_LIMIT - 0x100);
	cr_assert_eq(section_address(W_STRTAB), 0);
	image_close(&image);
}
