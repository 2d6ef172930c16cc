/*
 * One transition as one JSON line: both states, the checks, and what only some
 * kinds have.  Decides nothing about what is right.
 */
#include "sink/json.h"

#include "sink/descriptors.h"
#include "x86.h"

static void put_state(struct json_writer *w, const char *key, const struct x86_state *s, uint64_t rflags_lent,
                      uint64_t r11_lent)
{
	json_open(w, key, '{');
	json_hex(w, "rip", s->rip);
	JSON_HEX(w, "rsp", s->gpr[GPR_RSP]);
	JSON_HEX(w, "rflags", s->rflags & ~rflags_lent);
	JSON_HEX(w, "cs", s->cs.selector);
	JSON_HEX(w, "ss", s->ss.selector);
	json_number(w, "cpl", s->cpl);
	json_word(w, "mode", mode_name(x86_mode(s)));
	if (x86_mode(s) != MODE_64 && s->cs.base)       /* then rip is no address */
		json_hex(w, "cs_base", s->cs.base);
	JSON_HEX(w, "rax", s->gpr[GPR_RAX]);
	JSON_HEX(w, "rbx", s->gpr[GPR_RBX]);
	JSON_HEX(w, "rcx", s->gpr[GPR_RCX]);
	JSON_HEX(w, "rdx", s->gpr[GPR_RDX]);
	JSON_HEX(w, "rsi", s->gpr[GPR_RSI]);
	JSON_HEX(w, "rdi", s->gpr[GPR_RDI]);
	JSON_HEX(w, "rbp", s->gpr[GPR_RBP]);
	JSON_HEX(w, "r8", s->gpr[GPR_R8]);
	JSON_HEX(w, "r9", s->gpr[GPR_R9]);
	JSON_HEX(w, "r10", s->gpr[GPR_R10]);
	JSON_HEX(w, "r11", s->gpr[GPR_R11] & ~r11_lent);
	JSON_HEX(w, "r12", s->gpr[GPR_R12]);
	JSON_HEX(w, "r13", s->gpr[GPR_R13]);
	JSON_HEX(w, "r14", s->gpr[GPR_R14]);
	JSON_HEX(w, "r15", s->gpr[GPR_R15]);
	json_close(w, '}');
}

