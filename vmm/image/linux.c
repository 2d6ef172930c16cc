/*
 * A Linux bzImage: the real-mode part with its setup header, which says where
 * the rest is to be loaded, and that rest as one segment.  Real-mode code is
 * never run: the kernel is entered in 64-bit or in protected mode.
 *
 * Documentation/arch/x86/boot.rst.  Its boot sector and header are hostile like
 * any other file's.
 */
#include "image/loader.h"

#include "boot.h"

#include <stdlib.h>

#define SECTOR                  512
#define SETUP_SECTS_DEFAULT     4
#define VERSION_OLDEST          0x0206          /* has cmdline_size, relocatable_kernel, initrd_addr_max */
#define VERSION_PREF_ADDRESS    0x020a
#define VERSION_XLOADFLAGS      0x020c
#define LOAD_HIGH               0x100000        /* of a bzImage that names no address */
#define ADDRESSES_END           (UINT64_C(1) << 32)

bool is_linux(const struct loader *l)
{
	return l->size >= LINUX_VERSION + 2 && get16(l->bytes + LINUX_BOOT_FLAG) == LINUX_BOOT_FLAG_VALUE &&
	       get32(l->bytes + LINUX_HEADER) == LINUX_MAGIC;
}

static bool has(const struct loader *l, unsigned version)
{
	return get16(l->bytes + LINUX_VERSION) >= version;
}

/* The header's end is told by the jump over it; what it must hold depends on the version. */
static bool check_header(const struct loader *l, size_t *end)
{
	unsigned version = get16(l->bytes + LINUX_VERSION);
	size_t needed = has(l, VERSION_PREF_ADDRESS) ? LINUX_INIT_SIZE + 4 : LINUX_CMDLINE_SIZE + 4;

	if (version < VERSION_OLDEST)
		return refuse(l, "a Linux kernel of boot protocol %u.%02u; 2.06 is the oldest that is supported",
			      version >> 8, version & 0xff);
	*end = LINUX_HEADER + l->bytes[LINUX_JUMP + 1];
	if (*end > LINUX_HEADER_MAX)
		*end = LINUX_HEADER_MAX;
	if (*end < needed)
		return refuse(l, "a Linux setup header that ends at 0x%zx; boot protocol %u.%02u has 0x%zx bytes", *end,
			      version >> 8, version & 0xff, needed);
	if (*end > l->size)
		return refuse(l, "truncated: the Linux setup header ends at 0x%zx, the file at 0x%zx", *end, l->size);
	if (!(l->bytes[LINUX_LOADFLAGS] & LINUX_LOADED_HIGH))
		return refuse(l, "a Linux zImage, which loads below 640 KiB; only bzImages are supported");
	return true;
}

/* Where the kernel is loaded: where it prefers to be when it can be anywhere, as it moves up there otherwise. */
static bool load_address(const struct loader *l, uint64_t *address)
{
	uint64_t preferred = has(l, VERSION_PREF_ADDRESS) ? get64(l->bytes + LINUX_PREF_ADDRESS) : 0;
	uint64_t alignment = get32(l->bytes + LINUX_KERNEL_ALIGNMENT);

	*address = LOAD_HIGH;
	if (!l->bytes[LINUX_RELOCATABLE])
		return true;
	if (alignment & (alignment - 1))
		return refuse(l, "a Linux setup header with a kernel alignment of 0x%llx", (unsigned long long)alignment);
	if (preferred > *address)
		*address = preferred;
	if (*address >= ADDRESSES_END)
		return refuse(l, "a Linux kernel that prefers address 0x%llx, above 4 GiB", (unsigned long long)preferred);
	if (alignment)
		*address = (*address + alignment - 1) & -alignment;
	return true;
}

/* The memory that it needs from its load address on before it looks at the memory map. */
static uint64_t initial_size(const struct loader *l, uint64_t address, uint64_t file_size)
{
	uint64_t size = has(l, VERSION_PREF_ADDRESS) ? get32(l->bytes + LINUX_INIT_SIZE) : 0;
	uint64_t preferred = has(l, VERSION_PREF_ADDRESS) ? get64(l->bytes + LINUX_PREF_ADDRESS) : 0;

	/* One that cannot be moved moves itself there. */
	if (!l->bytes[LINUX_RELOCATABLE] && preferred > address && preferred < ADDRESSES_END)
		size += preferred - address;
	return size > file_size ? size : file_size;
}

static bool add_kernel(const struct loader *l, uint64_t address)
{
	unsigned sectors = l->bytes[LINUX_SETUP_SECTS] ? l->bytes[LINUX_SETUP_SECTS] : SETUP_SECTS_DEFAULT;
	size_t offset = (sectors + 1) * SECTOR;
	struct image *image = l->image;
	struct segment *s;

	if (offset + (image->is_32bit ? 0 : LINUX_ENTRY_64) >= l->size)
		return refuse(l, "truncated: the Linux kernel begins at 0x%zx, the file ends at 0x%zx", offset, l->size);
	s = image->segments = calloc(1, sizeof(*s));
	if (!s)
		return refuse(l, "out of memory");
	s->gpa = s->linear = address;
	s->bytes = l->bytes + offset;
	s->file_size = l->size - offset;
	s->memory_size = initial_size(l, address, s->file_size);
	image->segment_count = 1;
	image->entry = address + (image->is_32bit ? 0 : LINUX_ENTRY_64);
	if (range_within(address, s->memory_size, l->limit))
		return true;
	return refuse(l, "the kernel at 0x%llx needs memory up to 0x%llx, the guest's memory ends at 0x%llx",
		      (unsigned long long)address, (unsigned long long)(address + s->memory_size),
		      (unsigned long long)l->limit);
}

bool load_linux(struct loader *l)
{
	struct image *image = l->image;
	uint64_t address;
	size_t end = 0;

	if (!is_linux(l))
		return refuse(l, "no Linux kernel image (bzImage): no \"HdrS\" at 0x202");
	if (!check_header(l, &end) || !load_address(l, &address))
		return false;
	image->is_32bit = !has(l, VERSION_XLOADFLAGS) || !(get16(l->bytes + LINUX_XLOADFLAGS) & LINUX_KERNEL_64);
	image->protocol = image->is_32bit ? BOOT_LINUX32 : BOOT_LINUX;
	image->linux_kernel = (struct image_linux){
		.setup = l->bytes + LINUX_SETUP_HEADER, .setup_size = end - LINUX_SETUP_HEADER,
		.initrd_end = get32(l->bytes + LINUX_INITRD_ADDR_MAX) + UINT64_C(1),
		.command_line_max = get32(l->bytes + LINUX_CMDLINE_SIZE),
	};
	if (!add_kernel(l, address))
		return false;
	image->symbols = symbols_load(NULL);
	return image->symbols || refuse(l, "out of memory");
}
