/*
 * The disc that the Intel box boots: GRUB, the kernel and a root file system.
 */
#ifndef BOX_ISO_H
#define BOX_ISO_H

#define ISO_PROGRAM "grub-mkrescue"

/* A memory file that holds the image, or -1 after one message.  path: of grub-mkrescue. */
int iso_make(const char *path, const char *kernel, int initramfs);

#endif