static void put_other_vendor(struct json_writer *w, const struct vendor_differences *differences)
{
	if (!differences->count)
		return;
	json_open(w, "other_vendor", '[');
	for (unsigned i = 0; i < differences->count; i++) {
		const struct vendor_difference *d = &differences->difference[i];
		const bool fault = d->field == FIELD_VECTOR;

		json_open(w, NULL, '{');
		json_text(w, "field", field_name(d->field));
		json_check_value(w, "here", d->field, d->here, fault && d->here == VENDOR_NO_VECTOR);
		json_check_value(w, "there", d->field, d->there, fault && d->there == VENDOR_NO_VECTOR);
		json_text(w, "source", d->source);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_error(struct json_writer *w, const struct gate *g)
{
	if (g->has_error)
		json_hex(w, "error", g->error);
	else
		json_none(w, "error");
}

/* The words that delivery pushed; null where there are none. */
static void put_frame(struct json_writer *w, const struct transition *t)
{
	const struct frame *f = &t->frame;

	if (!f->count) {
		json_none(w, "frame");
		return;
	}
	json_open(w, "frame", '{');
	json_hex(w, "address", f->address);
	json_hex(w, "rip", f->rip);
	json_hex(w, "cs", f->cs);
	json_hex(w, "rflags", f->rflags & ~t->frame_rflags_lent);
	if (f->count - f->has_error > 3) {
		json_hex(w, "rsp", f->rsp);
		json_hex(w, "ss", f->ss);
	}
	if (f->has_error)
		json_hex(w, "error", f->error);
	json_close(w, '}');
}

static void put_segment(struct json_writer *w, const char *key, uint16_t selector, struct raw_descriptor raw)
{
	struct x86_segment s = segment_from_descriptor(raw, selector);

	json_open(w, key, '{');
	json_hex(w, "selector", selector);
	json_text(w, "type", segment_type_name(raw));
	if (raw.valid) {
		json_number(w, "dpl", s.dpl);
		json_bool(w, "present", s.p);
		json_hex(w, "base", s.base);
		json_hex(w, "limit", s.limit);
	}
	json_close(w, '}');
}

/* What delivery went by: the gate, its code segment, its stack; null where there is none. */
static void put_delivery(struct json_writer *w, const struct gate *g, const struct x86_state *before)
{
	const bool is_long = before->efer & X86_EFER_LMA;
	struct gate_descriptor d = gate_from_descriptor(g->idt, is_long);
	char slot[16];

	if (!g->idt.valid) {
		json_none(w, "gate");
		return;
	}
	json_open(w, "gate", '{');
	json_hex(w, "selector", d.selector);
	json_hex(w, "offset", d.offset);
	json_text(w, "type", gate_type_name(&d));
	json_number(w, "dpl", d.dpl);
	json_bool(w, "present", d.p);
	put_segment(w, "code", d.selector, g->target);
	json_close(w, '}');
	if (!tss_slot_name(g, before, slot, sizeof(slot))) {
		json_none(w, "stack");
		return;
	}
	json_open(w, "stack", '{');
	json_text(w, "slot", slot);
	json_hex(w, "rsp", g->tss_rsp);
	if (!is_long)
		json_hex(w, "ss", g->tss_ss);
	json_close(w, '}');
}

/* IRET: what the popped selectors name. */
static void put_popped(struct json_writer *w, const struct gate *g)
{
	if (g->popped_count < 2) {
		json_none(w, "popped");
		return;
	}
	json_open(w, "popped", '{');
	put_segment(w, "cs", (uint16_t)g->popped[1], g->target);
	if (g->popped_count == 5)
		put_segment(w, "ss", (uint16_t)g->popped[4], g->target_ss);
	json_close(w, '}');
}

/* Addresses that are fields of Windows' structures. */
static void put_fields(struct json_writer *w, const struct transition *t)
{
	static const char *const places[NAMED_COUNT] = {
		[NAMED_FRAME] = "frame", [NAMED_POPPED] = "before.rsp", [NAMED_RSP] = "after.rsp",
		[NAMED_RCX] = "after.rcx", [NAMED_RDX] = "after.rdx", [NAMED_CR2] = "cr2",
		[NAMED_GS_BASE] = "gs_base", [NAMED_KERNEL_GS_BASE] = "kernel_gs_base", [NAMED_MSR] = "value",
	};
	bool any = false;
	char text[64];

	for (unsigned n = 0; n < NAMED_COUNT; n++) {
		if (!t->named[n].structure)
			continue;
		if (!any)
			json_open(w, "fields", '{');
		any = true;
		json_text(w, places[n], field_name_text(&t->named[n], text, sizeof(text)));
	}
	if (any)
		json_close(w, '}');
}

static void put_star(struct json_writer *w, enum vendor vendor, uint64_t star)
{
	struct selector_pair enter = star_syscall(star);
	struct selector_pair to32 = star_sysret(vendor, star, 4), to64 = star_sysret(vendor, star, 8);

	json_open(w, "decoded", '{');
	json_hex(w, "syscall_cs", enter.cs);
	json_hex(w, "syscall_ss", enter.ss);
	json_hex(w, "sysret_cs32", to32.cs);
	json_hex(w, "sysret_cs64", to64.cs);
	json_hex(w, "sysret_ss", to64.ss);
	json_hex(w, "eip32", star & 0xffffffff);
	json_close(w, '}');
}

static void put_msr(struct json_writer *w, enum vendor vendor, const struct transition *t)
{
	const struct bit_name *bits = msr_bits(t->msr_index);

	json_hex(w, "index", t->msr_index);
	json_text(w, "name", msr_name(t->msr_index));
	if (t->faulted && t->gate.kind == GATE_RDMSR) {
		json_none(w, "value");          /* nothing was read */
		return;
	}
	json_hex(w, "value", t->msr_value);
	if (t->msr_index == X86_MSR_STAR)
		put_star(w, vendor, t->msr_value);
	if (!bits)
		return;
	json_open(w, "decoded", '[');
	for (; bits->mask; bits++) {
		if (t->msr_value & bits->mask)
			json_text(w, NULL, bits->name);
	}
	json_close(w, ']');
}

/* Members that only some kinds have. */
static void put_particulars(struct json_writer *w, enum vendor vendor, const struct transition *t)
{
	enum gate_kind kind = t->gate.kind;

	if (kind == GATE_WRMSR || kind == GATE_RDMSR)
		put_msr(w, vendor, t);
	if (kind == GATE_INT || kind == GATE_FAULT) {
		json_number(w, "vector", t->gate.vector);
		json_text(w, "name", vector_name(t->gate.vector));
		put_error(w, &t->gate);
		if (kind == GATE_FAULT && t->gate.vector == X86_VECTOR_PF)
			json_hex(w, "cr2", t->after.cr2);
		put_delivery(w, &t->gate, &t->before);
	}
	if (kind == GATE_IRET)
		put_popped(w, &t->gate);
	if (t->faulted && kind != GATE_FAULT) {
		json_open(w, "fault", '{');
		json_number(w, "vector", t->delivery.vector);
		json_text(w, "name", vector_name(t->delivery.vector));
		put_error(w, &t->delivery);
		put_delivery(w, &t->delivery, &t->before);
		json_close(w, '}');
	}
	if (kind == GATE_INT || kind == GATE_FAULT || t->faulted)
		put_frame(w, t);
}

static bool is_return(enum gate_kind kind)
{
	return kind == GATE_SYSRET || kind == GATE_SYSEXIT || kind == GATE_IRET;
}

/*
 * One that was recorded: what was sampled on ring 0's side, which is the state after of an entry, and that before of a
 * return; and nothing of the other.
 */
static void put_recorded(struct json_sink *sink, const struct transition *t, const struct check_list *list)
{
	static const struct { const char *name; enum x86_gpr gpr; } order[] = {
		{ "rax", GPR_RAX }, { "rcx", GPR_RCX }, { "rdx", GPR_RDX }, { "rbx", GPR_RBX }, { "rbp", GPR_RBP },
		{ "rsi", GPR_RSI }, { "rdi", GPR_RDI }, { "rsp", GPR_RSP }, { "r8", GPR_R8 }, { "r9", GPR_R9 },
		{ "r10", GPR_R10 }, { "r11", GPR_R11 },
	};
	const bool returns = is_return(t->gate.kind);
	const struct x86_state *s = returns ? &t->before : &t->after;
	struct json_writer *w = &sink->writer;

	json_open(w, NULL, '{');
	json_word(w, "kind", gate_kind_name(t->gate.kind));
	json_number(w, "seq", t->seq);
	json_number(w, "cpu", t->cpu);
	json_hex(w, "tsc", t->tsc);
	json_text(w, "recorded", "ring");
	json_open(w, returns ? "before" : "after", '{');
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		json_hex(w, order[i].name, s->gpr[order[i].gpr]);
	json_hex(w, "cr3", s->cr3);
	json_hex(w, "rip", s->rip);
	json_close(w, '}');
	json_checks(sink, list);
	if (t->service.valid)
		json_service(w, t);
	if (returns)
		json_return(w, t);
	json_end_line(w);
}

void json_transition(struct sink *sink, const struct transition *t, const struct check_list *list)
{
	struct json_sink *s = (struct json_sink *)sink;
	struct json_writer *w = &s->writer;

	if (t->recorded) {
		put_recorded(s, t, list);
		return;
	}
	json_open(w, NULL, '{');
	json_word(w, "kind", gate_kind_name(t->gate.kind));
	json_number(w, "seq", t->seq);
	json_number(w, "cpu", t->cpu);
	json_hex(w, "rip", t->before.rip);
	json_text(w, "symbol", t->symbol);
	put_particulars(w, s->vendor, t);
	put_fields(w, t);
	put_state(w, "before", &t->before, 0, 0);
	put_state(w, "after", &t->after, t->rflags_lent, t->r11_lent);
	json_checks(s, list);
	put_other_vendor(w, &list->other_vendor);
	if (t->service.valid)
		json_service(w, t);
	json_thread(w, t);
	if (is_return(t->gate.kind))
		json_return(w, t);
	json_end_line(w);
}
