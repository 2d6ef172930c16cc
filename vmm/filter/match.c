/*
 * A filter applied to an event.  What is not known of a record before its
 * service is looked up makes a comparison neither true nor false.
 */
#include "filter/filter.h"

#include "sink/calls.h"
#include "sink/sink.h"
#include "watch/transition.h"

#include <fnmatch.h>
#include <string.h>

enum truth { NO, YES, PERHAPS };

/* What an event has. */
struct subject {
	bool has_number, has_result;
	bool name_open;                 /* of the service nothing but its number is known yet; */
	bool call_open;                 /* or nothing at all, and not the result */
	uint32_t number;
	int64_t result;
	const char *service, *result_name;
	uint64_t address[3];
	unsigned address_count;
	const char *symbol[2];          /* or NULL */
	unsigned ring;
};

static enum truth truth(bool holds)
{
	return holds ? YES : NO;
}

static bool is_in_order(const struct filter_node *n, int64_t value)
{
	switch (n->operator) {
	case FILTER_LESS:
		return value < n->first;
	case FILTER_LESS_EQUAL:
		return value <= n->first;
	case FILTER_GREATER:
		return value > n->first;
	case FILTER_GREATER_EQUAL:
		return value >= n->first;
	default:
		return value >= n->first && value <= n->last;
	}
}

/* Addresses have no sign. */
static bool is_address_in_order(const struct filter_node *n, uint64_t value)
{
	const uint64_t first = (uint64_t)n->first, last = (uint64_t)n->last;

	switch (n->operator) {
	case FILTER_LESS:
		return value < first;
	case FILTER_LESS_EQUAL:
		return value <= first;
	case FILTER_GREATER:
		return value > first;
	case FILTER_GREATER_EQUAL:
		return value >= first;
	default:
		return value >= first && value <= last;
	}
}

static bool is_named(const struct filter_node *n, const char *name)
{
	if (!name)
		return false;
	return n->operator == FILTER_LIKE ? !fnmatch(n->text, name, 0) : !strcmp(n->text, name);
}

/* A symbol is "name+1A"; a word names it without its offset, a pattern sees all of it. */
static bool is_symbol(const struct filter_node *n, const char *symbol)
{
	const size_t length = strlen(n->text);

	if (!symbol || n->operator == FILTER_LIKE)
		return is_named(n, symbol);
	return !strncmp(symbol, n->text, length) && (!symbol[length] || symbol[length] == '+');
}

static bool is_at(const struct filter_node *n, const struct subject *s)
{
	bool any = false;

	if (n->is_text)
		return is_symbol(n, s->symbol[0]) || is_symbol(n, s->symbol[1]);
	for (unsigned i = 0; i < s->address_count; i++)
		any |= is_address_in_order(n, s->address[i]);
	return any;
}

static enum truth compare(const struct filter_node *n, const struct subject *s)
{
	const bool wanted = n->operator != FILTER_UNEQUAL;

	if (s->call_open && (n->field == FILTER_SERVICE || n->field == FILTER_NUMBER || n->field == FILTER_RESULT))
		return PERHAPS;
	switch (n->field) {
	case FILTER_SERVICE:
		if (s->name_open)
			return PERHAPS;
		return truth(s->service && is_named(n, s->service) == wanted);
	case FILTER_NUMBER:
		return truth(s->has_number && is_in_order(n, s->number) == wanted);
	case FILTER_RESULT:
		if (n->is_text)
			return truth(s->has_result && is_named(n, s->result_name) == wanted);
		return truth(s->has_result && is_in_order(n, s->result) == wanted);
	case FILTER_ADDRESS:
		return truth(is_at(n, s) == wanted);
	default:
		return truth(is_in_order(n, s->ring) == wanted);
	}
}

static enum truth both(enum truth a, enum truth b)
{
	if (a == NO || b == NO)
		return NO;
	return a == YES && b == YES ? YES : PERHAPS;
}

static enum truth negation(enum truth a)
{
	return a == PERHAPS ? PERHAPS : a == YES ? NO : YES;
}

static enum truth evaluate(const struct filter *f, const struct subject *s)
{
	enum truth stack[FILTER_NODES];
	unsigned top = 0;

	for (unsigned i = 0; i < f->count; i++) {
		const struct filter_node *n = &f->node[i];

		switch (n->kind) {
		case NODE_COMPARISON:
			stack[top++] = compare(n, s);
			break;
		case NODE_NOT:
			stack[top - 1] = negation(stack[top - 1]);
			break;
		case NODE_AND:
			top--;
			stack[top - 1] = both(stack[top - 1], stack[top]);
			break;
		case NODE_OR:
			top--;
			stack[top - 1] = negation(both(negation(stack[top - 1]), negation(stack[top])));
			break;
		}
	}
	return top ? stack[0] : YES;
}

/* Of a return whose entry is known: what RAX says to the caller. */
static void put_result(struct subject *s, const struct transition *t)
{
	if (t->kernel == KERNEL_LINUX) {
		s->has_result = linux_has_result(t);
		if (s->has_result) {
			s->result = linux_result(t);
			s->result_name = linux_error(t);
		}
		return;
	}
	s->has_result = t->entry && is_return_to_user(t) && t->service.valid;
	s->result = (uint32_t)t->before.gpr[GPR_RAX];
	s->result_name = t->kernel == KERNEL_WINDOWS ? status_name((uint32_t)s->result) : NULL;
}

bool filter_transition(const struct filter *f, const struct transition *t)
{
	struct subject s = {
		/* Of a recorded entry the caller's address is not known, but for where it goes on. */
		.has_number = t->service.valid, .number = t->service.number,
		.service = t->service.valid ? t->service.name : NULL,
		.address = { t->before.rip, leads_to(t) }, .address_count = 2, .symbol = { t->symbol, t->target },
		.ring = t->before.cpl,
	};

	if (t->recorded && !is_return_to_user(t)) {
		s.address[0] = t->after.gpr[GPR_RCX];
		s.address_count = 2;
		if (t->gate.kind == GATE_SYSENTER)
			s.address[0] = t->after.rip;
		s.ring = 3;
	}
	put_result(&s, t);
	return evaluate(f, &s) == YES;
}

bool filter_record(const struct filter *f, const struct ring_record *r)
{
	const struct subject ret = { .call_open = true, .address = { r->target, ring_leads_to(r) },
		.address_count = 2, .ring = 0 };
	const struct subject s = {
		.has_number = true, .number = (uint32_t)r->rax, .name_open = true,
		/* SYSENTER saves no return address. */
		.address = { r->target, r->rcx }, .address_count = r->id == RING_SYSENTER ? 1 : 2, .ring = 3,
	};

	return evaluate(f, ring_is_return(r->id) ? &ret : &s) != NO;
}
