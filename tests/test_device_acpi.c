/*
 * ACPI's and the MP Specification's tables, found and read as kernels do it:
 * signatures, checksums, lengths, and that they name what is there.
 */
#include "device/acpi.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t bytes[ACPI_SIZE + 16];
static uint8_t mp[MP_SIZE + 16];

static uint64_t get(const uint8_t *at, unsigned size)
{
	uint64_t value = 0;

	for (unsigned n = 0; n < size; n++)
		value |= (uint64_t)at[n] << 8 * n;
	return value;
}

static bool adds_up(const uint8_t *at, size_t size)
{
	uint8_t sum = 0;

	while (size--)
		sum = (uint8_t)(sum + *at++);
	return sum == 0;
}

/* The table at this address: whole, inside the buffer, and of this signature. */
static const uint8_t *table(uint64_t address, const char *signature)
{
	const uint8_t *t = bytes + (address - ACPI_TABLES);

	cr_assert(address >= ACPI_TABLES && address < ACPI_TABLES + ACPI_SIZE - 36, "%s at %#lx", signature, address);
	cr_assert_arr_eq(t, signature, 4);
	cr_assert_leq(get(t + 4, 4), ACPI_TABLES + ACPI_SIZE - address);
	if (memcmp(signature, "FACS", 4))
		cr_assert(adds_up(t, get(t + 4, 4)), "%s", signature);
	return t;
}

/* By the XSDT, and the same by the RSDT. */
static const uint8_t *find(const char *signature)
{
	const uint8_t *xsdt = table(get(bytes + 24, 8), "XSDT"), *rsdt = table(get(bytes + 16, 4), "RSDT");
	const size_t count = (get(xsdt + 4, 4) - 36) / 8;

	cr_assert_eq((get(rsdt + 4, 4) - 36) / 4, count);
	for (size_t n = 0; n < count; n++) {
		const uint64_t address = get(xsdt + 36 + 8 * n, 8);

		cr_assert_eq(get(rsdt + 36 + 4 * n, 4), address);
		if (!memcmp(bytes + (address - ACPI_TABLES), signature, 4))
			return table(address, signature);
	}
	cr_assert_fail("no %s", signature);
	return NULL;
}

static void make(unsigned cpus)
{
	memset(bytes, 0, sizeof(bytes));
	memset(mp, 0, sizeof(mp));
	acpi_tables(bytes, cpus);
	mp_tables(mp, cpus);
}

Test(acpi, the_root_pointer)
{
	make(1);
	cr_assert_arr_eq(bytes, "RSD PTR ", 8);
	cr_assert(adds_up(bytes, 20), "ACPI 1.0's part");
	cr_assert(adds_up(bytes, 36));
	cr_assert_eq(bytes[15], 2);
	cr_assert_eq(get(bytes + 20, 4), 36);
}

/* What the FADT says and the devices do: test_device_ports.c. */
Test(acpi, the_fadt)
{
	const uint8_t *t, *dsdt;

	make(1);
	t = find("FACP");
	cr_assert_eq(get(t + 4, 4), 244);
	table(get(t + 36, 4), "FACS");
	cr_assert_eq(get(t + 36, 4) % 64, 0);
	dsdt = table(get(t + 40, 4), "DSDT");
	cr_assert_eq(get(t + 140, 8), get(t + 40, 4));
	cr_assert_arr_eq(dsdt + 37, "_S5_", 4);
	cr_assert_eq(get(t + 46, 2), 9, "SCI");
	cr_assert_eq(get(t + 48, 4), 0, "no SMI command: ACPI is on");
	cr_assert_eq(get(t + 56, 4), 0x600);
	cr_assert_eq(get(t + 64, 4), 0x604);
	cr_assert_eq(get(t + 76, 4), 0x608);
	cr_assert_eq(get(t + 148 + 4, 8), 0x600);
	cr_assert_eq(get(t + 172 + 4, 8), 0x604);
	cr_assert_eq(get(t + 208 + 4, 8), 0x608);
	cr_assert_eq(get(t + 112, 4) >> 10 & 1, 1, "there is a reset register");
	cr_assert_eq(get(t + 112, 4) >> 8 & 1, 0, "the timer has 24 bits");
	cr_assert_eq(t[116], 1, "it is a port");
	cr_assert_eq(get(t + 120, 8), 0xcf9);
	cr_assert_eq(t[128], 6);
}

