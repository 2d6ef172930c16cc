/*
 * Program headers to segments.  Owns the rules for what may lie where: inside
 * the file, inside the guest's memory, and apart from each other.
 */
#include "image/loader.h"

#include "x86.h"

#include <stdlib.h>

static bool ranges_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b ? b - a < a_size : a - b < b_size;
}

static bool check_segment(const struct loader *l, const GElf_Phdr *p)
{
	unsigned long long gpa = p->p_paddr, linear = p->p_vaddr, size = p->p_memsz, limit = l->limit;

	if (p->p_filesz > p->p_memsz)
		return refuse(l, "the segment at 0x%llx has 0x%llx bytes in the file but 0x%llx in memory",
			      gpa, (unsigned long long)p->p_filesz, size);
	if (!range_within(p->p_offset, p->p_filesz, l->size))
		return refuse(l, "truncated: the segment at 0x%llx has its bytes at 0x%llx+0x%llx, "
			      "the file ends at 0x%zx", gpa, (unsigned long long)p->p_offset,
			      (unsigned long long)p->p_filesz, l->size);
	if (size - 1 > UINT64_MAX - gpa)
		return refuse(l, "the segment at 0x%llx of 0x%llx bytes wraps around in physical memory",
			      gpa, size);
	if (!l->physical && size - 1 > (l->image->is_32bit ? UINT32_MAX : UINT64_MAX) - linear)
		return refuse(l, "the segment at linear 0x%llx of 0x%llx bytes wraps around",
			      linear, size);
	if (!range_within(gpa, size, limit))
		return refuse(l, "the segment at 0x%llx does not fit: its last byte is at 0x%llx, "
			      "the guest's memory ends at 0x%llx", gpa, gpa + (size - 1), limit);
	return true;
}

static bool check_overlap(const struct loader *l, const struct segment *a)
{
	for (size_t i = 0; i < l->image->segment_count; i++) {
		const struct segment *b = &l->image->segments[i];

		if (ranges_overlap(a->gpa, a->memory_size, b->gpa, b->memory_size))
			return refuse(l, "segments at 0x%llx and 0x%llx overlap in physical memory",
				      (unsigned long long)b->gpa, (unsigned long long)a->gpa);
		if (!l->physical && ranges_overlap(a->linear, a->memory_size, b->linear, b->memory_size))
			return refuse(l, "segments at linear 0x%llx and 0x%llx overlap",
				      (unsigned long long)b->linear, (unsigned long long)a->linear);
	}
	return true;
}

/* With four levels of page tables, which is what a guest starts on: SDM vol. 1, 3.3.7.1. */
static bool is_canonical48(uint64_t address)
{
	uint64_t top = address >> 47;

	return top == 0 || top == 0x1ffff;
}

/* Whether page tables can put the segment where it is to be. */
static bool check_mapping(const struct loader *l, const struct segment *s)
{
	unsigned long long gpa = s->gpa, linear = s->linear, last = linear + (s->memory_size - 1);

	if (!is_canonical48(linear) || !is_canonical48(last) || (linear ^ last) >> 63)
		return refuse(l, "the segment at linear 0x%llx leaves the canonical addresses", linear);
	if ((linear ^ gpa) % X86_PAGE_SIZE)
		return refuse(l, "a segment's linear 0x%llx and physical 0x%llx differ within a page", linear, gpa);
	return true;
}

static bool add_segment(const struct loader *l, const GElf_Phdr *p)
{
	struct image *image = l->image;
	struct segment s;

	if (p->p_type != PT_LOAD || (p->p_memsz == 0 && p->p_filesz == 0))
		return true;
	if (!check_segment(l, p))
		return false;
	s = (struct segment){
		.gpa = p->p_paddr,
		.linear = p->p_vaddr,
		.file_size = p->p_filesz,
		.memory_size = p->p_memsz,
		.bytes = l->bytes + p->p_offset,
	};
	if (!check_overlap(l, &s) || (!l->physical && !check_mapping(l, &s)))
		return false;
	image->segments[image->segment_count++] = s;
	return true;
}

static int by_gpa(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return (x->gpa > y->gpa) - (x->gpa < y->gpa);
}

static bool check_entry(const struct loader *l)
{
	const struct image *image = l->image;

	for (size_t i = 0; i < image->segment_count; i++)
		if (image->entry - image->segments[i].linear < image->segments[i].memory_size)
			return true;
	return refuse(l, "the entry 0x%llx is outside every segment", (unsigned long long)image->entry);
}

/*
 * The specifications call an entry physical; linkers put the linear address in
 * e_entry, which is meant where it is no physical one.
 */
bool load_physical_entry(const struct loader *l, uint64_t entry)
{
	struct image *image = l->image;
	const struct segment *s;

	for (s = image->segments; s < image->segments + image->segment_count; s++) {
		image->entry = entry;
		if (entry - s->gpa < s->memory_size)
			return true;
	}
	for (s = image->segments; s < image->segments + image->segment_count; s++) {
		image->entry = entry - s->linear + s->gpa;
		if (entry - s->linear < s->memory_size)
			return true;
	}
	return refuse(l, "the entry 0x%llx is outside every segment", (unsigned long long)entry);
}

bool load_segments(const struct loader *l, Elf *elf, const GElf_Ehdr *header)
{
	struct image *image = l->image;

	image->segments = calloc(header->e_phnum, sizeof(*image->segments));
	if (!image->segments)
		return refuse(l, "out of memory");
	for (int i = 0; i < header->e_phnum; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(elf, i, &p))
			return refuse(l, "unreadable program header %d: %s", i, elf_errmsg(-1));
		if (!add_segment(l, &p))
			return false;
	}
	if (image->segment_count == 0)
		return refuse(l, "no loadable segment (PT_LOAD)");
	qsort(image->segments, image->segment_count, sizeof(*image->segments), by_gpa);
	image->entry = header->e_entry;
	return l->physical || check_entry(l);
}
