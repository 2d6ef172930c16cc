/*
 * The small devices, each by its own registers: keyboard controller, CMOS,
 * fw_cfg, ACPI's power management.
 */
#include "device/cmos.h"
#include "device/fw_cfg.h"
#include "device/keyboard.h"
#include "device/power.h"

#include <criterion/criterion.h>
#include <string.h>

/* --- keyboard controller --- */

static struct keyboard k;

static void keyboard_setup(void)
{
	keyboard_reset(&k);
}

TestSuite(keyboard, .init = keyboard_setup);

#define ANSWERS(...) do { \
	static const uint8_t expected[] = { __VA_ARGS__ }; \
	for (size_t n = 0; n < sizeof(expected); n++) { \
		cr_assert_eq(keyboard_status(&k) & 1, 1, "answer %zu", n); \
		cr_assert_eq(keyboard_data(&k), expected[n], "answer %zu", n); \
	} \
	cr_assert_eq(keyboard_status(&k) & 1, 0); \
} while (0)

Test(keyboard, nobody_types)
{
	cr_assert_eq(keyboard_status(&k), 0x14);
	cr_assert_not(keyboard_interrupts(&k));
	cr_assert_eq(keyboard_data(&k), 0);
}

Test(keyboard, the_controllers_commands)
{
	keyboard_command(&k, 0xaa);
	ANSWERS(0x55);
	keyboard_command(&k, 0xab);
	ANSWERS(0x00);
	keyboard_command(&k, 0x60);
	keyboard_write(&k, 0x44);
	keyboard_command(&k, 0x20);
	cr_assert_not(keyboard_interrupts(&k), "switched off");
	ANSWERS(0x44);
	keyboard_command(&k, 0xd2);
	keyboard_write(&k, 0x1c);
	ANSWERS(0x1c);
}

Test(keyboard, a20_stays_on)
{
	cr_assert_not(keyboard_command(&k, 0xd1));
	cr_assert_not(keyboard_write(&k, 0xdd));
	keyboard_command(&k, 0xd0);
	ANSWERS(0xdf);
}

Test(keyboard, the_ways_to_reset)
{
	cr_assert(keyboard_command(&k, 0xfe));
	cr_assert_not(keyboard_command(&k, 0xff));
	keyboard_command(&k, 0xd1);
	cr_assert(keyboard_write(&k, 0xde));
	cr_assert_not(keyboard_write(&k, 0xfe), "a parameter is expected once");
}

Test(keyboard, the_keyboard_answers)
{
	keyboard_write(&k, 0xff);
	cr_assert(keyboard_interrupts(&k));
	ANSWERS(0xfa, 0xaa);
	keyboard_write(&k, 0xf2);
	ANSWERS(0xfa, 0xab, 0x83);
	keyboard_write(&k, 0xed);
	ANSWERS(0xfa);
	keyboard_write(&k, 0xee);
	ANSWERS(0xfa);
	keyboard_write(&k, 0xee);
	ANSWERS(0xee);
	keyboard_write(&k, 0xf4);
	ANSWERS(0xfa);
}

Test(keyboard, unread_answers_do_not_overflow)
{
	for (unsigned n = 0; n < 100; n++)
		keyboard_write(&k, 0xf2);
	for (unsigned n = 0; n < KEYBOARD_ANSWERS; n++)
		keyboard_data(&k);
	cr_assert_eq(keyboard_status(&k) & 1, 0);
}

/* --- CMOS --- */

static struct cmos c;
/* Monday, 4th of February 2036, 22:41:59 UTC */
static const time_t moment = 2085777719;

static unsigned cmos(uint8_t index)
{
	cmos_select(&c, index);
	return cmos_read(&c, moment);
}

static void cmos_put(uint8_t index, uint8_t value)
{
	cmos_select(&c, index);
	cmos_write(&c, value);
}

static void cmos_setup(void)
{
	cmos_reset(&c, UINT64_C(64) << 20);
}

TestSuite(cmos, .init = cmos_setup);

