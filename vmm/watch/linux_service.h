/*
 * What Linux' own conventions say about an entry and a return: which call, with
 * what, and where it leads.  Reads the caller's memory; every address and
 * string in it is hostile.
 */
#ifndef WATCH_LINUX_SERVICE_H
#define WATCH_LINUX_SERVICE_H

#include "watch/guest_view.h"
#include "watch/transition.h"

/* Fill t->service, t->strings and t->back of an entry. */
void linux_service(struct guest_view *v, struct transition *t);
/* Fill t->out of a return to ring 3.  In linux_return.c. */
void linux_way_out(struct guest_view *v, struct transition *t);

/* Copy bytes from ring 3's own pages.  Returns how many could be read from their start. */
size_t linux_user_read(struct guest_view *v, const struct x86_state *s, uint64_t linear, void *to, size_t size);
/* The string at linear; false: not one byte of it can be read. */
bool linux_user_string(struct guest_view *v, const struct x86_state *s, uint64_t linear, struct call_string *string);

/* Where a signal's frame keeps what was interrupted; false: it cannot be read. */
struct linux_context { uint64_t rip, rsp, rax; };
bool linux_context64(struct guest_view *v, const struct x86_state *s, uint64_t ucontext, struct linux_context *c);
/* i386: from the ucontext of an rt frame, or from the sigcontext of another. */
bool linux_context32(struct guest_view *v, const struct x86_state *s, uint32_t address, bool ucontext,
                     struct linux_context *c);

#endif
