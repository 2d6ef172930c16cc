/*
 * Port I/O.  The guest's text is cut into lines so that it cannot tear those
 * of the trace when both go to one terminal; control characters other than
 * tab are shown as '.', since the terminal is not the guest's to program.
 */
#include "device/ports.h"

#include "abi.h"

#include <string.h>

#define PORT_KEYBOARD   0x64            /* FEh pulses the reset line */
#define PORT_RESET      0xcf9           /* bit 2: reset */
#define PORT_ACPI_PM1A  0x604           /* 2000h: S5, as QEMU's ACPI has it */

void ports_flush(struct ports *p)
{
	if (!p->length)
		return;
	if (p->first)
		fflush(p->first);
	fprintf(p->console, "guest: %.*s\n", (int)p->length, p->line);
	fflush(p->console);
	p->length = 0;
}

/*
 * Whether a terminal may obey this byte instead of showing it.  80h to 9Fh are
 * the C1 controls, alone or behind C2h as UTF-8 has them; otherwise parts of
 * longer UTF-8 sequences.
 */
static bool is_control(const struct ports *p, uint8_t byte)
{
	uint8_t before = p->length ? (uint8_t)p->line[p->length - 1] : 0;

	if (byte < 0x80)
		return (byte < ' ' && byte != '\t') || byte == 0x7f;
	return byte < 0xa0 && (before < 0x80 || before == 0xc2);
}

static void console_byte(struct ports *p, uint8_t byte)
{
	if (byte == '\n') {
		if (!p->length)
			p->line[p->length++] = ' ';
		ports_flush(p);
		return;
	}
	if (byte == '\r')
		return;
	p->line[p->length++] = is_control(p, byte) ? '.' : (char)byte;
	if (p->length == sizeof p->line)
		ports_flush(p);
}

static void end(struct ports *p, const char *how, uint64_t code)
{
	if (p->ended)
		return;
	p->ended = true;
	p->end = how;
	p->code = code;
}

static void out(struct ports *p, uint16_t port, uint64_t value)
{
	switch (port) {
	case ABI_PORT_DEBUG:
		console_byte(p, (uint8_t)value);
		break;
	case ABI_PORT_EXIT:
		end(p, "exit", value);
		break;
	case PORT_KEYBOARD:
		if ((uint8_t)value == 0xfe)
			end(p, "reset", 0);
		break;
	case PORT_RESET:
		if (value & 4)
			end(p, "reset", 0);
		break;
	case PORT_ACPI_PM1A:
		if (value & 0x2000)
			end(p, "power-off", 0);
		break;
	}
}

void ports_access(struct ports *p, struct vm_exit *exit)
{
	uint8_t *data = exit->pio.data;

	for (uint32_t n = 0; n < exit->pio.count; n++, data += exit->pio.size) {
		uint64_t value = 0;

		if (exit->pio.out) {
			memcpy(&value, data, exit->pio.size);
			out(p, exit->pio.port, value);
		} else {
			memset(data, 0xff, exit->pio.size);
			if (exit->pio.port == ABI_PORT_DEBUG)
				*data = ABI_PORT_DEBUG;         /* how a guest knows that the port is there */
		}
	}
}
