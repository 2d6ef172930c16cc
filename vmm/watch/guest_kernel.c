/*
 * Tells Linux and Windows' image from other kernels: by what they cannot do
 * without, never by what only looks like them.
 */
#include "watch/guest_kernel.h"

#include "image/image.h"

enum guest_kernel guest_kernel_of(const struct image *image)
{
	uint64_t address;

	if (image->protocol == BOOT_LINUX || image->protocol == BOOT_LINUX32 ||
	    symbols_address(image->symbols, "linux_banner", &address))
		return KERNEL_LINUX;
	if (symbols_address(image->symbols, "KeServiceDescriptorTable", &address))
		return KERNEL_WINDOWS;
	return KERNEL_UNKNOWN;
}
