/*
 * Names for records.  There are millions of these and few names: each is looked
 * up once.
 */
#include "trace/records.h"

#include "image/image.h"
#include "watch/service.h"

/* As symbols_text, interned by the tape. */
static void note_address(struct records_noted *noted, struct tape *tape, struct guest_view *view, uint64_t address)
{
	uint64_t *slot = &noted->address[(address ^ address >> 12) % NOTED_ADDRESSES];
	const char *text;

	if (*slot == address || !view->symbols)
		return;
	*slot = address;
	text = symbols_text(view->symbols, address);
	if (text && !tape_put_symbol(tape, &(struct symbol_fact){
			.question = SYMBOL_TEXT, .found = true, .address = address, .name = text }))
		tape->full = true;
}

/* By what it was entered and the number that counts. */
static uint64_t service_key(const struct ring_record *r)
{
	return (uint64_t)r->id << 32 | (r->rax & (SERVICE_NUMBERS - 1));
}

/* Linux' names are known without the guest. */
static void note_service(struct records_noted *noted, struct tape *tape, struct guest_view *view,
                         const struct ring_batch *batch, size_t n)
{
	const struct ring_record *r = &batch->record[n];
	const unsigned number = r->rax & (SERVICE_NUMBERS - 1);
	uint8_t *byte = &noted->service[r->id - 1][number / 8];
	struct transition t;

	if (*byte & 1 << number % 8 || view->kernel == KERNEL_LINUX)
		return;
	*byte |= (uint8_t)(1 << number % 8);
	ring_batch_transition(view, batch, n, NULL, &t);
	if (t.service.name && !tape_put_symbol(tape, &(struct symbol_fact){
			.question = SYMBOL_SERVICE, .found = true, .address = service_key(r), .name = t.service.name,
			.arguments = t.service.arg_count }))
		tape->full = true;
}

void records_note(struct records_noted *noted, struct tape *tape, struct guest_view *view,
                  const struct ring_batch *batch, size_t n)
{
	const struct ring_record *r = &batch->record[n];
	const struct ring_places places = ring_places(r);

	if (!tape)
		return;
	note_address(noted, tape, view, places.target);
	if (places.has_symbol)
		note_address(noted, tape, view, places.symbol);
	if (!ring_is_return(r->id))
		note_service(noted, tape, view, batch, n);
}

void records_note_told(struct records_noted *noted, struct tape *tape, struct guest_view *view, const struct transition *t)
{
	struct ring_record r;
	const struct ring_batch batch = { .record = &r, .count = 1, .now = &t->after };

	if (tape && ring_calls_record(t, &r))
		note_service(noted, tape, view, &batch, 0);
}

static const char *text_at(const struct tape *tape, uint64_t address)
{
	const struct symbol_fact *fact = tape_symbol(tape, SYMBOL_TEXT, NULL, address);

	return fact ? fact->name : NULL;
}

void records_transition(const struct tape *tape, struct guest_view *view, const struct ring_batch *batch,
                        const struct ring_call *call, struct transition *t)
{
	const struct ring_record *r = batch->record, *entry = call ? &call->record : r;
	const struct ring_places places = ring_places(r);
	const struct symbol_fact *service;

	ring_batch_transition(view, batch, 0, call, t);
	t->target = text_at(tape, places.target);
	if (places.has_symbol)
		t->symbol = text_at(tape, places.symbol);
	if (view->kernel == KERNEL_LINUX || ring_is_return(entry->id))
		return;
	service = tape_symbol(tape, SYMBOL_SERVICE, NULL, service_key(entry));
	if (service && service->arguments <= t->service.arg_count) {
		t->service.name = service->name;
		t->service.arg_count = service->arguments;
	}
}
