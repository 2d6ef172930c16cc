/*
 * What the files of predict() share: how a prediction is begun, narrowed and
 * turned into a fault.  Only vmm/model includes this.
 */
#ifndef MODEL_PREDICT_H
#define MODEL_PREDICT_H

#include "model/model.h"
#include "x86.h"

#define LOW_HALF        UINT64_C(0xffffffff)
#define HIGH_HALF       UINT64_C(0xffffffff00000000)

/* Fields of struct x86_state: those that a gate leaves alone unless its manual page says otherwise. */
#define STATE_FIELDS    (FIELD_BIT(FIELD_MSR) - 1)
#define CS_HIDDEN       (FIELD_BIT(FIELD_CS_BASE) | FIELD_BIT(FIELD_CS_LIMIT) | FIELD_BIT(FIELD_CS_TYPE))
#define SS_HIDDEN       (FIELD_BIT(FIELD_SS_BASE) | FIELD_BIT(FIELD_SS_LIMIT) | FIELD_BIT(FIELD_SS_TYPE))

/* Each fills *p, which is large and is copied nowhere, and returns p.  Nothing is said: defined is 0. */
struct prediction *predict_nothing(struct prediction *p, const struct x86_state *before);
struct prediction *predict_fault(struct prediction *p, const struct x86_state *before, uint8_t vector);
struct prediction *predict_fault_code(struct prediction *p, const struct x86_state *before,
                                      uint8_t vector, uint32_t error);

/* Everything as before but RF, which every instruction clears; the next three make changes to it. */
struct prediction *predict_unchanged(struct prediction *p, const struct x86_state *before);
/* The same, and on to the next instruction. */
struct prediction *predict_next(struct prediction *p, const struct x86_state *before, const struct gate *gate);
/* Not known from the state whether the instruction faults; if it does, it is with #GP(0). */
void predict_may_gp(struct prediction *p);
void predict_gpr(struct prediction *p, enum x86_gpr r, uint64_t value);
/* The manual does not say what these become. */
void predict_unsaid(struct prediction *p, uint64_t fields);

/*
 * To be called last: the bits of general registers that are open because the
 * gate leaves or enters 64-bit mode (SDM vol. 1, 3.4.1.1).
 */
void predict_done(struct prediction *p);

/* Address of the instruction behind the gate, as wide as the mode has it. */
uint64_t next_rip(const struct x86_state *before, const struct gate *gate);
bool in_long_mode(const struct x86_state *s);
bool in_v86(const struct x86_state *s);
bool has_la57(const struct x86_state *s);
bool null_selector(uint16_t selector);
/* The error code that names a selector: index and TI. */
uint32_t selector_error(uint16_t selector);
bool is_code(const struct x86_segment *s);
bool is_conforming(const struct x86_segment *s);
bool is_writable_data(const struct x86_segment *s);

/*
 * CS loaded from a descriptor: its selector with RPL = cpl, and cpl.  A load
 * marks the descriptor accessed; in 64-bit code base and limit have no meaning.
 */
void predict_load_cs(struct prediction *p, struct x86_segment cs, uint8_t cpl);
void predict_load_ss(struct prediction *p, struct x86_segment ss);
/* SS loaded with a null selector: the hidden part is open. */
void predict_null_ss(struct prediction *p, uint16_t selector);

/* One outcome of a check of descriptors or addresses. */
struct verdict {
	bool fault;
	uint8_t vector;
	uint32_t error;
	uint32_t open;          /* bits of the error code that the manual leaves open, or gives twice */
	bool vector_open;       /* another check fails too, and the manual does not say which comes first */
};
#define WHOLE_ERROR UINT32_MAX
#define NO_FAULT ((struct verdict){ .fault = false })
struct verdict verdict_fault(uint8_t vector, uint32_t error);
struct prediction *predict_verdict(struct prediction *p, const struct x86_state *before, struct verdict v);
/* RIP in a code segment: canonical in 64-bit code, inside the limit elsewhere. */
struct verdict check_target_rip(const struct x86_state *before, const struct x86_segment *cs, uint64_t rip);

/* IRET and far RET: what is popped, and where to (predict_return.c). */
struct far_return {
	uint16_t cs_selector, ss_selector;
	uint64_t rip, rsp;
	struct raw_descriptor cs, ss;
	bool strict_null_ss;            /* a null SS must have CS's RPL */
};
/* The checks of the return CS; then of RIP and, if SS was popped, of that. */
struct verdict check_return_cs(const struct x86_state *before, const struct far_return *r);
struct verdict check_return_target(const struct x86_state *before, const struct far_return *r, bool pops_ss);
/* Returning outward, data segments that the new CPL may not hold become null. */
void predict_drop_segments(struct prediction *p);
/* RSP and SS popped. */
void predict_return_stack(struct prediction *p, const struct far_return *r);
/* RSP after pushes or pops without a change of stack. */
void predict_move_rsp(struct prediction *p, const struct x86_state *before, uint64_t rsp);

/* The field that holds a general register (fields.c). */
enum field field_of_gpr(enum x86_gpr r);

/* One function a kind of gate. */
struct prediction *predict_syscall(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                  const struct x86_state *before);
struct prediction *predict_sysret(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                  const struct x86_state *before);
struct prediction *predict_sysenter(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                   const struct x86_state *before);
struct prediction *predict_sysexit(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                  const struct x86_state *before);
struct prediction *predict_int(struct prediction *p, enum vendor vendor, const struct gate *gate,
                               const struct x86_state *before);
struct prediction *predict_exception(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                    const struct x86_state *before);
struct prediction *predict_iret(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                const struct x86_state *before);
struct prediction *predict_far(struct prediction *p, enum vendor vendor, const struct gate *gate,
                               const struct x86_state *before);
struct prediction *predict_wrmsr(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                 const struct x86_state *before);
struct prediction *predict_rdmsr(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                 const struct x86_state *before);
struct prediction *predict_swapgs(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                  const struct x86_state *before);

#endif
