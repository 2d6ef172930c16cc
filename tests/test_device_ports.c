/*
 * The bus: which port leads to which device, how wide accesses are taken
 * apart, the ways to end, the interrupt lines.
 */
#include "abi.h"
#include "device/ports.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *shown;
static size_t shown_size;
static struct ports p;
static uint32_t lines;
static unsigned edges;

static void set_line(void *context, unsigned irq, bool level)
{
	cr_assert_eq(context, &lines);
	cr_assert_neq(lines >> irq & 1, (uint32_t)level, "told of a change only");
	lines ^= UINT32_C(1) << irq;
	edges++;
}

static void setup(void)
{
	const struct ports_config config = {
		.console = open_memstream(&shown, &shown_size), .input = -1, .memory_size = 64 << 20, .cpus = 2,
		.line = set_line, .context = &lines,
	};

	ports_init(&p, &config);
}

static void teardown(void)
{
	fclose(p.config.console);
	free(shown);
}

TestSuite(ports, .init = setup, .fini = teardown);

static void out(uint16_t port, uint8_t size, uint32_t value)
{
	struct vm_exit exit = {
		.kind = EXIT_PIO, .pio = { .port = port, .size = size, .out = true, .count = 1, .data = &value },
	};

	ports_access(&p, &exit);
}

static uint32_t in(uint16_t port, uint8_t size)
{
	uint32_t value = 0;
	struct vm_exit exit = { .kind = EXIT_PIO, .pio = { .port = port, .size = size, .count = 1, .data = &value } };

	ports_access(&p, &exit);
	return value;
}

static const char *text(void)
{
	ports_flush(&p);
	return shown;
}

Test(ports, an_empty_bus_reads_as_ones)
{
	uint16_t words[2] = { 0, 0 };
	struct vm_exit exit = { .kind = EXIT_PIO, .pio = { .port = 0x300, .size = 2, .count = 2, .data = words } };

	ports_access(&p, &exit);
	cr_assert_eq(words[0] & words[1], 0xffff);
	cr_assert_eq(in(0x2fd, 1), 0xff, "no second serial port");
	cr_assert_eq(in(0xffff, 4), 0xffffffff, "nothing behind the last port");
	out(0x300, 4, 0xffffffff);
	cr_assert_not(p.ended);
}

Test(ports, all_consoles_are_one)
{
	out(ABI_PORT_DEBUG, 1, 'a');
	out(0x402, 1, 'b');
	out(0x3f8, 1, 'c');
	out(ABI_PORT_DEBUG, 4, 'd');
	cr_assert_str_eq(text(), "guest: abcd\n");
	cr_assert_eq(in(ABI_PORT_DEBUG, 1), ABI_PORT_DEBUG);
	cr_assert_eq(in(0x402, 1), ABI_PORT_DEBUG);
}

/* REP OUTSB. */
Test(ports, strings)
{
	char line[] = "whole\n";
	struct vm_exit exit = {
		.kind = EXIT_PIO, .pio = { .port = 0x3f8, .size = 1, .out = true, .count = 6, .data = line },
	};

	ports_access(&p, &exit);
	cr_assert_str_eq(shown, "guest: whole\n");
}

/* CMOS' index and data, the serial port's IER and FCR in one access. */
Test(ports, narrow_devices_take_wide_accesses_apart)
{
	out(0x70, 2, 0x5a0f);
	out(0x70, 1, 0x0f);
	cr_assert_eq(in(0x71, 1), 0x5a);
	out(0x3f9, 2, 0x0103);
	cr_assert_eq(in(0x3f9, 2), 0xc203, "IER, IIR");
	cr_assert_eq(in(0x3fe, 4), 0xffff00b0, "MSR, scratch, and two ports without a device");
}

static const struct {
	uint16_t port;
	uint8_t size;
	uint32_t value;
	const char *end;
	uint64_t code;
} ends[] = {
	{ ABI_PORT_EXIT, 4, 42, "exit", 42 }, { ABI_PORT_EXIT, 1, 0x100 | 7, "exit", 7 },
	{ 0x501, 1, 3, "exit", 3 }, { 0x501, 4, 0x10001, "exit", 0x10001 },
	{ 0x64, 1, 0xfe, "reset", 0 }, { 0xcf9, 1, 0x06, "reset", 0 }, { 0x92, 1, 0x03, "reset", 0 },
	{ 0x604, 2, 0x2000, "power-off", 0 }, { 0x604, 2, 0x3401, "power-off", 0 },
	{ 0xb004, 2, 0x2000, "power-off", 0 }, { 0x600, 1, 0x34, "power-off", 0 },
	/* not so: */
	{ 0x64, 1, 0xdd }, { 0xcf9, 1, 0x02 }, { 0xcf8, 4, 0x80000600 }, { 0x92, 1, 0x02 }, { 0x604, 2, 0x1401 },
	{ 0x600, 2, 0x34 }, { 0x602, 2, 0x2034 }, { 0xb004, 2, 0x1000 }, { 0x80, 1, 0xff },
};

