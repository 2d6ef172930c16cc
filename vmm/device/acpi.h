/*
 * The tables by which a PC tells a kernel what it has: ACPI's, and for older
 * kernels the MultiProcessor Specification's.  Values only: they are written
 * into a buffer, for the guest-physical address at which it will be.
 */
#ifndef DEVICE_ACPI_H
#define DEVICE_ACPI_H

#include <stdint.h>

/* Where kernels look: ACPI 6.5, 5.2.5.1; MP 1.4, 4.1. */
#define ACPI_TABLES             UINT64_C(0xe0000)
#define ACPI_SIZE               0x1000
#define MP_TABLES               UINT64_C(0xf0000)
#define MP_SIZE                 0x400

/* The machine's: interrupt controllers, and the lines that are not where ISA had them. */
#define MACHINE_LAPIC           UINT32_C(0xfee00000)
#define MACHINE_IOAPIC          UINT32_C(0xfec00000)
#define MACHINE_TIMER_LINE      2               /* of the IOAPIC: IRQ 0 */
#define MACHINE_SCI             9

/* ACPI_SIZE zeroed bytes at ACPI_TABLES; the RSDP comes first.  cpus: 1 to VM_CPUS_MAX, APIC ids from 0 on. */
void acpi_tables(uint8_t *bytes, unsigned cpus);

/* MP_SIZE zeroed bytes at MP_TABLES. */
void mp_tables(uint8_t *bytes, unsigned cpus);

#endif
