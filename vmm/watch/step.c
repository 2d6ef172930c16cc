/*
 * Watch method "step": one instruction at a time, TF lent for as long as it
 * takes and taken back out of every place where the guest could find it.
 *
 *   WRMSR RDMSR SWAPGS far IRET SYSEXIT   stepped over; TF survives in RFLAGS or is tested at the end
 *   SYSCALL SYSENTER INT n                run without TF up to a stop at their target, so that the
 *                                         state after is the processor's own in every bit
 *   SYSRET                                TF lent in R11, from which it comes
 *   an exception at any instruction       stops at its handler; the lent TF is taken out of its frame
 *
 * The state after is always read from the machine, never computed.
 */
#include "watch/watch.h"

#include "image/image.h"
#include "watch/insn.h"
#include "watch/pair.h"
#include "watch/sample.h"
#include "watch/service.h"
#include "watch/stops.h"
#include "watch/structures.h"
#include "x86.h"

#include <string.h>

/* DR6 after a single-step trap: BS, and the bits that read as ones.  SDM vol. 3B, 17.2.3. */
#define DR6_SINGLE_STEP 0xffff4ff0

/* 40000000h to 4000FFFFh: no processor implements these, so an access that passes is news.  SDM vol. 4, 2.1. */
#define MSR_NEVER       0x4000

struct stepper {
	const struct watch *w;
	struct run_end *end;
	struct stops stops;
	struct pairing pairing;
	uint64_t seq;
	bool guest_tf;                  /* the guest's own TF, which KVM hides while stepping */
	struct x86_state before;        /* of the instruction under way */
	struct insn insn;
	struct { bool seen; uint32_t index; uint64_t value; } msr;
};

enum outcome {
	STEPPED,                        /* the instruction ended and the guest stands behind it */
	STOPPED,                        /* at one of our stops: hit says which */
	ENDED,                          /* the run is over: *end is filled */
	FAILED                          /* KVM failed: err */
};

struct result {
	enum outcome outcome;
	struct stop_hit hit;
	struct x86_state after;         /* registers and segments; RIP is where the guest believes to be */
	int err;
};

static int sample(struct stepper *st, struct x86_state *s, unsigned parts)
{
	int err = vm_get_state(st->w->vm, s, parts);

	if (st->guest_tf)
		s->rflags |= X86_RFLAGS_TF;
	return err;
}

/* Enter until the instruction ends, a stop is reached or the run is over. */
static enum outcome run_until(struct stepper *st, enum vm_run_mode mode, struct result *r)
{
	struct vm *vm = st->w->vm;
	struct vm_exit exit;

	while (!(r->err = vm_run(vm, mode, &exit))) {
		switch (exit.kind) {
		case EXIT_DEBUG:
			return STEPPED;
		case EXIT_PIO:
			ports_access(st->w->ports, &exit);
			if (st->w->ports->ended)
				return ENDED;
			break;
		case EXIT_RDMSR:
		case EXIT_WRMSR:
			st->msr.seen = true;
			st->msr.index = exit.msr.index;
			watch_serve_msr(vm, &exit, &st->msr.value);
			break;
		case EXIT_INTERRUPTED:
			if (!*st->w->stop)
				break;
			st->end->interrupted = true;
			return ENDED;
		case EXIT_HLT:
			r->err = vm_get_state(vm, &r->after, VM_REGS | VM_SREGS);
			if (r->err)
				return FAILED;
			r->hit = stops_hit(&st->stops, &r->after, r->after.rip - 1);
			if (r->hit.ours)
				return STOPPED;
			/* fall through */
		default:
			end_by_exit(st->end, &exit, &st->before, st->w->view);
			return ENDED;
		}
	}
	return FAILED;
}

/* Run the instruction under way. */
static struct result run(struct stepper *st, enum vm_run_mode mode)
{
	struct result r = { 0 };
	struct x86_state s;

	st->msr.seen = false;
	stops_lift(&st->stops, &st->before, &st->insn);
	if (mode == RUN_FREE) {
		/* Between steps KVM holds a TF of its own in RFLAGS: say what the guest has. */
		r.err = vm_get_state(st->w->vm, &s, VM_REGS);
		s.rflags = st->before.rflags;
		if (!r.err)
			r.err = vm_set_state(st->w->vm, &s, VM_REGS);
	}
	r.outcome = r.err ? FAILED : run_until(st, mode, &r);
	if (r.outcome == STEPPED || r.outcome == STOPPED) {
		r.err = vm_get_state(st->w->vm, &r.after, VM_REGS | VM_SREGS);
		if (!r.err && r.outcome == STOPPED) {
			r.after.rip = r.hit.target;
			r.err = vm_set_state(st->w->vm, &r.after, VM_REGS);
		}
		if (r.err)
			r.outcome = FAILED;
	}
	stops_lower(&st->stops, &st->before, &st->insn);
	return r;
}

