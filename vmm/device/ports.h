/*
 * The devices that a guest finds behind its I/O ports, beside those that the
 * kernel has (PICs, PIT): serial port, keyboard controller, CMOS, ACPI
 * registers, and the ways to speak and to end that kernels know.  Everything
 * else reads as all ones and ignores writes, as an empty bus does.
 */
#ifndef DEVICE_PORTS_H
#define DEVICE_PORTS_H

#include "device/cmos.h"
#include "device/console.h"
#include "device/fw_cfg.h"
#include "device/keyboard.h"
#include "device/power.h"
#include "device/serial.h"
#include "kvm/kvm.h"

struct ports_config {
	FILE *console;                  /* where the guest's text goes, a line at a time */
	FILE *first;                    /* flushed before each line, to keep the order on one terminal; or NULL */
	int input;                      /* what the serial port receives; -1: nothing */
	bool typed;                     /* it is typed on the terminal where the guest's text goes */
	uint64_t memory_size;
	unsigned cpus;
	/* Set an ISA interrupt line; NULL: nobody listens. */
	void (*line)(void *context, unsigned irq, bool level);
	void *context;                  /* of line */
	void (*heard)(void);            /* called when input has come; may be NULL */
};

struct ports {
	struct ports_config config;
	struct console text;
	struct serial serial;
	struct keyboard keyboard;
	struct cmos cmos;
	struct fw_cfg fw_cfg;
	struct power power;
	uint32_t pci_address;
	uint32_t lines;                 /* as they were set last, bit n: IRQ n */
	bool more_input;                /* there was as much as had room: probably there is more */
	bool ended;
	const char *end;                /* "exit", "reset" or "power-off" */
	uint64_t code;                  /* what was written to the exit port */
};

void ports_init(struct ports *p, const struct ports_config *config);

/* Serve one EXIT_PIO. */
void ports_access(struct ports *p, struct vm_exit *exit);

/*
 * Serve one EXIT_MMIO in the PC's window for devices, from 3 GiB to 4 GiB, where nothing
 * is: reads give all ones, writes are lost.  False: it is elsewhere, where no PC
 * has anything, and a guest that goes there is lost.
 */
bool ports_memory(struct vm_exit *exit);

/* A tick has passed: take input, show what has waited. */
void ports_tick(struct ports *p);

/* Something else is about to be written where the guest's text goes. */
void ports_settle(struct ports *p);

/* Write out an unfinished last line. */
void ports_flush(struct ports *p);

#endif
