/*
 * Symbols of a guest file: which are taken, what they cover, which name wins,
 * and names that are meant to do harm.
 */
#include "image/image.h"
#include "elf_writer.h"

#include <criterion/criterion.h>

#define LIMIT 0x4000000
#define FUNC(bind) ELF64_ST_INFO(bind, STT_FUNC)
#define OBJECT(bind) ELF64_ST_INFO(bind, STT_OBJECT)
#define NOTYPE(bind) ELF64_ST_INFO(bind, STT_NOTYPE)

static struct image open_written(const struct elf_writer *w)
{
	struct image image;
	char why[256] = "";
	int fd;

	cr_assert(image_open_elf(&image, elf_path(&w->file, sizeof(w->file), &fd), LIMIT, why, sizeof(why)), "%s", why);
	close(fd);
	return image;
}

static void expect_text(struct image *image, uint64_t address, const char *text)
{
	const char *found = symbols_text(image->symbols, address);

	if (!text)
		cr_expect_null(found, "0x%llx is %s", (unsigned long long)address, found);
	else
		cr_expect(found && strcmp(found, text) == 0, "0x%llx is %s, expected %s",
			  (unsigned long long)address, found ? found : "nothing", text);
}

Test(image_symbols, by_address_with_sizes)
{
	struct elf_writer w;
	struct image image;
	uint64_t address = 0;

	elf_good(&w);
	elf_symbol(&w, "KiSystemService", FUNC(STB_GLOBAL), 0x100080, 0x10);
	elf_symbol(&w, "KiSystemCall64", FUNC(STB_GLOBAL), 0x100020, 0x30);
	image = open_written(&w);
	expect_text(&image, 0x10001f, NULL);
	expect_text(&image, 0x100020, "KiSystemCall64");
	expect_text(&image, 0x10003a, "KiSystemCall64+1A");
	expect_text(&image, 0x10004f, "KiSystemCall64+2F");
	expect_text(&image, 0x100050, NULL);
	expect_text(&image, 0x10008f, "KiSystemService+F");
	expect_text(&image, 0x100090, NULL);
	cr_expect(symbols_address(image.symbols, "KiSystemCall64", &address));
	cr_expect_eq(address, 0x100020);
	cr_expect_not(symbols_address(image.symbols, "KiSystemCall", &address));
	image_close(&image);
}

Test(image_symbols, without_a_size_up_to_the_next_or_the_end_of_the_section)
{
	struct elf_writer w;
	struct image image;

	elf_good(&w);
	elf_symbol(&w, "first", NOTYPE(STB_GLOBAL), 0x100010, 0);
	elf_symbol(&w, "last", FUNC(STB_GLOBAL), 0x100040, 0);
	image = open_written(&w);
	expect_text(&image, 0x10003f, "first+2F");
	expect_text(&image, 0x100040, "last");
	expect_text(&image, 0x1000ff, "last+BF");
	expect_text(&image, 0x100100, NULL);
	image_close(&image);
}

Test(image_symbols, the_better_of_several_names)
{
	struct elf_writer w;
	struct image image;
	uint64_t address = 0;

	elf_good(&w);
	elf_symbol(&w, "a_label", NOTYPE(STB_GLOBAL), 0x100020, 0);
	elf_symbol(&w, "b_object", OBJECT(STB_GLOBAL), 0x100020, 8);
	elf_symbol(&w, "c_local", FUNC(STB_LOCAL), 0x100020, 8);
	elf_symbol(&w, "d_weak", FUNC(STB_WEAK), 0x100020, 8);
	elf_symbol(&w, "z_global", FUNC(STB_GLOBAL), 0x100020, 8);
	elf_symbol(&w, "inner", NOTYPE(STB_LOCAL), 0x100022, 0);
	elf_symbol(&w, "after", NOTYPE(STB_LOCAL), 0x100028, 0);
	image = open_written(&w);
	expect_text(&image, 0x100020, "z_global");
	expect_text(&image, 0x100024, "z_global+4");
	expect_text(&image, 0x100029, "after+1");
	cr_expect(symbols_address(image.symbols, "inner", &address));
	cr_expect_eq(address, 0x100022);
	cr_expect(symbols_address(image.symbols, "a_label", &address));
	image_close(&image);
}

/* A local label after a function without a size is a place of its own. */
Test(image_symbols, labels_after_a_function_without_a_size)
{
	struct elf_writer w;
	struct image image;

	elf_good(&w);
	elf_symbol(&w, "function", FUNC(STB_GLOBAL), 0x100020, 0);
	elf_symbol(&w, "label", NOTYPE(STB_LOCAL), 0x100030, 0);
	image = open_written(&w);
	expect_text(&image, 0x100031, "label+1");
	image_close(&image);
}

Test(image_symbols, what_is_no_place_is_not_taken)
{
	struct elf_writer w;
	struct image image;
	uint64_t address = 0;

	elf_good(&w);
	elf_symbol(&w, "undefined", FUNC(STB_GLOBAL), 0x100010, 8)->st_shndx = SHN_UNDEF;
	elf_symbol(&w, "section", ELF64_ST_INFO(STB_LOCAL, STT_SECTION), 0x100010, 8);
	elf_symbol(&w, "file.c", ELF64_ST_INFO(STB_LOCAL, STT_FILE), 0x100010, 8);
	elf_symbol(&w, "FRAME_SIZE", NOTYPE(STB_LOCAL), 0x100010, 0)->st_shndx = SHN_ABS;
	elf_symbol(&w, "", FUNC(STB_GLOBAL), 0x100010, 8);
	image = open_written(&w);
	expect_text(&image, 0x100010, NULL);
	cr_expect(symbols_address(image.symbols, "FRAME_SIZE", &address), "numbers have names");
	cr_expect_not(symbols_address(image.symbols, "undefined", &address));
	cr_expect_not(symbols_address(image.symbols, "file.c", &address));
	cr_expect_not(symbols_address(image.symbols, "", &address));
	image_close(&image);
}