static void emit(struct stepper *st, struct transition *t)
{
	struct symbols *symbols = st->w->view->symbols;

	t->seq = ++st->seq;
	if (symbols) {
		t->symbol = symbols_text(symbols, code_linear(&t->before, t->before.rip));
		t->target = symbols_text(symbols, code_linear(&t->after, t->after.rip));
	}
	service_of_entry(st->w->view, t);
	structures_name(st->w->view, t);
	pair_transition(&st->pairing, t);
	st->w->event(st->w->context, t);
}

/*
 * Which exception it was, where its handler serves several and the landing
 * pads could not tell: by the error code that was pushed and by CR2.
 */
static uint8_t which_vector(uint32_t vectors, const struct frame *frame, const struct x86_state *before,
                            const struct x86_state *after)
{
	uint32_t likely = vectors & (frame->has_error ? X86_VECTORS_WITH_ERROR : ~X86_VECTORS_WITH_ERROR);

	if (likely >> X86_VECTOR_PF & 1 && after->cr2 != before->cr2)
		return X86_VECTOR_PF;
	if (likely >> X86_VECTOR_GP & 1)
		return X86_VECTOR_GP;
	if (likely >> X86_VECTOR_UD & 1)
		return X86_VECTOR_UD;
	return (uint8_t)__builtin_ctz(likely ? likely : vectors);
}

/* Take the lent TF out of the RFLAGS image that delivery pushed. */
static void clean_frame(struct stepper *st, struct transition *t)
{
	uint64_t address = frame_rflags_address(&t->frame) + 1;
	uint8_t byte;

	if (!t->frame.count || view_read(st->w->view, &t->after, address, &byte, 1) != 1)
		return;
	byte &= (uint8_t)~(X86_RFLAGS_TF >> 8);
	view_write(st->w->view, &t->after, address, &byte, 1);
	t->frame.rflags &= ~(uint64_t)X86_RFLAGS_TF;
	t->frame_rflags_lent = X86_RFLAGS_TF;
	t->rflags_lent = X86_RFLAGS_TF;
}

/* An exception stopped at its handler.  *t has before and after; fill the rest of the delivery. */
static void describe_fault(struct stepper *st, struct transition *t, const struct result *r, bool lent)
{
	struct guest_view *v = st->w->view;
	struct gate *d = t->gate.kind == GATE_NONE ? &t->gate : &t->delivery;
	uint8_t vector = (uint8_t)__builtin_ctz(r->hit.vectors);

	for (int pass = 0; pass < 2; pass++) {          /* the frame may change our mind once */
		*d = (struct gate){ .kind = GATE_FAULT, .length = st->insn.length };
		sample_delivery(v, &t->before, vector, d);
		sample_frame(v, &t->before, &t->after, d, &t->frame);
		if (!(r->hit.vectors & (r->hit.vectors - 1)))
			break;
		vector = which_vector(r->hit.vectors, &t->frame, &t->before, &t->after);
	}
	d->has_error = t->frame.has_error;
	d->error = (uint32_t)t->frame.error;
	t->faulted = d == &t->delivery;
	if (lent && !st->guest_tf)
		clean_frame(st, t);
	st->guest_tf = false;                           /* delivery clears TF */
}

/* *t ended where another exception was raised: that one, delivered from landed. */
static void emit_second(struct stepper *st, const struct x86_state *landed, const struct x86_state *after,
                        const struct result *r)
{
	struct transition t = { .before = *landed, .after = *after };

	st->insn = (struct insn){ 0 };
	describe_fault(st, &t, r, false);
	emit(st, &t);
}

/*
 * An exception whose handler has no page: it was delivered, and the first
 * fetch of its handler faulted.  Two transitions; what is between them is what
 * the second exception saved.
 */
