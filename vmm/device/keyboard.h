/*
 * The keyboard controller (8042) with a keyboard on which nobody types: it
 * answers commands, and that is all that is ever to be read.
 */
#ifndef DEVICE_KEYBOARD_H
#define DEVICE_KEYBOARD_H

#include <stdbool.h>
#include <stdint.h>

#define KEYBOARD_ANSWERS        4

struct keyboard {
	uint8_t command_byte;           /* the controller's; bit 0: interrupts */
	uint8_t output_port;            /* bit 1: A20 */
	uint8_t expects;                /* the command whose parameter comes next on 60h, or 0 */
	uint8_t answer[KEYBOARD_ANSWERS];
	unsigned answers;
};

void keyboard_reset(struct keyboard *k);
uint8_t keyboard_data(struct keyboard *k);              /* IN 60h */
uint8_t keyboard_status(const struct keyboard *k);      /* IN 64h */
/* True: the guest wants to be reset. */
bool keyboard_write(struct keyboard *k, uint8_t value);         /* OUT 60h */
bool keyboard_command(struct keyboard *k, uint8_t value);       /* OUT 64h */
/* The level of IRQ 1. */
bool keyboard_interrupts(const struct keyboard *k);

#endif
