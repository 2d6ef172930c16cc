/*
 * What the boot protocols define: magic numbers, flags and offsets, under the
 * names of their specifications.  Safe to include from assembly.
 *
 *   Multiboot    Multiboot Specification 0.6.96
 *   Multiboot 2  Multiboot2 Specification 2.0
 *   PVH          Xen's docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h
 *   Linux        Documentation/arch/x86/boot.rst and zero-page.rst of the kernel
 */
#ifndef BOOT_H
#define BOOT_H

/* Multiboot: the header in the file (3.1), all fields of 4 bytes. */
#define MULTIBOOT_MAGIC         0x1badb002
#define MULTIBOOT_SEARCH        8192            /* it ends within so many bytes */
#define MULTIBOOT_ALIGN         4
#define MULTIBOOT_FLAGS         4
#define MULTIBOOT_CHECKSUM      8               /* makes the sum of the first three zero */
#define MULTIBOOT_HEADER_ADDR   12              /* this and the next: with MULTIBOOT_ADDRESSES */
#define MULTIBOOT_LOAD_ADDR     16
#define MULTIBOOT_LOAD_END      20              /* 0: the file's end */
#define MULTIBOOT_BSS_END       24              /* 0: none */
#define MULTIBOOT_ENTRY         28
#define MULTIBOOT_PAGE_ALIGN    0x00000001      /* flags: modules at page boundaries, */
#define MULTIBOOT_MEMORY        0x00000002      /* memory must be told, */
#define MULTIBOOT_VIDEO         0x00000004      /* a video mode too; */
#define MULTIBOOT_REQUIRED      0x0000ffff      /* a loader that cannot do one of these must say so; */
#define MULTIBOOT_ADDRESSES     0x00010000      /* load addresses are in the header */

/* The state and the information that the kernel finds (3.2, 3.3). */
#define MULTIBOOT_EAX           0x2badb002
#define MBI_FLAGS               0
#define MBI_MEM_LOWER           4               /* KiB */
#define MBI_MEM_UPPER           8               /* KiB from 1 MiB on */
#define MBI_CMDLINE             16
#define MBI_MODS_COUNT          20
#define MBI_MODS_ADDR           24              /* of 16 bytes each: start, end, string, 0 */
#define MBI_SECTIONS            28              /* number, entry size, address, index of the names */
#define MBI_MMAP_LENGTH         44
#define MBI_MMAP_ADDR           48              /* of 24 bytes each: 20 as the size of the rest, base 8, length 8, type 4 */
#define MBI_LOADER_NAME         64
#define MBI_SIZE                116
#define MBI_HAS_MEMORY          0x001           /* flags */
#define MBI_HAS_CMDLINE         0x004
#define MBI_HAS_MODS            0x008
#define MBI_HAS_SECTIONS        0x020
#define MBI_HAS_MMAP            0x040
#define MBI_HAS_LOADER_NAME     0x200

/* Multiboot 2: the header in the file: magic, architecture, length, checksum; then tags at multiples of 8. */
#define MULTIBOOT2_MAGIC        0xe85250d6
#define MULTIBOOT2_SEARCH       32768
#define MULTIBOOT2_ALIGN        8
#define MULTIBOOT2_ARCHITECTURE 4               /* 0: i386 */
#define MULTIBOOT2_LENGTH       8
#define MULTIBOOT2_CHECKSUM     12
#define MULTIBOOT2_TAGS         16              /* type 2, flags 2, size 4 */
#define MULTIBOOT2_OPTIONAL     1               /* a tag's flags */
#define MULTIBOOT2_TAG_END      0
#define MULTIBOOT2_TAG_REQUEST  1
#define MULTIBOOT2_TAG_ADDRESS  2               /* header, load (-1: the file's beginning), load end, bss end */
#define MULTIBOOT2_TAG_ENTRY    3
#define MULTIBOOT2_TAG_CONSOLE  4
#define MULTIBOOT2_TAG_FRAMEBUFFER 5
#define MULTIBOOT2_TAG_PAGE_ALIGN 6
#define MULTIBOOT2_TAG_EFI_SERVICES 7
#define MULTIBOOT2_TAG_EFI32    8
#define MULTIBOOT2_TAG_EFI64    9
#define MULTIBOOT2_TAG_RELOCATABLE 10

