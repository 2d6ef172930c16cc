/*
 * Whether a call behind SYSCALL hands on RCX, the return address, as if it were
 * the caller's fourth argument.
 */
#ifndef LINT_ARGUMENT_WALK_H
#define LINT_ARGUMENT_WALK_H

#include "lint/walk.h"

/* *c is a call on path *p of walk *from. */
bool call_takes_rcx(const struct walk *from, const struct path *p, const struct code *c);

#endif
