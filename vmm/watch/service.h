/*
 * The service that an entry asks for, read from the guest's own descriptor
 * tables where it has Windows' ones (symbols KeServiceDescriptorTable and
 * KeServiceDescriptorTableShadow); of Linux, from the table of its calls.
 */
#ifndef WATCH_SERVICE_H
#define WATCH_SERVICE_H

#include "watch/guest_view.h"
#include "watch/transition.h"

/* Fill t->service of an entry from ring 3 by SYSCALL, SYSENTER or INT n above the exceptions. */
void service_of_entry(struct guest_view *v, struct transition *t);
/*
 * The same of a recorded entry: what its registers say.  Arguments on the caller's stack and strings are left out, as
 * that memory has changed since.  now: the vCPU as it is.
 */
void service_of_record(struct guest_view *v, const struct x86_state *now, struct transition *t);
/* Fill t->out of a return to ring 3, where the kernel is known. */
void service_of_return(struct guest_view *v, struct transition *t);

#endif
