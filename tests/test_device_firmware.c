/*
 * What firmware leaves in memory gives way to what the guest brings.
 */
#include "device/firmware.h"

#include "device/acpi.h"
#include "fake_vm.h"

#include <criterion/criterion.h>

static uint64_t get(uint64_t gpa, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, fake_memory + gpa, size);
	return value;
}

static bool is_there(uint64_t gpa, const char *signature)
{
	return !memcmp(fake_memory + gpa, signature, 4);
}

static void put(struct segment *segments, size_t count)
{
	const struct image image = { .segments = segments, .segment_count = count };

	memset(fake_memory, 0, sizeof(fake_memory));
	firmware_put(NULL, &image, 1);
}

Test(firmware, the_bios_data_area)
{
	put(NULL, 0);
	cr_assert_eq(get(0x400, 2), 0x3f8);
	cr_assert_eq(get(0x40e, 2), 0x9fc0);
	cr_assert_eq(get(0x413, 2), 639);
	cr_assert_eq(get(0x44a, 2), 80);
	cr_assert_eq(get(0x9fc00, 1), 1);
}

static const struct {
	uint64_t gpa, size;
	bool data, acpi, mp;
} rows[] = {
	{ 0x100000, 0x1000, true, true, true },
	{ 0xe0000, 0x10, true, false, true },
	{ 0xe0fff, 1, true, false, true },
	{ 0xe1000, 0xf000, true, true, true },
	{ 0xdffff, 1, true, true, true },
	{ 0xdffff, 2, true, false, true },
	{ 0x1000, 0xfe000, true, false, false },
	{ 0x0, 0x401, false, true, true },
	{ 0x0, 0x400, true, true, true },
	{ 0xf03ff, 0x10, true, true, false },
	{ 0xe0010, 0, true, true, true },
};

Test(firmware, gives_way)
{
	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		struct segment s[2] = {
			{ .gpa = 0x200000, .memory_size = 0x1000 }, { .gpa = rows[n].gpa, .memory_size = rows[n].size },
		};

		put(s, 2);
		cr_assert_eq(get(0x413, 2) != 0, rows[n].data, "row %zu", n);
		cr_assert_eq(is_there(ACPI_TABLES, "RSD "), rows[n].acpi, "row %zu", n);
		cr_assert_eq(is_there(MP_TABLES, "_MP_"), rows[n].mp, "row %zu", n);
	}
}
