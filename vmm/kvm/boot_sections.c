/*
 * The sections of an ELF kernel, for a Multiboot loader's "all sections are
 * loaded": those that no segment brings (symbols, names, debug information) are
 * put where there is room, and their headers say where.  The headers are the
 * file's, and hostile.
 */
#include "kvm/boot_plan.h"

#include <elf.h>
#include <string.h>

/* What matters of a header, of either class: the bytes of a section that is wanted, otherwise NULL. */
struct section { const uint8_t *bytes; uint64_t size; };

static struct section read_header(const struct image *image, uint32_t index)
{
	const uint8_t *at = image->sections.headers + (size_t)index * image->sections.entry_size;
	uint64_t offset, size, flags, address;
	uint32_t type;

	if (image->sections.entry_size == sizeof(Elf64_Shdr)) {
		Elf64_Shdr h;

		memcpy(&h, at, sizeof(h));
		offset = h.sh_offset;
		size = h.sh_size;
		type = h.sh_type;
		flags = h.sh_flags;
		address = h.sh_addr;
	} else {
		Elf32_Shdr h;

		memcpy(&h, at, sizeof(h));
		offset = h.sh_offset;
		size = h.sh_size;
		type = h.sh_type;
		flags = h.sh_flags;
		address = h.sh_addr;
	}
	if (type == SHT_NULL || type == SHT_NOBITS || flags & SHF_ALLOC || address || !size || offset > image->size ||
	    size > image->size - offset)
		return (struct section){ 0 };
	return (struct section){ (const uint8_t *)image->handle + offset, size };
}

bool boot_take_sections(struct boot_plan *plan, const struct image *image)
{
	struct boot_room room = { .low = boot_kernel_end(image), .high = plan->machine->memory_size, .align = 16 };

	plan->first_section = plan->copy_count;
	for (uint32_t i = 0; i < image->sections.count; i++) {
		const struct section s = read_header(image, i);

		/* One without room (debug information can be large) stays away, at address 0. */
		if (s.bytes && !boot_take_bytes(plan, s.bytes, s.size, &room))
			return false;
	}
	return true;
}

void boot_put_sections(const struct boot_plan *plan, const struct image *image, uint8_t *to)
{
	const struct image_sections *t = &image->sections;

	memcpy(to, t->headers, (size_t)t->count * t->entry_size);
	for (uint32_t i = 0; i < t->count; i++, to += t->entry_size) {
		const struct section s = read_header(image, i);

		for (size_t n = plan->first_section; s.bytes && n < plan->copy_count; n++) {
			if (plan->copies[n].bytes != s.bytes || plan->copies[n].size != s.size)
				continue;
			if (t->entry_size == sizeof(Elf64_Shdr))
				boot_put64(to + offsetof(Elf64_Shdr, sh_addr), plan->copies[n].gpa);
			else
				boot_put32(to + offsetof(Elf32_Shdr, sh_addr), plan->copies[n].gpa);
			break;
		}
	}
}
