/*
 * The MP floating pointer and configuration table, for kernels from before
 * ACPI: Intel MultiProcessor Specification 1.4, chapter 4.
 */
#include "device/acpi.h"

#include "device/bytes.h"

#include <string.h>

#define POINTER_SIZE    16
#define TABLE_OFFSET    POINTER_SIZE
#define HEADER_SIZE     44
#define REVISION        4
#define LAPIC_VERSION   0x14
#define IOAPIC_VERSION  0x11
#define CPU_ENABLED     1
#define CPU_FIRST       2
#define CPU_FEATURES    0x201           /* FPU, APIC: the rest is in CPUID */
#define INTERRUPT       0
#define INTERRUPT_NMI   1
#define INTERRUPT_8259  3
#define ISA_LINES       16
#define ISA_CASCADE     2
#define ALL_PROCESSORS  0xff

struct writer {
	uint8_t *table;
	unsigned used, entries;
};

static void add(struct writer *w, unsigned size, uint64_t value)
{
	put_bytes(w->table + w->used, size, value);
	w->used += size;
}

static void begin(struct writer *w, unsigned type)
{
	w->entries++;
	add(w, 1, type);
}

static void add_processor(struct writer *w, unsigned n)
{
	begin(w, 0);
	add(w, 1, n);
	add(w, 1, LAPIC_VERSION);
	add(w, 1, CPU_ENABLED | (n ? 0 : CPU_FIRST));
	add(w, 4, 0);
	add(w, 4, CPU_FEATURES);
	add(w, 8, 0);
}

/* type 3: to the IOAPIC's pin.  type 4: to LINTn of all processors. */
static void add_interrupt(struct writer *w, unsigned type, unsigned kind, unsigned irq, unsigned to, unsigned pin)
{
	begin(w, type);
	add(w, 1, kind);
	add(w, 2, 0);                   /* as the bus has it */
	add(w, 1, 0);                   /* the bus */
	add(w, 1, irq);
	add(w, 1, to);
	add(w, 1, pin);
}

static void add_all(struct writer *w, unsigned cpus)
{
	const unsigned ioapic = cpus;   /* an id that no LAPIC has */

	for (unsigned n = 0; n < cpus; n++)
		add_processor(w, n);
	begin(w, 1);
	add(w, 1, 0);
	memcpy(w->table + w->used, "ISA   ", 6);
	w->used += 6;
	begin(w, 2);
	add(w, 1, ioapic);
	add(w, 1, IOAPIC_VERSION);
	add(w, 1, 1);                   /* usable */
	add(w, 4, MACHINE_IOAPIC);
	for (unsigned irq = 0; irq < ISA_LINES; irq++)
		if (irq != ISA_CASCADE)
			add_interrupt(w, 3, INTERRUPT, irq, ioapic, irq ? irq : MACHINE_TIMER_LINE);
	add_interrupt(w, 4, INTERRUPT_8259, 0, ALL_PROCESSORS, 0);
	add_interrupt(w, 4, INTERRUPT_NMI, 0, ALL_PROCESSORS, 1);
}

void mp_tables(uint8_t *bytes, unsigned cpus)
{
	struct writer w = { .table = bytes + TABLE_OFFSET, .used = HEADER_SIZE };

	add_all(&w, cpus);
	memcpy(w.table, "PCMP", 4);
	put_bytes(w.table + 4, 2, w.used);
	w.table[6] = REVISION;
	memcpy(w.table + 8, "VMM     VMM         ", 20);
	put_bytes(w.table + 34, 2, w.entries);
	put_bytes(w.table + 36, 4, MACHINE_LAPIC);
	w.table[7] = checksum_of(w.table, w.used);

	memcpy(bytes, "_MP_", 4);
	put_bytes(bytes + 4, 4, MP_TABLES + TABLE_OFFSET);
	bytes[8] = 1;                   /* paragraphs */
	bytes[9] = REVISION;
	bytes[10] = checksum_of(bytes, POINTER_SIZE);
}
