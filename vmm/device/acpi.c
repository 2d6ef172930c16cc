/*
 * RSDP, RSDT, XSDT, FADT, FACS, DSDT and MADT.  Section numbers are those of the ACPI
 * Specification 6.5.  The registers that the FADT names are in power.c and ports.c.
 *
 *   base            RSDP, 36 bytes
 *   base + 40h      FACS, at a multiple of 64
 *   base + 80h      the others one behind the other, at multiples of 16
 */
#include "device/acpi.h"

#include "device/bytes.h"
#include "device/power.h"

#include <string.h>

#define RSDP_SIZE       36
#define FACS_OFFSET     0x40
#define FACS_SIZE       64
#define TABLES_OFFSET   0x80
#define HEADER_SIZE     36              /* 5.2.6 */
#define FADT_SIZE       244             /* 5.2.9, revision 3: as far as X_GPE1_BLK */
#define OEM             "VMM   "
#define OEM_TABLE       "VMM     "

struct writer {
	uint8_t *bytes;
	uint32_t used;
	uint32_t table;                 /* offset of the one that is being written */
};

static uint32_t address(uint32_t offset)
{
	return (uint32_t)ACPI_TABLES + offset;
}

static void begin(struct writer *w, const char *signature, unsigned revision)
{
	uint8_t *header;

	w->table = (w->used + 15) & ~UINT32_C(15);
	w->used = w->table + HEADER_SIZE;
	header = w->bytes + w->table;
	memcpy(header, signature, 4);
	header[8] = (uint8_t)revision;
	memcpy(header + 10, OEM, 6);
	memcpy(header + 16, OEM_TABLE, 8);
	put_bytes(header + 24, 4, 1);
	memcpy(header + 28, OEM, 4);
	put_bytes(header + 32, 4, 1);
}

static void add(struct writer *w, unsigned size, uint64_t value)
{
	put_bytes(w->bytes + w->used, size, value);
	w->used += size;
}

/* The guest-physical address of the table, which is whole now. */
static uint32_t end(struct writer *w)
{
	uint8_t *table = w->bytes + w->table;

	put_bytes(table + 4, 4, w->used - w->table);
	table[9] = checksum_of(table, w->used - w->table);
	return address(w->table);
}

/* --- DSDT --- */

/* Name (_S5_, Package (4) { 0, 0, 0, 0 }): SLP_TYP for PM1a and PM1b, and two that are reserved (7.4.2.6, 20.2.5). */
static const uint8_t dsdt_code[] = {
	0x08, '_', 'S', '5', '_',       /* NameOp */
	0x12, 6, 4,                     /* PackageOp, its length from here on, its elements */
	0x00, 0x00, 0x00, 0x00,         /* ZeroOp */
};

static uint32_t put_dsdt(struct writer *w)
{
	begin(w, "DSDT", 2);
	for (size_t n = 0; n < sizeof(dsdt_code); n++)
		add(w, 1, dsdt_code[n]);
	return end(w);
}

/* --- FADT --- */

#define FADT_FIRMWARE_CTRL      36
#define FADT_DSDT               40
#define FADT_SCI_INT            46
#define FADT_PM1A_EVT_BLK       56
#define FADT_PM1A_CNT_BLK       64
#define FADT_PM_TMR_BLK         76
#define FADT_PM1_EVT_LEN        88
#define FADT_PM1_CNT_LEN        89
#define FADT_PM_TMR_LEN         91
#define FADT_P_LVL2_LAT         96
#define FADT_P_LVL3_LAT         98
#define FADT_CENTURY            108
#define FADT_IAPC_BOOT_ARCH     109
#define FADT_FLAGS              112
#define FADT_RESET_REG          116
#define FADT_RESET_VALUE        128
#define FADT_X_DSDT             140
#define FADT_X_PM1A_EVT_BLK     148
#define FADT_X_PM1A_CNT_BLK     172
#define FADT_X_PM_TMR_BLK       208

/* Table 5.11: ISA devices are there, no VGA, no MSI.  Not said to be there: an 8042, so that nobody waits for a keyboard. */
#define BOOT_ARCH               (1 << 0 | 1 << 2 | 1 << 3)
/* Table 5.10: WBINVD, C1, no fixed buttons, no RTC status in PM1, RESET_REG. */
#define FLAGS                   (1 << 0 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 10)
#define NO_C2                   101     /* microseconds: more than 100 */
#define NO_C3                   1001
#define RESET_PORT              0xcf9
#define RESET_VALUE             6
#define CMOS_CENTURY            0x32

/* How wide the accesses to a register are. */
enum { BY_BYTES = 1, BY_WORDS, BY_DWORDS };

/* Generic address structure, 5.2.3.2: a port of so many bits. */
static void put_port(uint8_t *at, unsigned port, unsigned bits, unsigned access)
{
	at[0] = 1;                      /* system I/O */
	at[1] = (uint8_t)bits;
	at[3] = (uint8_t)access;
	put_bytes(at + 4, 8, port);
}

