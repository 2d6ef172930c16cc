/*
 * A file's bytes as an ELF executable for x86-64 or i386.  Owns the rules for its
 * header; the segments are in segments.c.  Knows neither KVM nor what a guest
 * is loaded for.
 *
 * Every range is checked against the file's own length before libelf is asked
 * for anything in it.
 */
#include "image/loader.h"

#include <gelf.h>
#include <libelf.h>
#include <string.h>

#define SECTIONS_MAX 1024

static bool looks_like_text(const struct loader *l)
{
	size_t n = l->size < 512 ? l->size : 512;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = l->bytes[i];

		if (c == 0x7f || (c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f'))
			return false;
	}
	return true;
}

static bool check_magic(const struct loader *l)
{
	size_t n = l->size < SELFMAG ? l->size : SELFMAG;

	if (l->size >= 2 && memcmp(l->bytes, "#!", 2) == 0)
		return refuse(l, "not an ELF file (a script)");
	if (memcmp(l->bytes, ELFMAG, n) != 0)
		return refuse(l, "not an ELF file%s", looks_like_text(l) ? " (text)" : "");
	if (l->size < EI_NIDENT)
		return refuse(l, "truncated: %zu bytes do not hold an ELF identification", l->size);
	return true;
}

static const char *machine_name(unsigned machine)
{
	static const struct { unsigned machine; const char *name; } names[] = {
		{ EM_X86_64, "x86-64" },
		{ EM_386, "i386" },     { EM_AARCH64, "AArch64" }, { EM_ARM, "ARM" },
		{ EM_RISCV, "RISC-V" }, { EM_PPC64, "PowerPC64" }, { EM_PPC, "PowerPC" },
		{ EM_S390, "S/390" },   { EM_MIPS, "MIPS" },       { EM_IA_64, "Itanium" },
		{ EM_SPARCV9, "SPARC V9" }, { EM_SPARC, "SPARC" }, { EM_ALPHA, "Alpha" },
		{ EM_68K, "Motorola 68000" }, { EM_BPF, "BPF" },   { 258, "LoongArch" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return NULL;
}

static bool check_identification(const struct loader *l)
{
	const uint8_t *id = l->bytes;

	if (id[EI_CLASS] != ELFCLASS32 && id[EI_CLASS] != ELFCLASS64)
		return refuse(l, "unknown ELF class %u", id[EI_CLASS]);
	if (id[EI_DATA] == ELFDATA2MSB)
		return refuse(l, "big-endian ELF; x86 is little-endian");
	if (id[EI_DATA] != ELFDATA2LSB)
		return refuse(l, "unknown ELF byte order %u", id[EI_DATA]);
	if (id[EI_VERSION] != EV_CURRENT)
		return refuse(l, "unknown ELF version %u", id[EI_VERSION]);
	l->image->is_32bit = id[EI_CLASS] == ELFCLASS32;
	if (l->size < header_size(l))
		return refuse(l, "truncated: the ELF header needs %zu bytes, the file has %zu",
			      header_size(l), l->size);
	return true;
}

static bool check_machine(const struct loader *l, const GElf_Ehdr *header)
{
	const unsigned wanted = l->image->is_32bit ? EM_386 : EM_X86_64;
	const char *name = machine_name(header->e_machine);

	if (header->e_machine == wanted)
		return true;
	if (name)
		return refuse(l, "built for %s, not for %s", name, machine_name(wanted));
	return refuse(l, "built for ELF machine %u, not for %s", header->e_machine, machine_name(wanted));
}

static bool check_type(const struct loader *l, const GElf_Ehdr *header)
{
	switch (header->e_type) {
	case ET_EXEC:
		return true;
	case ET_REL:
		return refuse(l, "a relocatable object, not a linked executable");
	case ET_DYN:
		return refuse(l, "a shared object or position-independent executable; link it with -no-pie");
	case ET_CORE:
		return refuse(l, "a core dump, not an executable");
	default:
		return refuse(l, "ELF type %u is not an executable", header->e_type);
	}
}

static bool check_program_headers(const struct loader *l, const GElf_Ehdr *header)
{
	if (header->e_phnum == 0 || header->e_phoff == 0)
		return refuse(l, "no program headers, so nothing to load");
	if (header->e_phnum > SEGMENTS_MAX)
		return refuse(l, "%u program headers; at most %u are supported", header->e_phnum,
			      SEGMENTS_MAX);
	if (header->e_phentsize != program_header_size(l))
		return refuse(l, "program headers of %u bytes instead of %zu", header->e_phentsize,
			      program_header_size(l));
	if (!range_within(header->e_phoff, header->e_phnum * program_header_size(l), l->size))
		return refuse(l, "truncated: the program headers at 0x%llx reach past the end of the file at 0x%zx",
			      (unsigned long long)header->e_phoff, l->size);
	return true;
}

/* A section header table that is inside the file; what it says is for its reader to doubt. */
static void take_sections(const struct loader *l, const GElf_Ehdr *header)
{
	const size_t entry_size = l->image->is_32bit ? sizeof(Elf32_Shdr) : sizeof(Elf64_Shdr);

	if (header->e_shnum == 0 || header->e_shnum > SECTIONS_MAX || header->e_shentsize != entry_size ||
	    header->e_shstrndx >= header->e_shnum || !range_within(header->e_shoff, header->e_shnum * entry_size, l->size))
		return;
	l->image->sections = (struct image_sections){
		.headers = l->bytes + header->e_shoff, .count = header->e_shnum, .entry_size = (uint32_t)entry_size,
		.names = header->e_shstrndx,
	};
}

static bool load(const struct loader *l, Elf *elf, with_elf *load_it)
{
	GElf_Ehdr header;

	if (!gelf_getehdr(elf, &header))
		return refuse(l, "unreadable ELF header: %s", elf_errmsg(-1));
	if (!check_machine(l, &header) || !check_type(l, &header) || !check_program_headers(l, &header) ||
	    !load_it(l, elf, &header))
		return false;
	if (l->physical)
		take_sections(l, &header);
	l->image->symbols = symbols_load(elf);
	return l->image->symbols || refuse(l, "out of memory");
}

bool is_elf(const struct loader *l)
{
	return l->size >= EI_NIDENT && memcmp(l->bytes, ELFMAG, SELFMAG) == 0;
}

bool load_with_elf(struct loader *l, with_elf *load_it)
{
	Elf *elf;
	bool ok;

	if (!check_magic(l) || !check_identification(l))
		return false;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return refuse(l, "cannot be read: libelf is too old");
	elf = elf_memory((char *)l->bytes, l->size);
	if (!elf)
		return refuse(l, "cannot be read as an ELF file: %s", elf_errmsg(-1));
	ok = load(l, elf, load_it);
	elf_end(elf);
	return ok;
}

bool load_elf(struct loader *l)
{
	l->limit = l->elf_limit;
	if (!load_with_elf(l, load_segments))
		return false;
	l->image->protocol = l->image->is_32bit ? BOOT_ELF32 : BOOT_ELF64;
	return true;
}

static bool load_nothing(const struct loader *l, Elf *elf, const GElf_Ehdr *header)
{
	(void)l;
	(void)elf;
	(void)header;
	return true;
}

bool load_symbols_only(struct loader *l)
{
	struct loader quiet = *l;
	char why[160];

	quiet.why = why;
	quiet.why_size = sizeof(why);
	if (load_with_elf(&quiet, load_nothing))
		return true;
	l->image->symbols = symbols_load(NULL);
	return l->image->symbols || refuse(l, "out of memory");
}
