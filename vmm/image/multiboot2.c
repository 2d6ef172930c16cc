/*
 * Multiboot 2: finds the header, reads its tags, and says what is to be loaded:
 * the segments of the ELF file around it, or what an address tag says.
 * Multiboot2 Specification 2.0, 3.1.  What is there for EFI does not concern
 * this machine, which has none.
 */
#include "image/loader.h"

#include "boot.h"

#define TAG_SIZE        8
#define LOAD_FROM_START UINT32_MAX

/* What the tags said. */
struct wishes {
	bool has_addresses, has_entry;
	struct load_addresses addresses;
};

/* Like that of Multiboot 1. */
static bool find(const struct loader *l, size_t *found)
{
	size_t end = l->size < MULTIBOOT2_SEARCH ? l->size : MULTIBOOT2_SEARCH;

	*found = l->size;
	for (size_t at = 0; at + MULTIBOOT2_TAGS <= end; at += MULTIBOOT2_ALIGN) {
		const uint8_t *h = l->bytes + at;

		if (get32(h) != MULTIBOOT2_MAGIC)
			continue;
		*found = at;
		if (get32(h) + get32(h + MULTIBOOT2_ARCHITECTURE) + get32(h + MULTIBOOT2_LENGTH) +
		    get32(h + MULTIBOOT2_CHECKSUM) == 0)
			return true;
	}
	return false;
}

bool is_multiboot2(const struct loader *l)
{
	size_t at;

	return find(l, &at);
}

/* Information that no loader of this specification knows of cannot be had; what this machine lacks may be left out. */
static bool take_request(const struct loader *l, const uint8_t *tag, uint32_t size)
{
	for (uint32_t i = TAG_SIZE; i + 4 <= size; i += 4)
		if (get32(tag + i) > MBI2_KNOWN)
			return refuse(l, "its Multiboot 2 header requires information of type %u, which the specification does "
				      "not define", get32(tag + i));
	return true;
}

static void take_addresses(const uint8_t *tag, struct wishes *wishes)
{
	struct load_addresses *a = &wishes->addresses;

	wishes->has_addresses = true;
	a->header = get32(tag + 8);
	a->load = get32(tag + 12);
	a->load_end = get32(tag + 16);
	a->bss_end = get32(tag + 20);
	if (a->load == LOAD_FROM_START)
		a->load = a->header - a->header_offset;
}

/* What each tag must have, by type. */
static uint32_t size_of(unsigned type)
{
	static const uint8_t sizes[] = {
		[MULTIBOOT2_TAG_END] = 8, [MULTIBOOT2_TAG_REQUEST] = 8, [MULTIBOOT2_TAG_ADDRESS] = 24,
		[MULTIBOOT2_TAG_ENTRY] = 12, [MULTIBOOT2_TAG_CONSOLE] = 12, [MULTIBOOT2_TAG_FRAMEBUFFER] = 20,
		[MULTIBOOT2_TAG_PAGE_ALIGN] = 8, [MULTIBOOT2_TAG_EFI_SERVICES] = 8, [MULTIBOOT2_TAG_EFI32] = 12,
		[MULTIBOOT2_TAG_EFI64] = 12, [MULTIBOOT2_TAG_RELOCATABLE] = 24,
	};

	return type < sizeof(sizes) ? sizes[type] : TAG_SIZE;
}

static bool take_tag(const struct loader *l, const uint8_t *tag, uint32_t size, struct wishes *wishes)
{
	const unsigned type = get16(tag);
	const bool is_optional = get16(tag + 2) & MULTIBOOT2_OPTIONAL;

	switch (type) {
	case MULTIBOOT2_TAG_REQUEST:
		return is_optional || take_request(l, tag, size);
	case MULTIBOOT2_TAG_ADDRESS:
		take_addresses(tag, wishes);
		return true;
	case MULTIBOOT2_TAG_ENTRY:
		wishes->has_entry = true;
		wishes->addresses.entry = get32(tag + 8);
		return true;
	case MULTIBOOT2_TAG_CONSOLE:
	case MULTIBOOT2_TAG_FRAMEBUFFER:
		/* Which bit 0 of a console tag says, and a framebuffer tag that is not optional. */
		if (!is_optional && (type == MULTIBOOT2_TAG_FRAMEBUFFER || get32(tag + 8) & 1))
			l->image->remark = "its Multiboot 2 header asks for a screen; this machine has none, and none is told";
		return true;
	case MULTIBOOT2_TAG_RELOCATABLE:
		l->image->tells_load_base = true;
		return true;
	case MULTIBOOT2_TAG_PAGE_ALIGN:         /* modules always are */
	case MULTIBOOT2_TAG_EFI_SERVICES:
	case MULTIBOOT2_TAG_EFI32:
	case MULTIBOOT2_TAG_EFI64:
		return true;
	default:
		return is_optional || refuse(l, "its Multiboot 2 header has a tag of type %u, which the specification does not "
					     "define", type);
	}
}

static bool take_tags(const struct loader *l, size_t at, struct wishes *wishes)
{
	const uint8_t *h = l->bytes + at;
	const uint32_t length = get32(h + MULTIBOOT2_LENGTH);

	if (get32(h + MULTIBOOT2_ARCHITECTURE) != 0)
		return refuse(l, "its Multiboot 2 header is for architecture %u, not for i386 (0)",
			      get32(h + MULTIBOOT2_ARCHITECTURE));
	if (length < MULTIBOOT2_TAGS || !range_within(at, length, MULTIBOOT2_SEARCH) || !range_within(at, length, l->size))
		return refuse(l, "the Multiboot 2 header at 0x%zx of 0x%x bytes does not end in the first %d bytes of the file",
			      at, length, MULTIBOOT2_SEARCH);
	for (uint32_t i = MULTIBOOT2_TAGS; i <= length && length - i >= TAG_SIZE;) {
		const uint8_t *tag = h + i;
		uint32_t size = get32(tag + 4);

		if (size < size_of(get16(tag)) || size > length - i)
			return refuse(l, "its Multiboot 2 header has a tag of type %u with a size of %u", get16(tag), size);
		if (get16(tag) == MULTIBOOT2_TAG_END)
			return true;
		if (!take_tag(l, tag, size, wishes))
			return false;
		i += (size + MULTIBOOT2_ALIGN - 1) & -(uint32_t)MULTIBOOT2_ALIGN;
	}
	return refuse(l, "the tags of its Multiboot 2 header have no end");
}

static bool load_it(struct loader *l, const struct wishes *wishes)
{
	if (wishes->has_addresses && wishes->has_entry)
		return load_by_addresses(l, &wishes->addresses);
	if (wishes->has_addresses)
		return refuse(l, "a Multiboot 2 header with load addresses, and without an entry");
	if (!is_elf(l))
		return refuse(l, "a Multiboot 2 header without load addresses, and no ELF file");
	return load_with_elf(l, load_segments) &&
	       load_physical_entry(l, wishes->has_entry ? wishes->addresses.entry : l->image->entry);
}

bool load_multiboot2(struct loader *l)
{
	struct wishes wishes = { 0 };
	size_t at;

	if (!find(l, &at) && at == l->size)
		return refuse(l, "no Multiboot 2 header in its first %d bytes", MULTIBOOT2_SEARCH);
	if (!find(l, &at))
		return refuse(l, "the sum of the Multiboot 2 header at 0x%zx is not zero", at);
	l->physical = true;
	l->image->protocol = BOOT_MULTIBOOT2;
	wishes.addresses.header_offset = at;
	return take_tags(l, at, &wishes) && load_it(l, &wishes);
}
