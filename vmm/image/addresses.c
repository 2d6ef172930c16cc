/*
 * A kernel that is loaded by the addresses in its Multiboot header (the "a.out
 * kludge"), whatever else the file is: one run of bytes, and zeros behind it.
 * Multiboot 0.6.96, 3.1.3; Multiboot2, 3.1.5.
 */
#include "image/loader.h"

#include <stdlib.h>

static bool check(const struct loader *l, const struct load_addresses *a, uint64_t *offset, uint64_t *size)
{
	if (a->load > a->header)
		return refuse(l, "the load address 0x%llx in its Multiboot header lies behind the header's own, 0x%llx",
			      (unsigned long long)a->load, (unsigned long long)a->header);
	if (a->header - a->load > a->header_offset)
		return refuse(l, "its Multiboot header lies 0x%llx behind the load address, but at 0x%llx in the file",
			      (unsigned long long)(a->header - a->load), (unsigned long long)a->header_offset);
	*offset = a->header_offset - (a->header - a->load);
	*size = l->size - *offset;
	if (!a->load_end)
		return true;
	if (a->load_end <= a->load)
		return refuse(l, "its Multiboot header ends the data at 0x%llx, before their start at 0x%llx",
			      (unsigned long long)a->load_end, (unsigned long long)a->load);
	if (a->load_end - a->load > *size)
		return refuse(l, "truncated: the Multiboot header wants 0x%llx bytes from 0x%llx on, the file ends at 0x%zx",
			      (unsigned long long)(a->load_end - a->load), (unsigned long long)*offset, l->size);
	*size = a->load_end - a->load;
	return true;
}

bool load_by_addresses(struct loader *l, const struct load_addresses *a)
{
	uint64_t offset = 0, size = 0, memory;
	struct segment *s;

	if (!check(l, a, &offset, &size))
		return false;
	memory = a->bss_end ? a->bss_end - a->load : size;
	if (a->bss_end && (a->bss_end < a->load || memory < size))
		return refuse(l, "its Multiboot header ends the BSS at 0x%llx, before the end of the data",
			      (unsigned long long)a->bss_end);
	if (!range_within(a->load, memory, l->limit))
		return refuse(l, "the kernel at 0x%llx does not fit: its last byte is at 0x%llx, the guest's memory ends at 0x%llx",
			      (unsigned long long)a->load, (unsigned long long)(a->load + memory - 1),
			      (unsigned long long)l->limit);
	s = l->image->segments = calloc(1, sizeof(*s));
	if (!s)
		return refuse(l, "out of memory");
	*s = (struct segment){ .gpa = a->load, .linear = a->load, .file_size = size, .memory_size = memory,
			       .bytes = l->bytes + offset };
	l->image->segment_count = 1;
	return load_physical_entry(l, a->entry) && load_symbols_only(l);
}
