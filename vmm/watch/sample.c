/*
 * Samples what the processor is about to read for a gate, and what it wrote.
 * Owns no rule of any gate: which descriptor, which stack, which words, and
 * nothing of what they should be.
 */
#include "watch/sample.h"

#include "x86.h"

#include <string.h>

/* Up to count words of size bytes from linear; returns how many were readable. */
static uint8_t read_words(struct guest_view *v, const struct x86_state *s, uint64_t linear, uint8_t size,
                          uint64_t *words, uint8_t count)
{
	uint8_t n;

	for (n = 0; n < count; n++) {
		words[n] = 0;
		if (view_read(v, s, linear + (uint64_t)n * size, &words[n], size) != size)
			break;
	}
	return n;
}

void sample_delivery(struct guest_view *v, const struct x86_state *s, uint8_t vector, struct gate *gate)
{
	bool is_long = s->efer & X86_EFER_LMA;
	struct gate_descriptor g;
	struct x86_segment code;
	struct stack_slot slot;
	uint64_t ss = 0;

	gate->vector = vector;
	gate->idt = view_idt_gate(v, s, vector);
	if (!gate->idt.valid)
		return;
	g = gate_from_descriptor(gate->idt, is_long);
	gate->target = view_descriptor(v, s, g.selector, false);
	if (!gate->target.valid)
		return;
	code = segment_from_descriptor(gate->target, g.selector);
	slot = delivery_stack_slot(&g, &code, s->cpl, is_long);
	if (!slot.width || (uint32_t)slot.offset + slot.width - 1 > s->tr.limit)
		return;
	gate->tss_valid = view_read(v, s, s->tr.base + slot.offset, &gate->tss_rsp, slot.width) == slot.width;
	if (slot.width == 4) {
		gate->tss_valid &= view_read(v, s, s->tr.base + slot.offset + 4, &ss, 2) == 2;
		gate->tss_ss = (uint16_t)ss;
		gate->target_ss = view_descriptor(v, s, gate->tss_ss, false);
	}
}

static void sample_popped(struct guest_view *v, const struct x86_state *s, struct gate *gate, uint8_t count)
{
	gate->popped_count = read_words(v, s, stack_linear(s), gate->operand_size, gate->popped, count);
}

static void sample_return(struct guest_view *v, const struct x86_state *s, struct gate *gate, unsigned ss_word)
{
	if (gate->popped_count > 1)
		gate->target = view_descriptor(v, s, (uint16_t)gate->popped[1], false);
	if (gate->popped_count > ss_word)
		gate->target_ss = view_descriptor(v, s, (uint16_t)gate->popped[ss_word], false);
}

static void sample_far(struct guest_view *v, const struct x86_state *s, const struct insn *insn, struct gate *gate)
{
	uint64_t linear;

	gate->far = insn->far;
	gate->far_release = insn->far_release;
	gate->far_selector = insn->far_selector;
	gate->far_offset = insn->far_offset;
	if (insn->far == FAR_RET) {
		linear = stack_linear(s);
		gate->popped_count = read_words(v, s, linear, gate->operand_size, gate->popped, 2);
		if (gate->popped_count == 2)
			gate->popped_count += read_words(v, s, linear + 2 * gate->operand_size + gate->far_release,
			                                 gate->operand_size, gate->popped + 2, 2);
		gate->far_offset = gate->popped[0];
		gate->far_selector = (uint16_t)gate->popped[1];
		sample_return(v, s, gate, 3);
		return;
	}
	if (insn->far_in_memory && insn->memory_count) {
		uint64_t words[2] = { 0 };

		linear = insn->memory[0].linear;
		if (view_read(v, s, linear, &words[0], gate->operand_size) == gate->operand_size)
			view_read(v, s, linear + gate->operand_size, &words[1], 2);
		gate->far_offset = words[0];
		gate->far_selector = (uint16_t)words[1];
	}
	gate->target = view_descriptor(v, s, gate->far_selector, true);
}

void sample_gate(struct guest_view *v, const struct x86_state *s, const struct insn *insn, struct gate *gate)
{
	*gate = (struct gate){
		.kind = insn->gate, .length = insn->length, .operand_size = insn->operand_size,
	};
	switch (insn->gate) {
	case GATE_INT:
		sample_delivery(v, s, insn->vector, gate);
		break;
	case GATE_IRET:
		sample_popped(v, s, gate, 5);
		sample_return(v, s, gate, 4);
		break;
	case GATE_FAR:
		sample_far(v, s, insn, gate);
		break;
	default:
		break;
	}
}

/* Where delivery began to push: the stack that the gate selected, or the one in use. */
static uint64_t frame_top(const struct x86_state *before, const struct gate *gate)
{
	uint64_t top = gate->tss_valid ? gate->tss_rsp : before->gpr[GPR_RSP];

	return before->efer & X86_EFER_LMA ? top & ~UINT64_C(15) : (uint32_t)top;
}

void sample_frame(struct guest_view *v, const struct x86_state *before, const struct x86_state *after,
                  const struct gate *gate, struct frame *frame)
{
	uint64_t words[6], pushed;
	unsigned n = 0, without_error;

	*frame = (struct frame){ .word_size = before->efer & X86_EFER_LMA ? 8 : 4 };
	pushed = (frame_top(before, gate) - after->gpr[GPR_RSP]) / frame->word_size;
	if (frame->word_size == 8)
		without_error = 5;
	else
		without_error = after->cpl < before->cpl ? 5 : 3;
	if (pushed != without_error && pushed != without_error + 1)
		return;
	frame->address = stack_linear(after);
	frame->count = read_words(v, after, frame->address, frame->word_size, words, (uint8_t)pushed);
	if (frame->count != pushed)
		return;
	frame->has_error = pushed > without_error;
	if (frame->has_error)
		frame->error = words[n++];
	frame->rip = words[n];
	frame->cs = words[n + 1];
	frame->rflags = words[n + 2];
	if (without_error == 5) {
		frame->rsp = words[n + 3];
		frame->ss = words[n + 4];
	}
}

uint64_t frame_rflags_address(const struct frame *frame)
{
	return frame->address + (frame->has_error + 2u) * frame->word_size;
}