Test(cmos, the_time)
{
	static const struct { uint8_t index, bcd, binary; } rows[] = {
		{ 0, 0x59, 59 }, { 2, 0x41, 41 }, { 4, 0x22, 22 }, { 6, 2, 2 }, { 7, 4, 4 }, { 8, 2, 2 }, { 9, 0x36, 36 },
		{ 0x32, 0x20, 20 },
	};

	for (unsigned binary = 0; binary < 2; binary++) {
		cmos_put(0x0b, binary ? 0x06 : 0x02);
		for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++)
			cr_assert_eq(cmos(rows[n].index), binary ? rows[n].binary : rows[n].bcd, "register %#x: %#x",
			             rows[n].index, cmos(rows[n].index));
	}
	cmos_put(0x0b, 0x00);
	cr_assert_eq(cmos(4), 0x90, "10 in the evening");
	cmos_put(0, 0);
	cr_assert_eq(cmos(0), 0x59, "nobody sets it");
}

Test(cmos, no_update_is_under_way)
{
	cr_assert_eq(cmos(0x0a) & 0x80, 0);
	cmos_put(0x0a, 0xff);
	cr_assert_eq(cmos(0x0a) & 0x80, 0);
	cr_assert_eq(cmos(0x0c), 0);
	cr_assert_eq(cmos(0x0d) & 0x80, 0x80);
	cr_assert_eq(cmos(0x8d) & 0x80, 0x80, "bit 7 masks NMIs");
}

Test(cmos, how_much_memory)
{
	static const struct { uint64_t mib; unsigned extended, above; } rows[] = {
		{ 1, 0, 0 }, { 2, 1024, 0 }, { 16, 15360, 0 }, { 64, 64512, 768 }, { 128, 65535, 1792 },
		{ 3072, 65535, 48896 },
	};

	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		cmos_reset(&c, rows[n].mib << 20);
		cr_assert_eq(cmos(0x15) | cmos(0x16) << 8, 640);
		cr_assert_eq(cmos(0x17) | cmos(0x18) << 8, rows[n].extended);
		cr_assert_eq(cmos(0x30) | cmos(0x31) << 8, rows[n].extended);
		cr_assert_eq(cmos(0x34) | cmos(0x35) << 8, rows[n].above);
	}
}

Test(cmos, the_shutdown_status_is_kept)
{
	cr_assert_eq(cmos(0x0f), 0);
	cmos_put(0x0f, 0x0a);
	cr_assert_eq(cmos(0x0f), 0x0a);
}

/* --- fw_cfg --- */

static uint64_t item(uint16_t selector)
{
	struct fw_cfg f = { .memory_size = UINT64_C(0x4000000), .cpus = 3 };
	uint64_t value = 0;

	fw_cfg_select(&f, selector);
	for (unsigned n = 0; n < 8; n++)
		value |= (uint64_t)fw_cfg_read(&f) << 8 * n;
	for (unsigned n = 0; n < 100; n++)
		cr_assert_eq(fw_cfg_read(&f), 0, "behind the end");
	return value;
}

Test(fw_cfg, items)
{
	cr_assert_eq(item(0), 0x554d4551, "QEMU");
	cr_assert_eq(item(1), 1);
	cr_assert_eq(item(3), 0x4000000);
	cr_assert_eq(item(5), 3);
	cr_assert_eq(item(0xf), 3);
	cr_assert_eq(item(0x19), 0, "no files");
	cr_assert_eq(item(0x8000), 0);
}

/* --- power --- */

Test(power, pm1)
{
	struct power p = { 0 };

	cr_assert_eq(power_read(&p, 0x600), 0);
	cr_assert_eq(power_read(&p, 0x604), 1, "ACPI is on");
	cr_assert_not(power_write(&p, 0x602, 0x2120));
	cr_assert_eq(power_read(&p, 0x602), 0x2120);
	cr_assert_not(power_write(&p, 0x604, 0x1400));
	cr_assert_eq(power_read(&p, 0x604), 0x1401);
	cr_assert_not(power_write(&p, 0x600, 0xffff));
	cr_assert_eq(power_read(&p, 0x600), 0);
	cr_assert(power_write(&p, 0x604, 0x2000));
}

Test(power, the_timer)
{
	cr_assert_eq(power_timer(0), 0);
	cr_assert_eq(power_timer(1000000000), 3579545);
	cr_assert_eq(power_timer(500000000), 1789772);
	cr_assert_eq(power_timer(5000000000), 17897725 - 16777216, "24 bits");
	cr_assert_eq(power_timer(UINT64_MAX) >> 24, 0);
}
