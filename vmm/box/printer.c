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
	PORT_DATA = 0x378, PORT_CONTROL = 0x37a, PORTS = 3,
	CONTROL_STROBE = 0x01, CONTROL_INIT = 0x04, CONTROL_SELECT = 0x08,
	CONTROL_IDLE = CONTROL_SELECT | CONTROL_INIT
};

static _Noreturn void print(int from)
{
	static uint8_t bytes[65536];
	ssize_t got;

	if (ioperm(PORT_DATA, PORTS, 1) != 0)
		_exit(1);
	outb(CONTROL_IDLE, PORT_CONTROL);
	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < got; i++) {
			outb(bytes[i], PORT_DATA);
			outb(CONTROL_IDLE | CONTROL_STROBE, PORT_CONTROL);
			outb(CONTROL_IDLE, PORT_CONTROL);
		}
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
