/*
 * PVH: an ELF file with a note that names a 32-bit entry, XEN_ELFNOTE_PHYS32_ENTRY
 * (Xen's docs/misc/pvh.pandoc).  Linux' vmlinux has one.
 */
#include "image/loader.h"

#include "boot.h"

#include <string.h>

#define NOTE_HEADER     12              /* sizes of name and contents, type */

static uint64_t aligned(uint64_t value, uint64_t align)
{
	return (value + align - 1) & -align;
}

/* The entry, from the notes in these bytes of the file. */
static bool in_notes(const uint8_t *notes, uint64_t size, uint64_t align, uint64_t *entry)
{
	for (uint64_t at = 0; at <= size && size - at >= NOTE_HEADER;) {
		const uint8_t *n = notes + at;
		uint64_t name_size = get32(n), contents_size = get32(n + 4);
		uint64_t contents = aligned(NOTE_HEADER + name_size, align);

		if (contents > size - at || contents_size > size - at - contents)
			return false;
		if (get32(n + 8) == PVH_NOTE_ENTRY && name_size == 4 && !memcmp(n + NOTE_HEADER, "Xen", 4) &&
		    (contents_size == 4 || contents_size == 8)) {
			*entry = contents_size == 4 ? get32(n + contents) : get64(n + contents);
			return true;
		}
		at += aligned(contents + contents_size, align);
	}
	return false;
}

static bool find(const struct loader *l, Elf *elf, const GElf_Ehdr *header, uint64_t *entry)
{
	for (int i = 0; i < header->e_phnum; i++) {
		GElf_Phdr p;

		if (gelf_getphdr(elf, i, &p) && p.p_type == PT_NOTE && range_within(p.p_offset, p.p_filesz, l->size) &&
		    in_notes(l->bytes + p.p_offset, p.p_filesz, p.p_align == 8 ? 8 : 4, entry))
			return true;
	}
	return false;
}

static bool load(const struct loader *l, Elf *elf, const GElf_Ehdr *header)
{
	uint64_t entry;

	if (!find(l, elf, header, &entry))
		return refuse(l, "no PVH entry: no ELF note of type 18 (XEN_ELFNOTE_PHYS32_ENTRY) named \"Xen\"");
	return load_segments(l, elf, header) && load_physical_entry(l, entry);
}

/* No more is wanted of such a file than that. */
static bool look(const struct loader *l, Elf *elf, const GElf_Ehdr *header)
{
	uint64_t entry;

	*(bool *)l->context = find(l, elf, header, &entry);
	return false;
}

bool is_pvh(const struct loader *l)
{
	struct image scratch = { 0 };
	struct loader quiet = *l;
	char why[160];
	bool found = false;

	quiet.image = &scratch;
	quiet.context = &found;
	quiet.why = why;
	quiet.why_size = sizeof(why);
	if (is_elf(l))
		load_with_elf(&quiet, look);
	return found;
}

bool load_pvh(struct loader *l)
{
	l->physical = true;
	l->image->protocol = BOOT_PVH;
	return load_with_elf(l, load);
}
