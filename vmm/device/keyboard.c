/*
 * Commands of the 8042 (IBM PS/2 Hardware Interface Technical Reference,
 * Keyboard and Auxiliary Device Controller) and of an AT keyboard.  A20 is
 * always on, whatever is asked for.
 */
#include "device/keyboard.h"

#include <string.h>

#define STATUS_OUTPUT_FULL      0x01
#define STATUS_IDLE             0x14            /* self test passed, keyboard not locked */
#define BYTE_INTERRUPT          0x01
#define BYTE_AS_BIOS_LEAVES_IT  0x45            /* interrupt, self test passed, translation */
#define PORT_RESET              0x01            /* low: the processor is reset */
#define PORT_A20                0x02

/* Controller commands. */
enum {
	READ_BYTE = 0x20, WRITE_BYTE = 0x60, TEST_AUXILIARY = 0xa9, SELF_TEST = 0xaa, TEST_KEYBOARD = 0xab,
	READ_INPUT_PORT = 0xc0, READ_OUTPUT_PORT = 0xd0, WRITE_OUTPUT_PORT = 0xd1, ECHO_KEYBOARD = 0xd2,
	ECHO_AUXILIARY = 0xd3, WRITE_AUXILIARY = 0xd4, PULSE = 0xf0,
	SELF_TEST_PASSED = 0x55, NOT_CONNECTED = 0x02   /* TEST_AUXILIARY: the clock line stays low */
};

/* Keyboard commands. */
enum {
	LEDS = 0xed, ECHO = 0xee, SCAN_CODES = 0xf0, IDENTIFY = 0xf2, RATE = 0xf3, KEYBOARD_RESET = 0xff,
	ACKNOWLEDGED = 0xfa, TEST_PASSED = 0xaa, IDENTITY_1 = 0xab, IDENTITY_2 = 0x83
};

void keyboard_reset(struct keyboard *k)
{
	*k = (struct keyboard) {
		.command_byte = BYTE_AS_BIOS_LEAVES_IT, .output_port = PORT_RESET | PORT_A20,
	};
}

static void answer(struct keyboard *k, uint8_t value)
{
	if (k->answers < KEYBOARD_ANSWERS)
		k->answer[k->answers++] = value;
}

uint8_t keyboard_data(struct keyboard *k)
{
	const uint8_t value = k->answer[0];

	if (k->answers)
		memmove(k->answer, k->answer + 1, --k->answers);
	return value;
}

uint8_t keyboard_status(const struct keyboard *k)
{
	return STATUS_IDLE | (k->answers ? STATUS_OUTPUT_FULL : 0);
}

bool keyboard_interrupts(const struct keyboard *k)
{
	return k->answers && k->command_byte & BYTE_INTERRUPT;
}

/* What the keyboard itself is told; every byte, parameters too, is acknowledged. */
static void tell(struct keyboard *k, uint8_t value)
{
	answer(k, value == ECHO ? ECHO : ACKNOWLEDGED);
	switch (value) {
	case IDENTIFY:
		answer(k, IDENTITY_1);
		answer(k, IDENTITY_2);
		break;
	case KEYBOARD_RESET:
		answer(k, TEST_PASSED);
		break;
	case LEDS:
	case SCAN_CODES:
	case RATE:
		k->expects = value;
		break;
	}
}

bool keyboard_write(struct keyboard *k, uint8_t value)
{
	const uint8_t command = k->expects;

	k->expects = 0;
	switch (command) {
	case WRITE_BYTE:
		k->command_byte = value;
		break;
	case WRITE_OUTPUT_PORT:
		k->output_port = value | PORT_A20;
		return !(value & PORT_RESET);
	case ECHO_KEYBOARD:
	case ECHO_AUXILIARY:
		answer(k, value);
		break;
	case WRITE_AUXILIARY:                   /* nobody there */
		break;
	case LEDS:
	case SCAN_CODES:
	case RATE:
		answer(k, ACKNOWLEDGED);
		break;
	default:
		tell(k, value);
	}
	return false;
}

bool keyboard_command(struct keyboard *k, uint8_t value)
{
	k->expects = 0;
	switch (value) {
	case READ_BYTE:
		answer(k, k->command_byte);
		break;
	case SELF_TEST:
		k->answers = 0;
		answer(k, SELF_TEST_PASSED);
		break;
	case TEST_KEYBOARD:
		answer(k, 0);
		break;
	case TEST_AUXILIARY:
		answer(k, NOT_CONNECTED);
		break;
	case READ_INPUT_PORT:
		answer(k, 0x80);                /* not locked */
		break;
	case READ_OUTPUT_PORT:
		answer(k, k->output_port);
		break;
	case WRITE_BYTE:
	case WRITE_OUTPUT_PORT:
	case ECHO_KEYBOARD:
	case ECHO_AUXILIARY:
	case WRITE_AUXILIARY:
		k->expects = value;
		break;
	default:
		return value >= PULSE && !(value & PORT_RESET);
	}
	return false;
}