static bool fault_at_handler(struct stepper *st, struct transition *t, const struct result *r, bool lent)
{
	const struct x86_state after = t->after;
	struct result first = *r;

	for (uint32_t left = st->stops.unresolved; left; left &= left - 1) {
		const uint8_t vector = (uint8_t)__builtin_ctz(left);
		struct raw_descriptor gate = view_idt_gate(st->w->view, &after, vector);
		uint64_t target = gate_from_descriptor(gate, after.efer & X86_EFER_LMA).offset;

		if (!gate.valid || !sample_landing(st->w->view, &t->before, &after, target, &t->after))
			continue;
		first.hit.vectors = 1u << vector;
		describe_fault(st, t, &first, lent);
		t->rflags_lent |= X86_RFLAGS_RF;        /* in that image it tells of the second one alone */
		emit(st, t);
		emit_second(st, &t->after, &after, r);
		return true;
	}
	return false;
}

/* The single-step trap that the guest asked for with a TF of its own. */
static enum outcome deliver_guest_trap(struct stepper *st)
{
	struct transition t = { 0 };
	struct result r;

	if (sample(st, &st->before, VM_ALL) || vm_set_dr6(st->w->vm, DR6_SINGLE_STEP) ||
	    vm_inject(st->w->vm, X86_VECTOR_DB, false, 0))
		return FAILED;
	st->insn = (struct insn){ .length = 1 };
	r = run(st, RUN_FREE);
	if (r.outcome != STOPPED || !r.hit.fault)
		return r.outcome;
	t.before = st->before;
	t.after = st->before;
	if (sample(st, &t.after, VM_ALL))
		return FAILED;
	describe_fault(st, &t, &r, false);
	t.after.rflags &= ~(uint64_t)X86_RFLAGS_TF;
	emit(st, &t);
	return STOPPED;
}

/* The TF that the instruction under way loads from memory or R11; keeps the one in force otherwise. */
static bool loaded_tf(struct stepper *st, const struct gate *gate)
{
	uint64_t image = 0;

	if (gate && gate->kind == GATE_SYSRET && x86_mode(&st->before) == MODE_64)
		image = st->before.gpr[GPR_R11];
	else if (gate && gate->kind == GATE_IRET && gate->popped_count > 2)
		image = gate->popped[2];
	else if (st->insn.flags & INSN_POPF)
		view_read(st->w->view, &st->before, stack_linear(&st->before), &image, 2);
	else
		return st->guest_tf;
	return image & X86_RFLAGS_TF;
}

/* PUSHF stored the lent TF: take it out of memory. */
static void clean_pushf(struct stepper *st, const struct x86_state *after)
{
	uint64_t address = stack_linear(after) + 1;
	uint8_t byte;

	if (view_read(st->w->view, after, address, &byte, 1) != 1)
		return;
	byte &= (uint8_t)~(X86_RFLAGS_TF >> 8);
	view_write(st->w->view, after, address, &byte, 1);
}

/* Whether a string instruction is worth it, and touches no stop. */
static bool long_string(struct stepper *st)
{
	const uint64_t length = st->before.gpr[GPR_RCX] * st->insn.string_size;
	const bool down = st->before.rflags & X86_RFLAGS_DF;

	if (!(st->insn.flags & INSN_REP) || st->before.gpr[GPR_RCX] < 4 || st->before.gpr[GPR_RCX] > UINT32_MAX)
		return false;
	for (unsigned n = 0; n < st->insn.memory_count; n++)
		if (stops_in(&st->stops, &st->before, st->insn.memory[n].linear - (down ? length : 0),
		             length + st->insn.memory[n].size))
			return false;
	return true;
}

/*
 * In ring 0 a HLT can stand behind the instruction.  TF would stop a long
 * string instruction at every turn; and behind STI, MOV SS and POP SS it
 * would stop one instruction late, which may be the very gate.
 */
static bool may_run_freely(struct stepper *st)
{
	if (st->before.cpl || st->guest_tf || !(st->insn.flags & INSN_SHADOW || long_string(st)))
		return false;
	return stops_at(&st->stops, &st->before, &st->insn,
	                code_linear(&st->before, st->before.rip + st->insn.length));
}

static enum outcome plain_step(struct stepper *st)
{
	const bool trap = st->guest_tf;
	const bool tf = loaded_tf(st, NULL);
	const enum vm_run_mode mode = may_run_freely(st) ? RUN_FREE : RUN_STEP;
	struct transition t = { 0 };
	struct result r = run(st, mode);

	if (r.outcome == STOPPED && r.hit.fault) {
		t.before = st->before;
		if (sample(st, &t.before, VM_MSRS) || (t.after = t.before, sample(st, &t.after, VM_ALL)))
			return FAILED;
		if (!fault_at_handler(st, &t, &r, mode == RUN_STEP)) {
			describe_fault(st, &t, &r, mode == RUN_STEP);
			emit(st, &t);
		}
		return STOPPED;
	}
	if (r.outcome == STEPPED || r.outcome == STOPPED) {
		if (st->insn.flags & INSN_PUSHF && !st->guest_tf)
			clean_pushf(st, &r.after);
		st->guest_tf = tf;
		if (trap)
			return deliver_guest_trap(st);
	}
	return r.outcome;
}

