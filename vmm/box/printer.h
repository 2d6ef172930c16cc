/*
 * Inside the Intel box: the way out through the parallel port.
 */
#ifndef BOX_PRINTER_H
#define BOX_PRINTER_H

#include <sys/types.h>

/* A stream whose bytes a process of its own prints until its end, or -errno. */
int printer_open(pid_t *printer);
/* One byte to the second port's: whoever saves machines does it now. */
void printer_signal(void);

#endif
