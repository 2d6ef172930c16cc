/*
 * BUG(wrong, right) marks what is wrong, and may leave either out.  Every guest
 * is built twice: as NN-name.elf, and with GOOD as NN-name.good.elf, its
 * neighbour without the bug.
 *
 * Exit codes: 0, all as the user program expects it.  STRUCK, it found damage.
 * KILLED + vector, an exception in ring 3.  PANIC + vector, one in ring 0.
 */
#ifndef MARK_H
#define MARK_H

#ifdef GOOD
#define BUG(wrong, ...)         __VA_ARGS__
#else
#define BUG(wrong, ...)         wrong
#endif

#define STRUCK                  0x13
#define KILLED                  0x20
#define PANIC                   0x40

#endif
