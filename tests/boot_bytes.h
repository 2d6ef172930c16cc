/*
 * Guest files of the boot protocols as arrays of bytes, and the memory that a
 * plan of their start makes: a loader carried out without a VM.  Written from
 * the specifications, with numbers of its own.
 */
#ifndef TESTS_BOOT_BYTES_H
#define TESTS_BOOT_BYTES_H

#include "elf_writer.h"
#include "image/image.h"
#include "kvm/boot_plan.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define BYTES_LIMIT     UINT64_C(0x4000000)

static char why[400];

static inline void put(void *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)at)[i] = (uint8_t)(value >> 8 * i);
}

static inline uint64_t get(const void *at, size_t size)
{
	uint64_t value = 0;

	for (size_t i = size; i-- > 0;)
		value = value << 8 | ((const uint8_t *)at)[i];
	return value;
}

static inline bool open_as(struct image *image, const void *bytes, size_t size, enum boot_protocol protocol)
{
	const struct image_request request = { .protocol = protocol, .limit = BYTES_LIMIT, .elf_limit = BYTES_LIMIT };
	int fd;
	bool ok = image_open(image, elf_path(bytes, size, &fd), &request, why, sizeof(why));

	close(fd);
	return ok;
}

static inline void refuses_as(const void *bytes, size_t size, enum boot_protocol protocol, const char *clause)
{
	struct image image;

	cr_assert_not(open_as(&image, bytes, size, protocol), "accepted; expected: %s", clause);
	cr_expect_str_eq(why, clause);
	cr_expect_null(image.handle);
	cr_expect_null(image.segments);
}

/* --- a plan, carried out --- */

static uint8_t *memory;                 /* of the guest */
static struct x86_state started;

static inline bool plan_it(const struct image *image, const struct boot_files *files, const struct boot_machine *machine)
{
	struct boot_plan plan;
	bool ok = boot_plan(&plan, image, files, machine, why, sizeof(why));

	free(memory);
	memory = calloc(1, machine->memory_size);
	cr_assert_not_null(memory);
	for (size_t i = 0; ok && i < plan.copy_count; i++) {
		const struct boot_copy *c = &plan.copies[i];

		cr_assert_leq(c->file_size, c->size);
		cr_assert(c->gpa <= machine->memory_size && c->size <= machine->memory_size - c->gpa);
		for (size_t j = 0; j < i; j++)
			cr_assert(plan.copies[j].gpa + plan.copies[j].size <= c->gpa || c->gpa + c->size <= plan.copies[j].gpa,
				  "copies %zu and %zu overlap", j, i);
		if (c->file_size)
			memcpy(memory + c->gpa, c->bytes, c->file_size);
	}
	started = plan.state;
	boot_plan_free(&plan);
	return ok;
}

static inline uint64_t word(uint64_t gpa, size_t size)
{
	cr_assert(gpa <= BYTES_LIMIT - size, "0x%llx is no address", (unsigned long long)gpa);
	return get(memory + gpa, size);
}

static inline const char *text_at(uint64_t gpa)
{
	cr_assert(gpa && gpa < BYTES_LIMIT);
	return (const char *)memory + gpa;
}

/* 32-bit protected mode, flat, without paging and interrupts: what three specifications ask for. */
static inline void is_flat32(void)
{
	const struct x86_segment *all[] = { &started.ds, &started.es, &started.fs, &started.gs, &started.ss };

	cr_assert_eq(started.cr0 & 0x80000001, 1);
	cr_assert_eq(started.cr4, 0);
	cr_assert_eq(started.efer, 0);
	cr_assert_eq(started.rflags, 2);
	cr_assert(started.cs.base == 0 && started.cs.limit == UINT32_MAX && started.cs.db && !started.cs.l);
	cr_assert_eq(started.cs.type & 0xa, 0xa, "execute and read");
	cr_assert_eq(started.cs.dpl, 0);
	for (size_t i = 0; i < 5; i++) {
		cr_assert(all[i]->base == 0 && all[i]->limit == UINT32_MAX && all[i]->db && all[i]->p && all[i]->s);
		cr_assert_eq(all[i]->type & 0xa, 2, "read and write");
	}
	/* The table says the same as the hidden parts. */
	cr_assert_eq(word(started.gdtr.base + started.cs.selector, 8), UINT64_C(0x00cf9b000000ffff));
	cr_assert_eq(word(started.gdtr.base + started.ds.selector, 8), UINT64_C(0x00cf93000000ffff));
}

#endif