Test(acpi, the_madt)
{
	for (unsigned cpus = 1; cpus <= 16; cpus++) {
		const uint8_t *t, *end;
		unsigned lapics = 0, ioapics = 0, overrides = 0;

		make(cpus);
		t = find("APIC");
		end = t + get(t + 4, 4);
		cr_assert_eq(get(t + 36, 4), 0xfee00000);
		cr_assert_eq(get(t + 40, 4), 1);
		for (t += 44; t < end; t += t[1]) {
			cr_assert_geq(t[1], 6);
			switch (t[0]) {
			case 0:
				cr_assert_eq(t[1], 8);
				cr_assert_eq(t[3], lapics++);
				cr_assert_eq(get(t + 4, 4), 1);
				break;
			case 1:
				cr_assert_eq(t[1], 12);
				cr_assert_eq(get(t + 4, 4), 0xfec00000);
				cr_assert_eq(get(t + 8, 4), 0);
				ioapics++;
				break;
			case 2:
				cr_assert_eq(t[1], 10);
				cr_assert_eq(get(t + 4, 4), t[3] == 0 ? 2 : t[3]);
				cr_assert_eq(get(t + 8, 2), t[3] == 9 ? 0x0d : 0);
				overrides++;
				break;
			case 4:
				cr_assert_eq(t[1], 6);
				cr_assert_eq(t[2], 0xff);
				cr_assert_eq(t[5], 1);
				break;
			default:
				cr_assert_fail("entry %u", t[0]);
			}
		}
		cr_assert_eq(t, end);
		cr_assert_eq(lapics, cpus);
		cr_assert_eq(ioapics, 1);
		cr_assert_eq(overrides, 2);
	}
}

Test(acpi, the_mp_table)
{
	for (unsigned cpus = 1; cpus <= 16; cpus++) {
		static const unsigned size[] = { 20, 8, 8, 8, 8 };
		const uint8_t *t = mp + 16, *end, *entry;
		unsigned count[5] = { 0 };

		make(cpus);
		cr_assert_arr_eq(mp, "_MP_", 4);
		cr_assert(adds_up(mp, 16));
		cr_assert_eq(get(mp + 4, 4), MP_TABLES + 16);
		cr_assert_arr_eq(t, "PCMP", 4);
		end = t + get(t + 4, 2);
		cr_assert_leq(end, mp + MP_SIZE);
		cr_assert(adds_up(t, get(t + 4, 2)));
		for (entry = t + 44; entry < end; entry += size[entry[0]]) {
			cr_assert_lt(entry[0], 5);
			count[entry[0]]++;
			if (entry[0] == 0)
				cr_assert_eq(entry[3], entry[1] ? 1 : 3, "the first one starts");
			else if (entry[0] == 3)
				cr_assert_eq(entry[7], entry[5] ? entry[5] : 2);
		}
		cr_assert_eq(entry, end);
		cr_assert_eq(get(t + 34, 2), count[0] + count[1] + count[2] + count[3] + count[4]);
		cr_assert_eq(count[0], cpus);
		cr_assert_eq(count[1], 1);
		cr_assert_eq(count[2], 1);
		cr_assert_eq(count[3], 15);
		cr_assert_eq(count[4], 2);
	}
}

Test(acpi, nothing_is_written_behind_the_buffers)
{
	static const uint8_t zeros[16];

	make(16);
	cr_assert_arr_eq(bytes + ACPI_SIZE, zeros, 16);
	cr_assert_arr_eq(mp + MP_SIZE, zeros, 16);
}
