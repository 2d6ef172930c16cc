/*
 * Bytes of guest memory that the tracer has replaced, by physical address.
 * Whoever reads guest memory on the guest's behalf sees the originals.
 */
#ifndef WATCH_PATCHES_H
#define WATCH_PATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

/* 256 handlers and what returns from them; for each exception a pad and eight bytes of its gate; the same again for one run. */
#define PATCHES_MAX     1024
#define PATCH_BYTES     5

struct patch {
	uint64_t gpa;
	uint8_t size;                   /* of one page */
	uint8_t original[PATCH_BYTES], patched[PATCH_BYTES];
	bool in;                        /* memory holds patched now */
	bool transient;                 /* for one run only */
	bool whole;                     /* all of it or nothing: given up once the guest has changed a byte */
	bool given_up;
	bool stop;                      /* the guest stops there (stops.c); otherwise some byte of a gate */
	bool site;                      /* an instruction that may leave the kernel stands there */
	uint8_t soft;                   /* the handler of this vector, 32 and above; 0: not */
	bool mixed;                     /* interrupts lead here, too */
	uint8_t group;                  /* patches that only make sense together; 0: alone */
	uint32_t vectors;               /* a stop for these exceptions */
	bool pad;                       /* a stop in place of another address: */
	uint64_t target;                /* this one, linear */
};

struct patches {
	struct vm *vm;
	unsigned count;
	struct patch patch[PATCHES_MAX];
};

/*
 * Replace size bytes.  Returns the patch (the very same one if it is there), or
 * NULL: no such memory, no room, or another patch in the way.
 */
struct patch *patches_add(struct patches *set, uint64_t gpa, const uint8_t *bytes, uint8_t size);
/* The patch that begins at gpa; the first that has any byte of [gpa, gpa + size). */
struct patch *patches_find(struct patches *set, uint64_t gpa);
struct patch *patches_overlapping(struct patches *set, uint64_t gpa, uint64_t size);

static inline bool patch_overlaps(const struct patch *p, uint64_t gpa, uint64_t size)
{
	return p->gpa - gpa < size || gpa - p->gpa < p->size;
}

/*
 * Take a patch's whole group out of memory; put all back that are out, over
 * what is there now.  One that the guest wrote over unannounced is out, too.
 */
void patches_lift(struct patches *set, struct patch *patch);
void patches_lower(struct patches *set);
void patches_lift_all(struct patches *set);

/* Whether the guest has written other bytes there than the tracer left. */
bool patches_changed(const struct patches *set, const struct patch *patch);

/* Remove the transient ones, or all. */
void patches_drop(struct patches *set, bool all);

/* buffer holds size bytes read at gpa: make it what the guest would read. */
void patches_hide(const struct patches *set, uint64_t gpa, void *buffer, size_t size);
/* size bytes were written at gpa on the guest's behalf: they are the originals now. */
void patches_overwrite(struct patches *set, uint64_t gpa, size_t size);

#endif