Test(ports, the_ways_to_end)
{
	for (size_t n = 0; n < sizeof(ends) / sizeof(ends[0]); n++) {
		teardown();
		setup();
		out(ends[n].port, ends[n].size, ends[n].value);
		cr_assert_eq(p.ended, ends[n].end != NULL, "number %zu", n);
		if (!ends[n].end)
			continue;
		cr_assert_str_eq(p.end, ends[n].end, "number %zu", n);
		cr_assert_eq(p.code, ends[n].code, "number %zu", n);
		out(ABI_PORT_EXIT, 1, 99);
		cr_assert_eq(p.code, ends[n].code, "the first one counts");
	}
}

Test(ports, pci_is_there_and_empty)
{
	out(0xcf8, 4, 0x80000000);
	cr_assert_eq(in(0xcf8, 4), 0x80000000);
	cr_assert_eq(in(0xcfc, 4), 0xffffffff);
	cr_assert_eq(in(0xcfe, 2), 0xffff);
	cr_assert_eq(in(0xcf9, 1), 0xff);
}

Test(ports, the_serial_line_interrupts)
{
	int ends_of_pipe[2];

	cr_assert_eq(pipe(ends_of_pipe), 0);
	p.config.input = ends_of_pipe[0];
	out(0x3f9, 1, 0x01);
	ports_tick(&p);
	cr_assert_eq(lines, 0);
	cr_assert_eq(write(ends_of_pipe[1], "yz", 2), 2);
	ports_tick(&p);
	cr_assert_eq(lines, 1 << 4);
	ports_tick(&p);
	cr_assert_eq(in(0x3f8, 1), 'y');
	cr_assert_eq(lines, 0, "the line is taken back");
	cr_assert_eq(in(0x3f8, 1), 0, "one byte at a time without a FIFO");
	ports_tick(&p);
	cr_assert_eq(lines, 1 << 4);
	cr_assert_eq(in(0x3f8, 1), 'z');
	cr_assert_eq(edges, 4);
}

Test(ports, the_keyboard_controller_interrupts)
{
	out(0x64, 1, 0xaa);
	cr_assert_eq(lines, 1 << 1);
	cr_assert_eq(in(0x64, 1) & 1, 1);
	cr_assert_eq(in(0x60, 1), 0x55);
	cr_assert_eq(lines, 0);
	cr_assert_eq(in(0x64, 1) & 1, 0);
}

Test(ports, the_timer_goes_on)
{
	const uint32_t before = in(0x608, 4);
	uint32_t passed;

	usleep(20000);
	passed = (in(0x608, 4) - before) & 0xffffff;
	cr_assert_geq(passed, 71590, "20 ms of 3.579545 MHz");
	cr_assert_eq(in(0x60b, 1), 0, "24 bits");
}

static struct vm_exit memory(uint64_t gpa, bool write, void *data)
{
	return (struct vm_exit) {
		.kind = EXIT_MMIO, .mmio = { .gpa = gpa, .size = 4, .write = write, .data = data },
	};
}

Test(ports, the_window_for_devices)
{
	static const uint64_t inside[] = { 0xc0000000, 0xfed00000, 0xfffffffc };
	static const uint64_t outside[] = { 0x4000000, 0xbffffffc, UINT64_C(0x100000000), UINT64_MAX - 3 };
	uint32_t data;
	struct vm_exit exit;

	for (unsigned n = 0; n < sizeof(inside) / sizeof(inside[0]); n++) {
		data = 1;
		exit = memory(inside[n], true, &data);
		cr_assert(ports_memory(&exit));
		cr_assert_eq(data, 1);
		exit = memory(inside[n], false, &data);
		cr_assert(ports_memory(&exit));
		cr_assert_eq(data, 0xffffffff);
	}
	for (unsigned n = 0; n < sizeof(outside) / sizeof(outside[0]); n++) {
		exit = memory(outside[n], false, &data);
		cr_assert_not(ports_memory(&exit));
	}
}
