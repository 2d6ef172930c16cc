/*
 * Multiboot 1: finds the header, and says what is to be loaded: the segments of
 * the ELF file around it, of either class, or what the header's own addresses
 * say.  Multiboot Specification 0.6.96, 3.1.
 */
#include "image/loader.h"

#include "boot.h"

#define HEADER_SIZE             12
#define HEADER_SIZE_ADDRESSES   32

/*
 * Where the header is.  False: there is none, and *found is where one only
 * lacks the right sum, or the file's size.
 */
static bool find(const struct loader *l, size_t *found)
{
	size_t end = l->size < MULTIBOOT_SEARCH ? l->size : MULTIBOOT_SEARCH;

	*found = l->size;
	for (size_t at = 0; at + HEADER_SIZE <= end; at += MULTIBOOT_ALIGN) {
		const uint8_t *h = l->bytes + at;

		if (get32(h) != MULTIBOOT_MAGIC)
			continue;
		*found = at;
		if (get32(h) + get32(h + MULTIBOOT_FLAGS) + get32(h + MULTIBOOT_CHECKSUM) == 0)
			return true;
	}
	return false;
}

bool is_multiboot(const struct loader *l)
{
	size_t at;

	return find(l, &at);
}

static bool check_flags(const struct loader *l, uint32_t flags)
{
	const uint32_t known = MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY | MULTIBOOT_VIDEO;

	if (flags & MULTIBOOT_REQUIRED & ~known)
		return refuse(l, "its Multiboot header requires flags 0x%x, which no specification defines",
			      flags & MULTIBOOT_REQUIRED & ~known);
	if (flags & MULTIBOOT_VIDEO)
		l->image->remark = "its Multiboot header asks for a video mode; this machine has none, and none is told";
	return true;
}

static bool load_addresses(struct loader *l, size_t at)
{
	const uint8_t *h = l->bytes + at;
	struct load_addresses a = { .header_offset = at };

	if (at + HEADER_SIZE_ADDRESSES > MULTIBOOT_SEARCH || at + HEADER_SIZE_ADDRESSES > l->size)
		return refuse(l, "truncated: the Multiboot header at 0x%zx has no room for its addresses", at);
	a.header = get32(h + MULTIBOOT_HEADER_ADDR);
	a.load = get32(h + MULTIBOOT_LOAD_ADDR);
	a.load_end = get32(h + MULTIBOOT_LOAD_END);
	a.bss_end = get32(h + MULTIBOOT_BSS_END);
	a.entry = get32(h + MULTIBOOT_ENTRY);
	return load_by_addresses(l, &a);
}

bool load_multiboot(struct loader *l)
{
	uint32_t flags;
	size_t at;

	if (!find(l, &at) && at == l->size)
		return refuse(l, "no Multiboot header in its first %d bytes", MULTIBOOT_SEARCH);
	if (!find(l, &at))
		return refuse(l, "the sum of the Multiboot header at 0x%zx is not zero", at);
	l->physical = true;
	l->image->protocol = BOOT_MULTIBOOT;
	flags = get32(l->bytes + at + MULTIBOOT_FLAGS);
	if (!check_flags(l, flags))
		return false;
	if (flags & MULTIBOOT_ADDRESSES)
		return load_addresses(l, at);
	if (!is_elf(l))
		return refuse(l, "a Multiboot header without load addresses, and no ELF file");
	return load_with_elf(l, load_segments) && load_physical_entry(l, l->image->entry);
}