/* Where an entry leads if it passes, as the offset that RIP gets and as a linear address. */
struct destination { uint64_t rip, linear; };

static bool destination_of(const struct x86_state *b, const struct gate *gate, struct destination *d)
{
	bool is_long = b->efer & X86_EFER_LMA;
	struct x86_segment code;
	uint64_t base = 0;

	switch (gate->kind) {
	case GATE_SYSCALL:
		if (is_long)
			d->rip = x86_mode(b) == MODE_64 ? b->msr.lstar : b->msr.cstar;
		else
			d->rip = (uint32_t)b->msr.star;
		break;
	case GATE_SYSENTER:
		d->rip = is_long ? b->msr.sysenter_eip : (uint32_t)b->msr.sysenter_eip;
		break;
	case GATE_INT:
		code = segment_from_descriptor(gate->target, 0);
		/* A HLT stops in ring 0 alone. */
		if (!gate->idt.valid || !gate->target.valid || code.dpl || (code.type & 0xc) != 8)
			return false;
		d->rip = gate_from_descriptor(gate->idt, is_long).offset;
		base = is_long ? 0 : code.base;
		break;
	default:
		return false;
	}
	d->linear = is_long ? d->rip : (uint32_t)(d->rip + base);
	return true;
}

/*
 * A stop at the destination shows the state after untouched.  Where its page
 * is not there none is needed: the fetch faults and stops at that handler.
 */
static bool runs_to_destination(struct stepper *st, const struct gate *gate)
{
	const struct x86_state *b = &st->before;
	struct destination d;
	struct mapping m;

	if (!destination_of(b, gate, &d))
		return false;
	return stops_at(&st->stops, b, &st->insn, d.linear) || !view_translate(st->w->view, b, d.linear, &m);
}

/* Lend TF where the gate would lose it.  Undone by take_back. */
static int lend(struct stepper *st, struct transition *t)
{
	struct x86_state s = t->before;

	if (st->guest_tf)
		return 0;
	t->rflags_lent = X86_RFLAGS_TF;
	if (x86_mode(&s) != MODE_64 && !(s.efer & X86_EFER_LMA && t->gate.kind == GATE_SYSCALL))
		return 0;                               /* outside it no flag comes from R11 or goes through FMASK */
	switch (t->gate.kind) {
	case GATE_SYSRET:
		t->r11_lent = X86_RFLAGS_TF & ~s.gpr[GPR_R11];
		s.gpr[GPR_R11] |= X86_RFLAGS_TF;
		return vm_set_state(st->w->vm, &s, VM_REGS);
	case GATE_SYSCALL:
		t->r11_lent = X86_RFLAGS_TF;
		return vm_set_msr(st->w->vm, X86_MSR_FMASK, s.msr.fmask & ~(uint64_t)X86_RFLAGS_TF);
	default:
		return 0;
	}
}

static int take_back(struct stepper *st, struct transition *t, struct x86_state *after)
{
	int err = 0;

	if (t->gate.kind == GATE_SYSCALL && t->rflags_lent)
		err = vm_set_msr(st->w->vm, X86_MSR_FMASK, t->before.msr.fmask);
	if (!err && t->r11_lent) {
		after->gpr[GPR_R11] &= ~t->r11_lent;
		err = vm_set_state(st->w->vm, after, VM_REGS);
	}
	return err;
}

static void sample_user_stack(struct stepper *st, struct transition *t, bool now_after)
{
	struct memory_sample *m = &t->user_stack;
	uint8_t *bytes = now_after ? m->after : m->before;

	if (!now_after) {
		if (t->before.cpl != 3)
			return;
		m->address = stack_linear(&t->before) - sizeof m->before / 2;
		m->size = sizeof m->before;
	}
	if (m->size && view_read(st->w->view, now_after ? &t->after : &t->before, m->address, bytes, m->size) != m->size)
		*m = (struct memory_sample){ 0 };
}

/* A far transfer within one segment, or an MSR that decides no gate, is no transition unless it faults. */
static bool worth_telling(const struct transition *t)
{
	if (t->faulted)
		return true;
	switch (t->gate.kind) {
	case GATE_FAR:
		return t->before.cs.selector != t->after.cs.selector;
	case GATE_RDMSR:
	case GATE_WRMSR:
		return watch_is_gate_msr(t->msr_index) || t->msr_index >> 16 == MSR_NEVER;
	default:
		return true;
	}
}

