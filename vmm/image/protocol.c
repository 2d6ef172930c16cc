/*
 * The boot protocols' names, for messages.
 */
#include "image/image.h"

const char *boot_protocol_name(enum boot_protocol protocol)
{
	switch (protocol) {
	case BOOT_AUTO:
		break;
	case BOOT_ELF64:
	case BOOT_ELF32:
		return "a plain ELF guest";
	case BOOT_MULTIBOOT:
		return "a Multiboot kernel";
	case BOOT_MULTIBOOT2:
		return "a Multiboot 2 kernel";
	case BOOT_PVH:
		return "a PVH kernel";
	case BOOT_LINUX:
	case BOOT_LINUX32:
		return "a Linux kernel";
	}
	return "a guest";
}
