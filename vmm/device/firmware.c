/*
 * Where firmware has its data in the first megabyte, and whether the guest
 * leaves room for it.
 */
#include "device/firmware.h"

#include "device/acpi.h"
#include "device/bytes.h"

/* The BIOS data area, as IBM's AT had it, and the extended one that it names. */
#define BDA             UINT64_C(0x400)
#define BDA_SIZE        0x100
#define BDA_COM1        0x00
#define BDA_EBDA        0x0e            /* a segment */
#define BDA_EQUIPMENT   0x10
#define BDA_MEMORY      0x13            /* KiB below the EBDA */
#define BDA_VIDEO_MODE  0x49
#define BDA_COLUMNS     0x4a
#define BDA_CRTC        0x63
#define BDA_LAST_ROW    0x84
#define EBDA            UINT64_C(0x9fc00)
#define EBDA_KIB        1
#define EQUIPMENT       0x0202          /* one serial port, an FPU */
#define TEXT_MODE       3
#define TEXT_COLUMNS    80
#define TEXT_LAST_ROW   24
#define TEXT_CRTC       0x3d4
#define COM1            0x3f8

static bool touches(const struct image *image, uint64_t gpa, uint64_t size)
{
	for (size_t n = 0; n < image->segment_count; n++) {
		const struct segment *s = &image->segments[n];

		/* One begins inside the other; neither ends behind 2^64. */
		if (s->memory_size && (gpa - s->gpa < s->memory_size || s->gpa - gpa < size))
			return true;
	}
	return false;
}

/* Memory there, if it is the firmware's to fill. */
static uint8_t *room(struct vm *vm, const struct image *image, uint64_t gpa, uint64_t size)
{
	return touches(image, gpa, size) ? NULL : vm_memory(vm, gpa, size);
}

static void put_data(uint8_t *bda)
{
	put_bytes(bda + BDA_COM1, 2, COM1);
	put_bytes(bda + BDA_EBDA, 2, EBDA >> 4);
	put_bytes(bda + BDA_EQUIPMENT, 2, EQUIPMENT);
	put_bytes(bda + BDA_MEMORY, 2, EBDA / 1024);
	bda[BDA_VIDEO_MODE] = TEXT_MODE;
	put_bytes(bda + BDA_COLUMNS, 2, TEXT_COLUMNS);
	put_bytes(bda + BDA_CRTC, 2, TEXT_CRTC);
	bda[BDA_LAST_ROW] = TEXT_LAST_ROW;
}

void firmware_put(struct vm *vm, const struct image *image, unsigned cpus)
{
	uint8_t *to;

	if ((to = room(vm, image, BDA, BDA_SIZE)))
		put_data(to);
	if ((to = room(vm, image, EBDA, EBDA_KIB * 1024)))
		to[0] = EBDA_KIB;
	if ((to = room(vm, image, ACPI_TABLES, ACPI_SIZE)))
		acpi_tables(to, cpus);
	if ((to = room(vm, image, MP_TABLES, MP_SIZE)))
		mp_tables(to, cpus);
}