static int finish_msr(struct stepper *st, struct transition *t)
{
	if (t->gate.kind != GATE_RDMSR && t->gate.kind != GATE_WRMSR)
		return 0;
	t->msr_index = (uint32_t)t->before.gpr[GPR_RCX];
	t->msr_exit = st->msr.seen && st->msr.index == t->msr_index;
	if (t->faulted)
		return 0;
	if (vm_get_msr(st->w->vm, t->msr_index, &t->msr_readback))
		t->msr_readback = 0;
	t->msr_value = t->msr_exit ? st->msr.value : t->msr_readback;
	return 0;
}

/* The entry passed and the first fetch behind it faulted: two transitions, as in fault_at_handler. */
static bool fault_at_destination(struct stepper *st, struct transition *t, const struct result *r)
{
	const struct x86_state after = t->after;
	struct destination d;

	if (!destination_of(&t->before, &t->gate, &d) || code_linear(&after, after.rip) == d.linear ||
	    !sample_landing(st->w->view, &t->before, &after, d.rip, &t->after))
		return false;
	t->rflags_lent = X86_RFLAGS_RF;
	sample_user_stack(st, t, true);
	if (t->gate.kind == GATE_INT)
		sample_frame(st->w->view, &t->before, &t->after, &t->gate, &t->frame);
	emit(st, t);
	emit_second(st, &t->after, &after, r);
	return true;
}

static enum outcome pass_gate(struct stepper *st)
{
	struct transition t = { 0 };
	struct result r;
	const bool trap = st->guest_tf;
	bool tf, free_run;

	if (sample(st, &st->before, VM_MSRS))
		return FAILED;
	t.before = st->before;
	sample_gate(st->w->view, &t.before, &st->insn, &t.gate);
	tf = loaded_tf(st, &t.gate);
	sample_user_stack(st, &t, false);
	free_run = runs_to_destination(st, &t.gate);
	if (!free_run && lend(st, &t))
		return FAILED;

	r = run(st, free_run ? RUN_FREE : RUN_STEP);
	if (r.outcome != STEPPED && r.outcome != STOPPED)
		return r.outcome;
	if (take_back(st, &t, &r.after))
		return FAILED;
	t.after = t.before;
	if (vm_get_state(st->w->vm, &t.after, VM_ALL))
		return FAILED;
	if (free_run && r.outcome == STOPPED && r.hit.fault && fault_at_destination(st, &t, &r))
		return STOPPED;
	sample_user_stack(st, &t, true);

	if (r.outcome == STOPPED && r.hit.fault && !(free_run && t.gate.kind == GATE_INT &&
	                                             r.hit.vectors >> t.gate.vector & 1)) {
		describe_fault(st, &t, &r, !free_run);
	} else {
		if (t.gate.kind == GATE_INT)
			sample_frame(st->w->view, &t.before, &t.after, &t.gate, &t.frame);
		st->guest_tf = free_run ? t.after.rflags & X86_RFLAGS_TF : tf;
	}
	finish_msr(st, &t);
	if (worth_telling(&t))
		emit(st, &t);
	if (trap && !t.faulted && !free_run)
		return deliver_guest_trap(st);
	return r.outcome;
}

int watch_step(const struct watch *w, struct run_end *end)
{
	struct stepper st = { .w = w, .end = end };
	uint8_t bytes[INSN_MAX];
	enum outcome outcome = STEPPED;
	unsigned size;

	if (vm_trap_msrs(w->vm, watch_msrs + 1, watch_msr_count - 1))   /* not EFER: KVM checks its writes itself */
		return -1;
	stops_init(&st.stops, w->view);
	while (outcome == STEPPED || outcome == STOPPED) {
		if (*w->stop) {
			end->interrupted = true;
			break;
		}
		if (sample(&st, &st.before, VM_REGS | VM_SREGS))
			return -1;
		stops_refresh(&st.stops, &st.before);
		size = (unsigned)view_read(w->view, &st.before, code_linear(&st.before, st.before.rip), bytes,
		                           sizeof bytes);
		insn_decode(&st.insn, &st.before, bytes, size);
		outcome = st.insn.gate == GATE_NONE ? plain_step(&st) : pass_gate(&st);
	}
	stops_clear(&st.stops);
	w->view->patches = NULL;
	return outcome == FAILED ? -1 : 0;
}
