/*
 * PM1 and the PM timer.  The one sleeping state that there is, S5, has type 0
 * (_S5_ in acpi.c), so that kernels which write 2000h as they learned it from QEMU
 * and those which read the tables write the same.
 */
#include "device/power.h"

#define CONTROL_SCI_ENABLE      0x0001          /* ACPI mode: there is no other */
#define CONTROL_KEPT            0x1c06          /* BM_RLD, GBL_RLS, SLP_TYP */
#define TIMER_MASK              0xffffff
#define SECOND                  UINT64_C(1000000000)

uint16_t power_read(const struct power *p, unsigned port)
{
	switch (port) {
	case POWER_PM1_EVENT + 2:
		return p->enable;
	case POWER_PM1_CONTROL:
		return p->control | CONTROL_SCI_ENABLE;
	default:
		return 0;                       /* status: nothing has happened */
	}
}

bool power_write(struct power *p, unsigned port, uint16_t value)
{
	if (port == POWER_PM1_EVENT + 2)
		p->enable = value;
	if (port != POWER_PM1_CONTROL)
		return false;
	p->control = value & CONTROL_KEPT;
	return value & POWER_SLEEP_ENABLE;
}

uint32_t power_timer(uint64_t nanoseconds)
{
	const uint64_t seconds = nanoseconds / SECOND, rest = nanoseconds % SECOND;

	return (uint32_t)(seconds * POWER_TIMER_HZ + rest * POWER_TIMER_HZ / SECOND) & TIMER_MASK;
}