Test(image_symbols, hostile_names)
{
	struct elf_writer w;
	struct image image;
	Elf64_Sym *s;

	elf_good(&w);
	elf_symbol(&w, "\x1b[31mred\n%s", FUNC(STB_GLOBAL), 0x100010, 0x10);
	elf_symbol(&w, "\xc3\xa9", FUNC(STB_GLOBAL), 0x100020, 0x10);
	elf_symbol(&w, "x", FUNC(STB_GLOBAL), 0x100030, 0x10)->st_name = 0xffffffff;
	s = elf_symbol(&w, "y", FUNC(STB_GLOBAL), 0x100040, 0x10);
	s->st_name = sizeof(w.file.strings) - 3;
	memcpy(w.file.strings + sizeof(w.file.strings) - 3, "abc", 3);
	image = open_written(&w);
	expect_text(&image, 0x100010, "?[31mred?%s");
	expect_text(&image, 0x100020, "??");
	expect_text(&image, 0x100030, NULL);
	expect_text(&image, 0x100040, NULL);
	image_close(&image);
}

Test(image_symbols, long_names_are_cut)
{
	struct elf_writer w;
	struct image image;
	char name[401], cut[300];

	memset(name, 'n', 400);
	name[400] = '\0';
	elf_good(&w);
	elf_symbol(&w, name, FUNC(STB_GLOBAL), 0x100010, 0x10);
	image = open_written(&w);
	snprintf(cut, sizeof(cut), "%.255s", name);
	expect_text(&image, 0x100010, cut);
	strcat(cut, "+F");
	expect_text(&image, 0x10001f, cut);
	image_close(&image);
}

Test(image_symbols, hostile_values_do_not_wrap)
{
	struct elf_writer w;
	struct image image;

	elf_good(&w);
	elf_symbol(&w, "huge", FUNC(STB_GLOBAL), 0x100010, UINT64_MAX);
	elf_symbol(&w, "top", FUNC(STB_GLOBAL), UINT64_MAX, UINT64_MAX);
	elf_symbol(&w, "nowhere", FUNC(STB_GLOBAL), 0x100020, 0)->st_shndx = 0x7777;
	image = open_written(&w);
	expect_text(&image, 0x10000f, NULL);
	expect_text(&image, 0x100020, "huge+10");
	expect_text(&image, UINT64_MAX - 1, "huge+FFFFFFFFFFEFFFEE");
	expect_text(&image, UINT64_MAX, "top");
	image_close(&image);
}

Test(image_symbols, dynsym_when_there_is_no_symtab)
{
	struct elf_writer w;
	struct image image;

	elf_good(&w);
	elf_symbol(&w, "name", FUNC(STB_GLOBAL), 0x100010, 0x10);
	w.file.section[W_SYMTAB].sh_type = SHT_DYNSYM;
	image = open_written(&w);
	expect_text(&image, 0x100011, "name+1");
	image_close(&image);
}

Test(image_symbols, a_file_without_a_usable_table_has_none)
{
	static const struct { size_t offset; uint32_t value; } spoils[] = {
		{ offsetof(struct elf_file, section[W_SYMTAB].sh_link), 0xffff },
		{ offsetof(struct elf_file, section[W_SYMTAB].sh_link), W_TEXT },
		{ offsetof(struct elf_file, section[W_SYMTAB].sh_offset), 0x7fffffff },
		{ offsetof(struct elf_file, section[W_SYMTAB].sh_size), 0x7fffffff },
		{ offsetof(struct elf_file, section[W_SYMTAB].sh_type), SHT_NOBITS },
		{ offsetof(struct elf_file, section[W_STRTAB].sh_size), 0x7fffffff },
		{ offsetof(struct elf_file, header.e_shoff), 0x7fffffff },
		{ offsetof(struct elf_file, header.e_shnum), 0 },
	};

	for (size_t i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
		struct elf_writer w;
		struct image image;

		elf_good(&w);
		elf_symbol(&w, "name", FUNC(STB_GLOBAL), 0x100010, 0x10);
		memcpy((uint8_t *)&w.file + spoils[i].offset, &spoils[i].value,
		       i == 7 ? sizeof(uint16_t) : sizeof(uint32_t));
		image = open_written(&w);
		expect_text(&image, 0x100010, NULL);
		image_close(&image);
	}
}

/* One text an address, the same pointer for ever, however many there are. */
Test(image_symbols, texts_are_interned)
{
	static const char *texts[0x10000];
	struct elf_writer w;
	struct image image;
	char expected[32];

	elf_good(&w);
	elf_symbol(&w, "f", FUNC(STB_GLOBAL), 0x100000, 0x10000);
	image = open_written(&w);
	for (unsigned i = 0; i < 0x10000; i++)
		texts[i] = symbols_text(image.symbols, 0x100000 + i);
	for (unsigned i = 1; i < 0x10000; i++) {
		snprintf(expected, sizeof(expected), "f+%X", i);
		cr_assert_str_eq(texts[i], expected);
		cr_assert_eq(symbols_text(image.symbols, 0x100000 + i), texts[i]);
	}
	image_close(&image);
}