static uint32_t put_fadt(struct writer *w, uint32_t dsdt)
{
	uint8_t *t;

	begin(w, "FACP", 3);
	t = w->bytes + w->table;
	w->used = w->table + FADT_SIZE;
	put_bytes(t + FADT_FIRMWARE_CTRL, 4, address(FACS_OFFSET));
	put_bytes(t + FADT_DSDT, 4, dsdt);
	put_bytes(t + FADT_X_DSDT, 8, dsdt);
	put_bytes(t + FADT_SCI_INT, 2, MACHINE_SCI);
	put_bytes(t + FADT_PM1A_EVT_BLK, 4, POWER_PM1_EVENT);
	put_bytes(t + FADT_PM1A_CNT_BLK, 4, POWER_PM1_CONTROL);
	put_bytes(t + FADT_PM_TMR_BLK, 4, POWER_TIMER);
	t[FADT_PM1_EVT_LEN] = 4;
	t[FADT_PM1_CNT_LEN] = 2;
	t[FADT_PM_TMR_LEN] = 4;
	put_port(t + FADT_X_PM1A_EVT_BLK, POWER_PM1_EVENT, 32, BY_WORDS);
	put_port(t + FADT_X_PM1A_CNT_BLK, POWER_PM1_CONTROL, 16, BY_WORDS);
	put_port(t + FADT_X_PM_TMR_BLK, POWER_TIMER, 32, BY_DWORDS);
	put_bytes(t + FADT_P_LVL2_LAT, 2, NO_C2);
	put_bytes(t + FADT_P_LVL3_LAT, 2, NO_C3);
	t[FADT_CENTURY] = CMOS_CENTURY;
	put_bytes(t + FADT_IAPC_BOOT_ARCH, 2, BOOT_ARCH);
	put_bytes(t + FADT_FLAGS, 4, FLAGS);
	put_port(t + FADT_RESET_REG, RESET_PORT, 8, BY_BYTES);
	t[FADT_RESET_VALUE] = RESET_VALUE;
	return end(w);
}

/* 5.2.10: no lock, nobody to wake. */
static void put_facs(uint8_t *facs)
{
	memcpy(facs, "FACS", 4);
	put_bytes(facs + 4, 4, FACS_SIZE);
	facs[32] = 1;                   /* version */
}

/* --- MADT, 5.2.12 --- */

#define MADT_PCAT_COMPAT        1       /* there are two 8259s too */
#define MADT_ENABLED            1
#define MADT_LEVEL_HIGH         0x0d    /* active high, level-triggered */
#define MADT_AS_THE_BUS         0       /* for ISA: edge, active high */
#define MADT_ALL_PROCESSORS     0xff

static void add_override(struct writer *w, unsigned irq, unsigned line, unsigned flags)
{
	add(w, 1, 2);
	add(w, 1, 10);
	add(w, 1, 0);                   /* ISA */
	add(w, 1, irq);
	add(w, 4, line);
	add(w, 2, flags);
}

static uint32_t put_madt(struct writer *w, unsigned cpus)
{
	begin(w, "APIC", 3);
	add(w, 4, MACHINE_LAPIC);
	add(w, 4, MADT_PCAT_COMPAT);
	for (unsigned n = 0; n < cpus; n++) {
		add(w, 1, 0);           /* local APIC */
		add(w, 1, 8);
		add(w, 1, n);           /* processor */
		add(w, 1, n);           /* APIC id */
		add(w, 4, MADT_ENABLED);
	}
	add(w, 1, 1);                   /* IOAPIC */
	add(w, 1, 12);
	add(w, 2, 0);                   /* its id, as KVM has it; reserved */
	add(w, 4, MACHINE_IOAPIC);
	add(w, 4, 0);                   /* its first line */
	add_override(w, 0, MACHINE_TIMER_LINE, MADT_AS_THE_BUS);
	add_override(w, MACHINE_SCI, MACHINE_SCI, MADT_LEVEL_HIGH);
	add(w, 1, 4);                   /* NMI: LINT1 of all */
	add(w, 1, 6);
	add(w, 1, MADT_ALL_PROCESSORS);
	add(w, 2, MADT_AS_THE_BUS);
	add(w, 1, 1);
	return end(w);
}

/* --- what leads to them --- */

static void put_rsdp(uint8_t *rsdp, uint32_t rsdt, uint32_t xsdt)
{
	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, OEM, 6);
	rsdp[15] = 2;                   /* revision */
	put_bytes(rsdp + 16, 4, rsdt);
	rsdp[8] = checksum_of(rsdp, 20);        /* as far as ACPI 1.0 had it */
	put_bytes(rsdp + 20, 4, RSDP_SIZE);
	put_bytes(rsdp + 24, 8, xsdt);
	rsdp[32] = checksum_of(rsdp, RSDP_SIZE);
}

void acpi_tables(uint8_t *bytes, unsigned cpus)
{
	struct writer w = { .bytes = bytes, .used = TABLES_OFFSET };
	const uint32_t fadt = put_fadt(&w, put_dsdt(&w)), madt = put_madt(&w, cpus);
	uint32_t rsdt;

	begin(&w, "RSDT", 1);
	add(&w, 4, fadt);
	add(&w, 4, madt);
	rsdt = end(&w);
	begin(&w, "XSDT", 1);
	add(&w, 8, fadt);
	add(&w, 8, madt);
	put_rsdp(bytes, rsdt, end(&w));
	put_facs(bytes + FACS_OFFSET);
}
