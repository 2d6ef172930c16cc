/*
 * A serial port: the registers of a 16550A, as National Semiconductor's data
 * sheet PC16550D (June 1995) has them.  It sends at once, whatever the divisor says.
 */
#ifndef DEVICE_SERIAL_H
#define DEVICE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#define SERIAL_REGISTERS        8
#define SERIAL_FIFO             16

struct serial {
	uint8_t divisor[2], ier, fcr, lcr, mcr, scratch;
	uint8_t modem;                  /* MSR: lines above, what changed of them below */
	bool overrun;                   /* LSR.OE */
	bool emptied;                   /* the transmitter has become empty, and IIR has not told it yet */
	uint8_t fifo[SERIAL_FIFO];      /* received */
	unsigned start, count;
	unsigned polls;                 /* reads of LSR since the last byte was sent */
};

/* Connected to somebody who is ready. */
void serial_reset(struct serial *s);

uint8_t serial_read(struct serial *s, unsigned reg);
/* True: value was sent, to the outside. */
bool serial_write(struct serial *s, unsigned reg, uint8_t value);

/*
 * Bytes that serial_receive can take now without losing one.  None before the guest listens, by
 * interrupt or by asking again and again: while a driver starts it throws away what is there.
 */
unsigned serial_room(const struct serial *s);
void serial_receive(struct serial *s, uint8_t byte);

/* The level of the interrupt line.  A PC cuts it off without MCR.OUT2; small kernels do not know, so here it is not. */
bool serial_interrupts(const struct serial *s);

#endif
