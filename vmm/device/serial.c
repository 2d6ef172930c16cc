/*
 * The 16550A's registers.  Nothing of it is timed: a byte is sent when it is
 * written, so the transmitter is always empty again.
 */
#include "device/serial.h"

#include <string.h>

/* Offsets; with LCR.DLAB, 0 and 1 are the divisor. */
enum { DATA = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCRATCH = 7 };

#define IER_RECEIVED    0x01
#define IER_EMPTY       0x02
#define IER_ERROR       0x04
#define IER_MODEM       0x08
#define IER_ALL         0x0f
/* By priority. */
#define IIR_ERROR       0x06
#define IIR_RECEIVED    0x04
#define IIR_TIMEOUT     0x0c            /* fewer than the trigger level, but they have waited */
#define IIR_EMPTY       0x02
#define IIR_MODEM       0x00
#define IIR_NONE        0x01
#define IIR_FIFO        0xc0
#define FCR_ENABLE      0x01
#define FCR_CLEAR       0x02
#define FCR_KEPT        0xc9
#define LCR_DLAB        0x80
#define MCR_LOOP        0x10
#define MCR_ALL         0x1f
#define LSR_READY       0x01
#define LSR_OVERRUN     0x02
#define LSR_EMPTY       0x60            /* THRE, TEMT */
#define MSR_CTS         0x10
#define MSR_DSR         0x20
#define MSR_RI          0x40
#define MSR_DCD         0x80
#define MSR_LINES       0xf0
#define MSR_CHANGES     0x0f
#define POLLS           100             /* reads of LSR without a byte sent: the guest waits for one */
#define MSR_RI_ENDED    0x04            /* TERI: only its end is told */

void serial_reset(struct serial *s)
{
	*s = (struct serial) { .divisor = { 12 }, .lcr = 3, .modem = MSR_DCD | MSR_DSR | MSR_CTS };
}

/* What the modem's lines are: the other side's, or, looped back, our own. */
static uint8_t lines(const struct serial *s)
{
	uint8_t to = 0;

	if (!(s->mcr & MCR_LOOP))
		return MSR_DCD | MSR_DSR | MSR_CTS;
	to |= s->mcr & 0x01 ? MSR_DSR : 0;      /* DTR */
	to |= s->mcr & 0x02 ? MSR_CTS : 0;      /* RTS */
	to |= s->mcr & 0x04 ? MSR_RI : 0;       /* OUT1 */
	to |= s->mcr & 0x08 ? MSR_DCD : 0;      /* OUT2 */
	return to;
}

static void follow_lines(struct serial *s)
{
	const uint8_t now = lines(s), changed = (uint8_t)((now ^ s->modem) & MSR_LINES) >> 4;
	uint8_t told = changed & (uint8_t)~MSR_RI_ENDED;

	if (changed & MSR_RI_ENDED && !(now & MSR_RI))
		told |= MSR_RI_ENDED;
	s->modem = (uint8_t)(now | (s->modem & MSR_CHANGES) | told);
}

static unsigned size(const struct serial *s)
{
	return s->fcr & FCR_ENABLE ? SERIAL_FIFO : 1;
}

/* Who waits to send asks once, since it always may. */
static bool listens(const struct serial *s)
{
	return s->ier & IER_RECEIVED || s->polls >= POLLS;
}

unsigned serial_room(const struct serial *s)
{
	return s->mcr & MCR_LOOP || !listens(s) || s->count >= size(s) ? 0 : size(s) - s->count;
}

static void put(struct serial *s, uint8_t byte)
{
	if (s->count >= size(s)) {
		s->overrun = true;
		if (s->fcr & FCR_ENABLE)        /* the FIFO stays as it is; a lone register is overwritten */
			return;
		s->count = 0;
	}
	s->fifo[(s->start + s->count++) % SERIAL_FIFO] = byte;
}

void serial_receive(struct serial *s, uint8_t byte)
{
	if (!(s->mcr & MCR_LOOP))
		put(s, byte);
}

static uint8_t take(struct serial *s)
{
	uint8_t byte = 0;

	if (s->count) {
		byte = s->fifo[s->start];
		s->start = (s->start + 1) % SERIAL_FIFO;
		s->count--;
	}
	return byte;
}

static uint8_t identify(const struct serial *s)
{
	static const uint8_t trigger[] = { 1, 4, 8, 14 };

	if (s->ier & IER_ERROR && s->overrun)
		return IIR_ERROR;
	if (s->ier & IER_RECEIVED && s->count)
		return s->fcr & FCR_ENABLE && s->count < trigger[s->fcr >> 6] ? IIR_TIMEOUT : IIR_RECEIVED;
	if (s->ier & IER_EMPTY && s->emptied)
		return IIR_EMPTY;
	if (s->ier & IER_MODEM && s->modem & MSR_CHANGES)
		return IIR_MODEM;
	return IIR_NONE;
}

bool serial_interrupts(const struct serial *s)
{
	return identify(s) != IIR_NONE;
}

uint8_t serial_read(struct serial *s, unsigned reg)
{
	uint8_t value;

	if (s->lcr & LCR_DLAB && reg <= IER)
		return s->divisor[reg];
	switch (reg) {
	case DATA:
		return take(s);
	case IER:
		return s->ier;
	case IIR:
		value = identify(s);
		if (value == IIR_EMPTY)
			s->emptied = false;
		return value | (s->fcr & FCR_ENABLE ? IIR_FIFO : 0);
	case LCR:
		return s->lcr;
	case MCR:
		return s->mcr;
	case LSR:
		value = LSR_EMPTY | (s->count ? LSR_READY : 0) | (s->overrun ? LSR_OVERRUN : 0);
		s->overrun = false;
		s->polls += s->polls < POLLS;
		return value;
	case MSR:
		value = s->modem;
		s->modem &= MSR_LINES;
		return value;
	default:
		return s->scratch;
	}
}

static void set_fifo(struct serial *s, uint8_t value)
{
	if (value & FCR_CLEAR || (value ^ s->fcr) & FCR_ENABLE)
		s->count = 0;
	s->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
}

static bool send(struct serial *s, uint8_t value)
{
	s->emptied = true;
	s->polls = 0;
	if (!(s->mcr & MCR_LOOP))
		return true;
	put(s, value);
	return false;
}

bool serial_write(struct serial *s, unsigned reg, uint8_t value)
{
	if (s->lcr & LCR_DLAB && reg <= IER) {
		s->divisor[reg] = value;
		return false;
	}
	switch (reg) {
	case DATA:
		return send(s, value);
	case IER:
		if (value & ~s->ier & IER_EMPTY)        /* asked for, it is told: the transmitter is empty */
			s->emptied = true;
		s->ier = value & IER_ALL;
		break;
	case FCR:
		set_fifo(s, value);
		break;
	case LCR:
		s->lcr = value;
		break;
	case MCR:
		s->mcr = value & MCR_ALL;
		follow_lines(s);
		break;
	case SCRATCH:
		s->scratch = value;
		break;
	}
	return false;
}
