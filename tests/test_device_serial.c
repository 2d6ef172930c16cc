/*
 * The serial port as drivers use it: by registers in and out.
 */
#include "device/serial.h"

#include <criterion/criterion.h>

enum { DATA = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCRATCH = 7 };

static struct serial s;

static void setup(void)
{
	serial_reset(&s);
}

TestSuite(serial, .init = setup);

static void receive(const char *text)
{
	for (; *text; text++)
		serial_receive(&s, (uint8_t)*text);
}

#define IN(reg, expected) do { \
	const uint8_t value_ = serial_read(&s, (reg)); \
	cr_assert_eq(value_, (expected), "register %d: %#x, not %#x", (reg), value_, (expected)); \
} while (0)
#define OUT(reg, value) cr_assert_not(serial_write(&s, (reg), (value)))

Test(serial, sends_at_once)
{
	IN(LSR, 0x60);
	cr_assert(serial_write(&s, DATA, 'x'));
	IN(LSR, 0x60);
	cr_assert_not(serial_interrupts(&s), "nobody asked for any");
}

Test(serial, divisor_and_data_share_a_port)
{
	OUT(LCR, 0x83);
	OUT(DATA, 0x34);
	OUT(IER, 0x12);
	IN(DATA, 0x34);
	IN(IER, 0x12);
	OUT(LCR, 0x03);
	IN(IER, 0);
	IN(LCR, 0x03);
	cr_assert(serial_write(&s, DATA, 0x34));
}

/* drivers/tty/serial/8250: what it reads to find out what it drives. */
Test(serial, is_found_to_be_a_16550a)
{
	OUT(IER, 0);
	IN(IER, 0);
	OUT(IER, 0x0f);
	IN(IER, 0x0f);
	OUT(IER, 0xff);
	IN(IER, 0x0f);
	OUT(IER, 0);
	OUT(SCRATCH, 0xa5);
	IN(SCRATCH, 0xa5);
	OUT(MCR, 0x10 | 0x0a);
	cr_assert_eq(serial_read(&s, MSR) & 0xf0, 0x90, "RTS and OUT2 come back as CTS and DCD");
	OUT(MCR, 0);
	cr_assert_eq(serial_read(&s, IIR) >> 6, 0);
	OUT(FCR, 0x01);
	cr_assert_eq(serial_read(&s, IIR) >> 6, 3);
	OUT(FCR, 0x21);
	cr_assert_eq(serial_read(&s, IIR) & 0x20, 0, "64 bytes would be a 16750");
}

Test(serial, what_is_received)
{
	cr_assert_eq(serial_room(&s), 0, "nobody listens");
	OUT(IER, 0x01);
	cr_assert_eq(serial_room(&s), 1, "without FIFO");
	OUT(FCR, 0x01);
	cr_assert_eq(serial_room(&s), 16);
	receive("hello");
	cr_assert_eq(serial_room(&s), 11);
	for (const char *c = "hello"; *c; c++) {
		IN(LSR, 0x61);
		IN(DATA, *c);
	}
	IN(LSR, 0x60);
}

Test(serial, who_asks_again_and_again_listens)
{
	for (unsigned n = 0; n < 1000; n++) {
		IN(LSR, 0x60);
		cr_assert(serial_write(&s, DATA, 'x'));
	}
	cr_assert_eq(serial_room(&s), 0, "it waited to send");
	for (unsigned n = 0; n < 1000; n++)
		IN(LSR, 0x60);
	cr_assert_eq(serial_room(&s), 1);
}

Test(serial, too_much_is_an_overrun)
{
	OUT(FCR, 0x01);
	OUT(IER, 0x05);
	receive("0123456789abcdef");
	cr_assert_eq(serial_room(&s), 0);
	receive("lost");
	IN(IIR, 0xc6);
	IN(LSR, 0x63);
	IN(LSR, 0x61);
	IN(DATA, '0');
	OUT(FCR, 0x03);
	IN(LSR, 0x60);
	cr_assert_eq(serial_room(&s), 16, "emptied");
}

Test(serial, interrupts_for_what_is_received)
{
	OUT(FCR, 0x41);                         /* trigger at 4 */
	OUT(IER, 0x01);
	IN(IIR, 0xc1);
	receive("abc");
	cr_assert(serial_interrupts(&s), "they have waited");
	IN(IIR, 0xcc);
	receive("d");
	IN(IIR, 0xc4);
	for (unsigned n = 0; n < 4; n++) {
		cr_assert(serial_interrupts(&s));
		serial_read(&s, DATA);
	}
	cr_assert_not(serial_interrupts(&s));
	IN(IIR, 0xc1);
}

Test(serial, interrupts_for_an_empty_transmitter)
{
	OUT(IER, 0x02);
	cr_assert(serial_interrupts(&s), "it is empty when it is asked for");
	IN(IIR, 0x02);
	cr_assert_not(serial_interrupts(&s), "told");
	IN(IIR, 0x01);
	cr_assert(serial_write(&s, DATA, 'x'));
	cr_assert(serial_interrupts(&s), "empty once more");
	OUT(IER, 0);
	cr_assert_not(serial_interrupts(&s));
	OUT(IER, 0x02);
	IN(IIR, 0x02);
	OUT(IER, 0x02);
	IN(IIR, 0x01);
}

Test(serial, loops_back)
{
	OUT(FCR, 0x01);
	OUT(MCR, 0x1e);
	cr_assert_not(serial_write(&s, DATA, 0xae), "nothing goes out");
	cr_assert_eq(serial_room(&s), 0, "nothing comes in");
	receive("x");
	IN(LSR, 0x61);
	IN(DATA, 0xae);
	IN(LSR, 0x60);
	OUT(MCR, 0x0f);
	cr_assert(serial_write(&s, DATA, 'x'));
}

Test(serial, changes_of_the_modem)
{
	IN(MSR, 0xb0);
	OUT(IER, 0x08);
	OUT(MCR, 0x14);                         /* looped back: RI alone */
	cr_assert(serial_interrupts(&s));
	IN(IIR, 0x00);
	IN(MSR, 0x4b);
	IN(MSR, 0x40);
	cr_assert_not(serial_interrupts(&s));
	OUT(MCR, 0x00);
	IN(MSR, 0xbf);
	IN(MSR, 0xb0);
}
