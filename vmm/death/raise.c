/*
 * Which exception the instruction at RIP raises: the order in which a
 * processor looks, SDM vol. 3A, table 6-2: fetch, decode, then the
 * instruction's own rules and its operands.
 */
#include "death/raise.h"

#include "x86.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void decode_bytes(struct decoded *d, enum x86_mode mode, bool db, bool stack_db, const uint8_t *bytes, unsigned size)
{
	ZydisMachineMode machine = ZYDIS_MACHINE_MODE_LONG_64;
	ZydisStackWidth stack = ZYDIS_STACK_WIDTH_64;
	ZydisDecoder decoder;

	memset(d, 0, sizeof *d);
	d->size = size < sizeof d->bytes ? size : sizeof d->bytes;
	memcpy(d->bytes, bytes, d->size);
	if (mode == MODE_REAL) {
		machine = ZYDIS_MACHINE_MODE_REAL_16;
		stack = ZYDIS_STACK_WIDTH_16;
	} else if (mode != MODE_64) {
		machine = db ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16;
		stack = stack_db ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16;
	}
	d->status = ZydisDecoderInit(&decoder, machine, stack);
	if (ZYAN_SUCCESS(d->status))
		d->status = ZydisDecoderDecodeFull(&decoder, d->bytes, d->size, &d->z, d->operand);
}

void decoded_text(const struct decoded *d, uint64_t rip, char *text, size_t size)
{
	static const ZydisFormatterProperty unpadded[] = {
		ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, ZYDIS_FORMATTER_PROP_ADDR_PADDING_RELATIVE,
		ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_FORMATTER_PROP_IMM_PADDING,
	};
	ZydisFormatter formatter;
	ZyanStatus status = ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);

	for (unsigned n = 0; n < sizeof unpadded / sizeof *unpadded && ZYAN_SUCCESS(status); n++)
		status = ZydisFormatterSetProperty(&formatter, unpadded[n], ZYDIS_PADDING_DISABLED);
	if (ZYAN_SUCCESS(status))
		status = ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
	if (!ZYAN_SUCCESS(d->status) || !ZYAN_SUCCESS(status) ||
	    !ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &d->z, d->operand, d->z.operand_count_visible,
	                                                  text, size, rip,
	                                                  ZYAN_NULL)))
		snprintf(text, size, d->size ? "(undefined)" : "(cannot be fetched)");
}

static void decode_at(const struct scene *c, struct decoded *d)
{
	uint8_t bytes[INSN_MAX];
	const size_t size = view_read(c->view, c->s, code_linear(c->s, c->s->rip), bytes, sizeof bytes);

	decode_bytes(d, x86_mode(c->s), c->s->cs.db, c->s->ss.db, bytes, (unsigned)size);
}

void raise_text(const struct scene *c, char *text, size_t size)
{
	struct decoded d;

	decode_at(c, &d);
	decoded_text(&d, c->s->rip, text, size);
}

static struct access fetch_of(const struct scene *c, uint64_t size, enum subject subject)
{
	return (struct access){
		.linear = code_linear(c->s, c->s->rip), .size = size, .fetch = true, .user = c->s->cpl == 3,
		.subject = subject,
	};
}

bool fetch_fault(const struct scene *c, enum subject subject, struct reason *r)
{
	const struct access a = fetch_of(c, 1, subject);

	if (x86_mode(c->s) == MODE_REAL)
		return false;
	return segment_fault(c, &c->s->cs, false, c->s->rip, &a, r);
}

/* The bytes of the next page, where the first ones do not make an instruction. */
static bool rest_fault(const struct scene *c, const struct decoded *d, struct reason *r)
{
	const struct access a = fetch_of(c, (uint64_t)d->size + 1, SUBJECT_CODE);

	if (d->status != ZYDIS_STATUS_NO_MORE_DATA || d->size >= INSN_MAX || x86_mode(c->s) == MODE_REAL)
		return false;
	return segment_fault(c, &c->s->cs, false, c->s->rip, &a, r);
}

static bool decode_fault(const struct decoded *d, struct reason *r)
{
	if (ZYAN_SUCCESS(d->status))
		return false;
	switch (d->status) {
	case ZYDIS_STATUS_ILLEGAL_LOCK:
		reason_raise(r, X86_VECTOR_UD, CAUSE_LOCK, "its LOCK prefix stands before an instruction that cannot "
		             "be locked");
		return true;
	case ZYDIS_STATUS_INSTRUCTION_TOO_LONG:
		reason_raise(r, X86_VECTOR_GP, CAUSE_TOO_LONG, "the instruction is longer than 15 bytes");
		reason_error(r, 0);
		return true;
	case ZYDIS_STATUS_NO_MORE_DATA:
		return false;
	default:
		reason_raise(r, X86_VECTOR_UD, CAUSE_OPCODE, "the bytes %02X %02X %02X ... are no instruction in this "
		             "mode", d->bytes[0],
		             d->bytes[1], d->bytes[2]);
		return true;
	}
}

void raise_find(const struct scene *c, struct reason *r)
{
	struct decoded d;

	*r = (struct reason){ 0 };
	if (fetch_fault(c, SUBJECT_CODE, r))
		return;
	decode_at(c, &d);
	if (rest_fault(c, &d, r) || decode_fault(&d, r) || !ZYAN_SUCCESS(d.status))
		return;
	if (raise_undefined(c, &d, r) || raise_gate(c, &d, r) || raise_privilege(c, &d, r) || raise_control(c, &d, r))
		return;
	if (raise_memory(c, &d, r) || raise_selector(c, &d, r) || raise_arithmetic(c, &d, r))
		return;
	raise_branch(c, &d, r);
}