/* The state and the information that the kernel finds: total size, 0, then tags: type 4, size 4. */
#define MULTIBOOT2_EAX          0x36d76289
#define MBI2_END                0
#define MBI2_CMDLINE            1
#define MBI2_LOADER_NAME        2
#define MBI2_MODULE             3               /* start, end, string */
#define MBI2_MEMORY             4               /* lower, upper in KiB */
#define MBI2_MMAP               6               /* 24, 0, entries: base 8, length 8, type 4, 0 */
#define MBI2_SECTIONS           9               /* number, entry size, index of the names: 4 each, as GRUB has it; headers */
#define MBI2_RSDP_OLD           14              /* a copy of ACPI 1.0's root pointer, */
#define MBI2_RSDP_NEW           15              /* of that of 2.0 */
#define MBI2_LOAD_BASE          21
#define MBI2_KNOWN              21              /* the last type that the specification defines */

/* PVH: the note in the file, and the information that the kernel finds. */
#define PVH_NOTE_ENTRY          18              /* XEN_ELFNOTE_PHYS32_ENTRY, of the name "Xen" */
#define PVH_MAGIC               0x336ec578
#define PVH_START_MAGIC         0               /* 4 */
#define PVH_START_VERSION       4               /* 4; 1 */
#define PVH_START_MODULES       12              /* 4 */
#define PVH_START_MODLIST       16              /* 8; of 32 bytes each: address, size, string, 0: 8 each */
#define PVH_START_CMDLINE       24              /* 8 */
#define PVH_START_RSDP          32              /* 8 */
#define PVH_START_MEMMAP        40              /* 8; of 24 bytes each: base 8, size 8, type 4, 0 */
#define PVH_START_ENTRIES       48              /* 4; of the memory map */
#define PVH_START_SIZE          56

/*
 * Linux: the setup header lies at the same offsets in the file and in struct
 * boot_params ("zero page"), where the e820 table and the rest stand around it.
 */
#define LINUX_RSDP_ADDR         0x070   /* acpi_rsdp_addr, 8 bytes */
#define LINUX_E820_ENTRIES      0x1e8   /* 1 byte */
#define LINUX_SETUP_HEADER      0x1f1   /* where the header begins */
#define LINUX_SETUP_SECTS       0x1f1   /* 1; sectors of real-mode code behind the first, 0: 4 */
#define LINUX_BOOT_FLAG         0x1fe   /* 2; AA55h */
#define LINUX_JUMP              0x200   /* 2; its second byte tells where the header ends */
#define LINUX_HEADER            0x202   /* 4; "HdrS" */
#define LINUX_VERSION           0x206   /* 2 */
#define LINUX_TYPE_OF_LOADER    0x210   /* 1 */
#define LINUX_LOADFLAGS         0x211   /* 1 */
#define LINUX_CODE32_START      0x214   /* 4 */
#define LINUX_RAMDISK_IMAGE     0x218   /* 4 */
#define LINUX_RAMDISK_SIZE      0x21c   /* 4 */
#define LINUX_CMD_LINE_PTR      0x228   /* 4 */
#define LINUX_INITRD_ADDR_MAX   0x22c   /* 4; the highest address that it may occupy */
#define LINUX_KERNEL_ALIGNMENT  0x230   /* 4 */
#define LINUX_RELOCATABLE       0x234   /* 1 */
#define LINUX_XLOADFLAGS        0x236   /* 2; 2.12 */
#define LINUX_CMDLINE_SIZE      0x238   /* 4; 2.06; without the terminating zero */
#define LINUX_PREF_ADDRESS      0x258   /* 8; 2.10 */
#define LINUX_INIT_SIZE         0x260   /* 4; 2.10 */
#define LINUX_HEADER_MAX        0x290   /* the header never reaches further */
#define LINUX_E820_TABLE        0x2d0   /* of 20 bytes each: address 8, size 8, type 4 */
#define LINUX_E820_MAX          128
#define LINUX_BOOT_PARAMS_SIZE  0x1000

#define LINUX_BOOT_FLAG_VALUE   0xaa55
#define LINUX_MAGIC             0x53726448      /* "HdrS" */
#define LINUX_LOADED_HIGH       0x01            /* loadflags: a bzImage */
#define LINUX_KERNEL_64         0x01            /* xloadflags: there is a 64-bit entry */
#define LINUX_ENTRY_64          0x200           /* it lies that far into the loaded code */
#define LINUX_LOADER_UNDEFINED  0xff            /* type_of_loader of a loader without a number */
#define LINUX_BOOT_CS           0x10
#define LINUX_BOOT_DS           0x18

/* Types of memory, the same for e820, Multiboot and PVH (ACPI specification, 15). */
#define MEMORY_USABLE           1
#define MEMORY_RESERVED         2

#endif
