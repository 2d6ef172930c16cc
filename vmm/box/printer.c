/*
 * A Centronics port as PCs have it: data in 378h, control in 37Ah, where
 * STROBE hands a byte over.  SELECT IN and INIT keep the printer on line; all
 * but INIT are active low on the wire and set to 1 here.
 */
#include "box/printer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/io.h>
#include <unistd.h>

enum {
	PRINTER = 0x378, SIGNAL_PRINTER = 0x278, PORTS = 3,
	CONTROL = 2,                    /* behind the data */
	CONTROL_STROBE = 0x01, CONTROL_INIT = 0x04, CONTROL_SELECT = 0x08,
	CONTROL_IDLE = CONTROL_SELECT | CONTROL_INIT
};

/* Off and on: a printer that was saved on line has forgotten its paper. */
static void go_on_line(int port)
{
	outb(0, port + CONTROL);
	outb(CONTROL_INIT, port + CONTROL);
	outb(CONTROL_IDLE, port + CONTROL);
}

static void print_byte(int port, uint8_t byte)
{
	outb(byte, port);
	outb(CONTROL_IDLE | CONTROL_STROBE, port + CONTROL);
	outb(CONTROL_IDLE, port + CONTROL);
}

void printer_signal(void)
{
	if (ioperm(SIGNAL_PRINTER, PORTS, 1) != 0)
		return;
	go_on_line(SIGNAL_PRINTER);
	print_byte(SIGNAL_PRINTER, 'S');
}

static _Noreturn void print(int from)
{
	static uint8_t bytes[65536];
	ssize_t got;

	if (ioperm(PRINTER, PORTS, 1) != 0)
		_exit(1);
	go_on_line(PRINTER);
	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < got; i++)
			print_byte(PRINTER, bytes[i]);
	_exit(0);
}

int printer_open(pid_t *printer)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	*printer = fork();
	if (*printer == 0) {
		close(ends[1]);
		print(ends[0]);
	}
	close(ends[0]);
	if (*printer < 0) {
		close(ends[1]);
		return -EAGAIN;
	}
	return ends[1];
}
