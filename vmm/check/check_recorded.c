/*
 * Entries of which only registers behind them are known (transition.h,
 * recorded): what the manuals say of these whatever the state before was.  Of
 * a return nothing behind it is known, so there is nothing to check.
 *
 *	SYSCALL, long mode      R11 is an image of RFLAGS: its reserved bits (SDM vol. 1, 3.4.3; APM
 *	                        vol. 2, 3.1.6) read as they always do, VM is 0, and AMD clears RF
 *	from compatibility mode RCX is the next EIP: 32 bits
 *	outside long mode       nothing
 *	SYSENTER                RSP is IA32_SYSENTER_ESP, outside long mode its lower half
 */
#include "check/check.h"

#include "ring.h"
#include "x86.h"

#define LOW_HALF        UINT64_C(0xffffffff)
#define FLAGS           (UINT64_C(0x3f7fd5) & ~(uint64_t)X86_RFLAGS_VM)        /* the bits that are flags */

_Static_assert(X86_RFLAGS_FIXED == 2, "the one reserved bit that reads as 1 is none of FLAGS");

struct expectation {
	enum field field;
	enum x86_gpr gpr;               /* which it is the value of */
	uint64_t mask, value;
};
#define EXPECTATIONS_MAX 2

static unsigned expect_syscall(enum vendor vendor, bool compat, struct expectation *e)
{
	const uint64_t open = FLAGS & ~(uint64_t)(vendor == VENDOR_AMD ? X86_RFLAGS_RF : 0);
	unsigned n = 0;

	e[n++] = (struct expectation){ FIELD_R11, GPR_R11, ~open, X86_RFLAGS_FIXED };
	if (compat)
		e[n++] = (struct expectation){ FIELD_RCX, GPR_RCX, ~LOW_HALF, 0 };
	return n;
}

static unsigned expect_sysenter(bool is_long, uint64_t sysenter_esp, struct expectation *e)
{
	const uint64_t mask = is_long ? UINT64_MAX : LOW_HALF;

	*e = (struct expectation){ FIELD_RSP, GPR_RSP, mask, sysenter_esp & mask };
	return 1;
}

/* Where the mode is not known, an R11 of 0 is that of a 32-bit kernel, which has none. */
static bool is_long_syscall(bool known, uint64_t efer, uint64_t r11)
{
	return known ? efer & X86_EFER_LMA : r11 != 0;
}

void check_recorded(const struct check_context *context, const struct transition *t, struct check_list *list)
{
	struct expectation e[EXPECTATIONS_MAX];
	unsigned count = 0;

	list->count = list->held = list->spared_count = 0;
	list->other_vendor.count = 0;
	if (t->gate.kind == GATE_SYSCALL && is_long_syscall(t->has_stack_msr, t->after.efer, t->after.gpr[GPR_R11]))
		count = expect_syscall(context->vendor, t->recorded_compat, e);
	else if (t->gate.kind == GATE_SYSENTER && t->has_stack_msr)
		count = expect_sysenter(t->after.efer & X86_EFER_LMA, t->after.msr.sysenter_esp, e);
	for (unsigned n = 0; n < count; n++) {
		const uint64_t observed = t->after.gpr[e[n].gpr] & e[n].mask;

		list->check[list->count++] = (struct check){
			.field = e[n].field, .mask = e[n].mask, .expected = e[n].value, .observed = observed,
			.held = observed == e[n].value, .source = model_source(context->vendor, t->gate.kind, e[n].field),
		};
	}
}

static uint64_t value_of(const struct ring_record *r, enum x86_gpr gpr)
{
	return gpr == GPR_R11 ? r->r11 : gpr == GPR_RCX ? r->rcx : r->rsp;
}

int check_record(const struct check_context *context, const struct ring_record *r, const struct x86_state *now)
{
	struct expectation e[EXPECTATIONS_MAX];
	unsigned count = 0;

	if (ring_is_return(r->id))
		return 0;
	if (r->id != RING_SYSENTER && is_long_syscall(now, now ? now->efer : 0, r->r11))
		count = expect_syscall(context->vendor, r->id == RING_SYSCALL_COMPAT, e);
	else if (r->id == RING_SYSENTER && now)
		count = expect_sysenter(now->efer & X86_EFER_LMA, now->msr.sysenter_esp, e);
	for (unsigned n = 0; n < count; n++)
		if ((value_of(r, e[n].gpr) & e[n].mask) != e[n].value)
			return -1;
	return (int)count;
}
