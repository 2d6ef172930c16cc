/*
 * The guest's own page tables, walked from outside: SDM vol. 3A, 4.3 to 4.5.
 * Owns linear-to-physical translation and the reads and writes through it.
 * It sets no accessed or dirty bit: the guest must not see the walk.
 */
#include "watch/guest_view.h"

#include "kvm/kvm.h"
#include "watch/patches.h"
#include "x86.h"

#include <string.h>

#define PTE_ADDRESS     UINT64_C(0x000ffffffffff000)

/* One paging mode as a walker needs it: the levels from the root down. */
struct paging {
	unsigned levels;                /* 0: no paging */
	unsigned entry_size;
	unsigned index_bits;
	unsigned ps_levels;             /* bit n: an entry of level n may have PS (level 1 is the lowest) */
};

static struct paging paging_of(const struct x86_state *s)
{
	if (!(s->cr0 & X86_CR0_PG))
		return (struct paging){ 0 };
	if (s->efer & X86_EFER_LMA)
		return (struct paging){ s->cr4 & X86_CR4_LA57 ? 5 : 4, 8, 9, 1 << 2 | 1 << 3 };
	if (s->cr4 & X86_CR4_PAE)
		return (struct paging){ 3, 8, 9, 1 << 2 };
	return (struct paging){ 2, 4, 10, s->cr4 & X86_CR4_PSE ? 1 << 2 : 0 };
}

/* False: the walk ends here. */
static bool read_entry(struct guest_view *v, unsigned size, struct page_walk_entry *e)
{
	const void *p = vm_memory(v->vm, e->gpa, size);

	e->outside = !p;
	if (p)
		memcpy(&e->value, p, size);
	return e->value & X86_PTE_P;
}

void view_walk(struct guest_view *v, const struct x86_state *s, uint64_t linear, struct page_walk *w)
{
	const struct paging p = paging_of(s);
	uint64_t table = s->cr3 & (p.levels == 3 ? UINT64_C(0xffffffe0) : PTE_ADDRESS);
	struct mapping *m = &w->map;

	*w = (struct page_walk){ .levels = p.levels, .entry_size = (uint8_t)p.entry_size };
	*m = (struct mapping){ .user = true, .writable = true };
	if (p.entry_size != 8 || p.levels == 3)
		linear &= UINT32_MAX;
	if (!p.levels) {
		m->gpa = linear;
		w->mapped = true;
		return;
	}
	w->noncanonical = p.levels > 3 && !is_canonical(linear, p.levels == 5);

	for (unsigned level = w->noncanonical ? 0 : p.levels; level; level--) {
		unsigned shift = 12 + (level - 1) * p.index_bits;
		uint64_t index = (linear >> shift) & ((1u << p.index_bits) - 1), entry;
		struct page_walk_entry *e = &w->entry[w->count++];

		*e = (struct page_walk_entry){
			.gpa = table + index * p.entry_size, .level = (uint8_t)level, .has_rights = p.levels != 3 || level != 3,
		};
		if (!read_entry(v, p.entry_size, e))
			return;
		entry = e->value;
		if (e->has_rights) {
			m->user &= !!(entry & X86_PTE_U);
			m->writable &= !!(entry & X86_PTE_W);
			m->nx |= p.entry_size == 8 && entry >> 63;
		}
		if (level == 1 || (p.ps_levels >> level & 1 && entry & X86_PTE_PS)) {
			m->page_size = UINT64_C(1) << shift;
			m->gpa = (entry & PTE_ADDRESS & ~(m->page_size - 1)) | (linear & (m->page_size - 1));
			w->mapped = true;
			return;
		}
		table = entry & PTE_ADDRESS;
	}
}

bool view_translate(struct guest_view *v, const struct x86_state *s, uint64_t linear, struct mapping *m)
{
	struct page_walk w;

	view_walk(v, s, linear, &w);
	*m = w.map;
	return w.mapped;
}

/* The bytes at linear up to the end of its 4 KiB page, at most size of them. */
static void *page_part(struct guest_view *v, const struct x86_state *s, uint64_t linear, size_t size, size_t *part,
                       uint64_t *gpa)
{
	struct mapping m;

	*part = X86_PAGE_SIZE - (linear & (X86_PAGE_SIZE - 1));
	if (*part > size)
		*part = size;
	if (!view_translate(v, s, linear, &m))
		return NULL;
	*gpa = m.gpa;
	return vm_memory(v->vm, m.gpa, *part);
}

size_t view_read(struct guest_view *v, const struct x86_state *s, uint64_t linear, void *buffer, size_t size)
{
	size_t done, part;
	uint64_t gpa;

	for (done = 0; done < size; done += part) {
		const void *p = page_part(v, s, linear + done, size - done, &part, &gpa);

		if (!p)
			break;
		memcpy((char *)buffer + done, p, part);
		if (v->patches)
			patches_hide(v->patches, gpa, (char *)buffer + done, part);
	}
	return done;
}

size_t view_write(struct guest_view *v, const struct x86_state *s, uint64_t linear, const void *buffer, size_t size)
{
	size_t done, part;
	uint64_t gpa;

	for (done = 0; done < size; done += part) {
		void *p = page_part(v, s, linear + done, size - done, &part, &gpa);

		if (!p)
			break;
		memcpy(p, (const char *)buffer + done, part);
		if (v->patches)
			patches_overwrite(v->patches, gpa, part);
	}
	return done;
}

static struct raw_descriptor read_descriptor(struct guest_view *v, const struct x86_state *s, uint64_t base,
                                             uint32_t limit, uint32_t offset, size_t size)
{
	struct raw_descriptor d = { 0 };
	uint64_t words[2] = { 0 };

	if (offset + size - 1 > limit || view_read(v, s, base + offset, words, size) != size)
		return d;
	return (struct raw_descriptor){ .lo = words[0], .hi = words[1], .valid = true };
}

struct raw_descriptor view_descriptor(struct guest_view *v, const struct x86_state *s, uint16_t selector,
                                      bool long_system)
{
	bool local = selector & X86_SELECTOR_TI;
	uint64_t base = local ? s->ldtr.base : s->gdtr.base;
	uint32_t limit = local ? s->ldtr.limit : s->gdtr.limit;
	struct raw_descriptor d = { 0 };

	if (local && s->ldtr.unusable)
		return d;
	d = read_descriptor(v, s, base, limit, selector & X86_SELECTOR_INDEX, 8);
	if (d.valid && long_system && !(d.lo >> 44 & 1))        /* S = 0: twice as long in IA-32e mode */
		d = read_descriptor(v, s, base, limit, selector & X86_SELECTOR_INDEX, 16);
	return d;
}

struct raw_descriptor view_idt_gate(struct guest_view *v, const struct x86_state *s, uint8_t vector)
{
	size_t size = s->efer & X86_EFER_LMA ? 16 : 8;

	return read_descriptor(v, s, s->idtr.base, s->idtr.limit, vector * size, size);
}
