/*
 * The ACPI registers that the tables of acpi.h name: PM1, which puts out the
 * machine, and the PM timer.  No event ever comes, so the SCI is never raised.
 */
#ifndef DEVICE_POWER_H
#define DEVICE_POWER_H

#include <stdbool.h>
#include <stdint.h>

#define POWER_PM1_EVENT         0x600           /* status, and enable behind it: 16 bits each */
#define POWER_PM1_CONTROL       0x604           /* 16 bits */
#define POWER_TIMER             0x608           /* 32 bits */
#define POWER_SLEEP_ENABLE      0x2000          /* PM1 control, SLP_EN: ACPI 6.5, 4.8.3.2.1 */
#define POWER_TIMER_HZ          3579545         /* ACPI 6.5, 4.8.3.3 */

struct power {
	uint16_t enable, control;
};

uint16_t power_read(const struct power *p, unsigned port);      /* PM1 */
/* True: the machine is switched off. */
bool power_write(struct power *p, unsigned port, uint16_t value);
/* The timer, 24 bits, after so much time. */
uint32_t power_timer(uint64_t nanoseconds);

#endif
