/*
 * What a PC's firmware leaves in memory: tables and the BIOS data area.
 */
#ifndef DEVICE_FIRMWARE_H
#define DEVICE_FIRMWARE_H

#include "image/image.h"
#include "kvm/kvm.h"

/*
 * Put it into fresh guest memory, before the guest itself.  What the guest's own segments touch stays
 * away as a whole: a kernel that lies at E0000h has no ACPI tables.
 */
void firmware_put(struct vm *vm, const struct image *image, unsigned cpus);

#endif
