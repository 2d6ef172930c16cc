/*
 * What the boot protocols define: magic numbers, flags and offsets, under the
 * names of their specifications.  Safe to include from assembly.
 *
 *   Linux        Documentation/arch/x86/boot.rst and zero-page.rst of the kernel
 */
#ifndef BOOT_H
#define BOOT_H

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
