/*
 * The selectors of the fast gates, over every value of the 16 bits they come
 * from.  The expectation is the manuals' text on whole descriptors: "the next
 * one", "two on", with the privilege level apart, where the model adds bytes.
 */
#include "model_support.h"

#define VALUES 0x10000
#define DESCRIPTORS 8192

/* A selector as SDM vol. 3A, 3.4.2 draws it. */
struct parts { unsigned index, ti, rpl; };

static struct parts take_apart(unsigned selector)
{
	return (struct parts){ selector / 8, selector / 4 % 2, selector % 4 };
}

/* The descriptor that stands steps further on in the table, seen with this RPL. */
static unsigned further(unsigned selector, unsigned steps, unsigned rpl)
{
	struct parts p = take_apart(selector);

	return (p.index + steps) % DESCRIPTORS * 8 + p.ti * 4 + rpl;
}

static unsigned rpl_of(unsigned selector)
{
	return take_apart(selector).rpl;
}

struct tally { unsigned compared, wrong, first; };

static void count(struct tally *t, unsigned value, struct selector_pair got, unsigned cs, unsigned ss)
{
	if ((got.cs != cs || got.ss != ss) && !t->wrong++)
		t->first = value;
	t->compared++;
}

static void expect_all(const struct tally *t, unsigned times)
{
	cr_assert_eq(t->compared, times * VALUES);
	cr_assert_eq(t->wrong, 0, "%u wrong, the first for %04x", t->wrong, t->first);
}

/* Bits that the arithmetic must not look at. */
static const uint64_t noise[] = { 0, UINT64_MAX, UINT64_C(0x5a5aa5a5c3c33c3c) };

static uint64_t with_noise(unsigned n, unsigned value, unsigned shift)
{
	uint64_t hole = ~(UINT64_C(0xffff) << shift);

	return (noise[n] & hole) | (uint64_t)value << shift;
}

Test(model_selectors, syscall)
{
	struct tally t = { 0 };

	for (unsigned n = 0; n < ARRAY_SIZE(noise); n++)
		for (unsigned v = 0; v < VALUES; v++)
			count(&t, v, star_syscall(with_noise(n, v, 32)),
			      further(v, 0, 0), further(v, 1, rpl_of(v)));
	expect_all(&t, ARRAY_SIZE(noise));
}

Test(model_selectors, sysret_intel)
{
	struct tally t = { 0 };

	for (unsigned n = 0; n < ARRAY_SIZE(noise); n++)
		for (unsigned v = 0; v < VALUES; v++) {
			uint64_t star = with_noise(n, v, 48);

			count(&t, v, star_sysret(VENDOR_INTEL, star, 8), further(v, 2, 3), further(v, 1, 3));
			count(&t, v, star_sysret(VENDOR_INTEL, star, 4), further(v, 0, 3), further(v, 1, 3));
		}
	expect_all(&t, 2 * ARRAY_SIZE(noise));
}

/* AMD: SS keeps the RPL that the MSR has. */
Test(model_selectors, sysret_amd)
{
	struct tally t = { 0 };

	for (unsigned n = 0; n < ARRAY_SIZE(noise); n++)
		for (unsigned v = 0; v < VALUES; v++) {
			uint64_t star = with_noise(n, v, 48);
			unsigned ss = further(v, 1, rpl_of(v));

			count(&t, v, star_sysret(VENDOR_AMD, star, 8), further(v, 2, 3), ss);
			count(&t, v, star_sysret(VENDOR_AMD, star, 4), further(v, 0, 3), ss);
		}
	expect_all(&t, 2 * ARRAY_SIZE(noise));
}

Test(model_selectors, sysenter)
{
	struct tally t = { 0 };
	unsigned unusable = 0;

	for (unsigned n = 0; n < ARRAY_SIZE(noise); n++)
		for (unsigned v = 0; v < VALUES; v++) {
			uint64_t msr = with_noise(n, v, 0);
			struct parts p = take_apart(v);

			count(&t, v, sysenter_selectors(msr), further(v, 0, 0), further(v, 1, 0));
			cr_assert(sysenter_cs_usable(msr) == (p.index || p.ti));
			unusable += !sysenter_cs_usable(msr);
		}
	expect_all(&t, ARRAY_SIZE(noise));
	cr_assert_eq(unusable, 4 * ARRAY_SIZE(noise));
}

Test(model_selectors, sysexit)
{
	struct tally t = { 0 };

	for (unsigned n = 0; n < ARRAY_SIZE(noise); n++)
		for (unsigned v = 0; v < VALUES; v++) {
			uint64_t msr = with_noise(n, v, 0);

			count(&t, v, sysexit_selectors(msr, 4), further(v, 2, 3), further(v, 3, 3));
			count(&t, v, sysexit_selectors(msr, 8), further(v, 4, 3), further(v, 5, 3));
		}
	expect_all(&t, 2 * ARRAY_SIZE(noise));
}

/* The same through predict: each vendor, each half, each operand size. */
static void sweep_syscall(enum vendor vendor)
{
	const struct gate gate = { .kind = GATE_SYSCALL, .length = 2 };
	struct x86_state s = state_user64();
	struct tally t = { 0 };

	for (unsigned v = 0; v < VALUES; v++) {
		struct prediction p;

		s.msr.star = with_noise(2, v, 32);
		p = predict(vendor, &gate, &s);
		cr_assert(!p.fault);
		count(&t, v, (struct selector_pair){ p.after.cs.selector, p.after.ss.selector },
		      further(v, 0, 0), further(v, 1, rpl_of(v)));
	}
	expect_all(&t, 1);
}

static void sweep_sysret(enum vendor vendor, uint8_t size)
{
	const struct gate gate = { .kind = GATE_SYSRET, .length = 2, .operand_size = size };
	struct x86_state s = state_kernel64();
	struct tally t = { 0 };

	s.gpr[GPR_RCX] = USER_RIP;
	for (unsigned v = 0; v < VALUES; v++) {
		struct prediction p;

		s.msr.star = with_noise(2, v, 48);
		p = predict(vendor, &gate, &s);
		cr_assert(!p.fault);
		count(&t, v, (struct selector_pair){ p.after.cs.selector, p.after.ss.selector },
		      further(v, size == 8 ? 2 : 0, 3), further(v, 1, vendor == VENDOR_AMD ? rpl_of(v) : 3));
	}
	expect_all(&t, 1);
}

Test(model_selectors, predicted_syscall_intel) { sweep_syscall(VENDOR_INTEL); }
Test(model_selectors, predicted_syscall_amd) { sweep_syscall(VENDOR_AMD); }
Test(model_selectors, predicted_sysretq_intel) { sweep_sysret(VENDOR_INTEL, 8); }
Test(model_selectors, predicted_sysretq_amd) { sweep_sysret(VENDOR_AMD, 8); }
Test(model_selectors, predicted_sysretl_intel) { sweep_sysret(VENDOR_INTEL, 4); }
Test(model_selectors, predicted_sysretl_amd) { sweep_sysret(VENDOR_AMD, 4); }

/* SYSENTER from legacy mode, which both vendors have; SYSEXIT back. */
static void sweep_sysenter(enum vendor vendor)
{
	const struct gate enter = { .kind = GATE_SYSENTER, .length = 2 };
	const struct gate leave = { .kind = GATE_SYSEXIT, .length = 2, .operand_size = 4 };
	struct x86_state user = state_legacy(3), kernel = state_legacy(0);
	struct tally t = { 0 };
	unsigned faults = 0;

	for (unsigned v = 0; v < VALUES; v++) {
		struct prediction in, out;

		user.msr.sysenter_cs = kernel.msr.sysenter_cs = v;
		in = predict(vendor, &enter, &user);
		out = predict(vendor, &leave, &kernel);
		cr_assert(in.fault == out.fault);
		if (in.fault) {
			cr_assert(in.vector == X86_VECTOR_GP && out.vector == X86_VECTOR_GP);
			cr_assert(in.has_error && in.error == 0 && out.has_error && out.error == 0);
			cr_assert(v < 4);
			faults++;
			t.compared += 2;
			continue;
		}
		count(&t, v, (struct selector_pair){ in.after.cs.selector, in.after.ss.selector },
		      further(v, 0, 0), further(v, 1, 0));
		count(&t, v, (struct selector_pair){ out.after.cs.selector, out.after.ss.selector },
		      further(v, 2, 3), further(v, 3, 3));
	}
	expect_all(&t, 2);
	cr_assert_eq(faults, 4);
}

Test(model_selectors, predicted_sysenter_intel) { sweep_sysenter(VENDOR_INTEL); }
Test(model_selectors, predicted_sysenter_amd) { sweep_sysenter(VENDOR_AMD); }

Test(model_selectors, predicted_sysexit_64)
{
	const struct gate gate = { .kind = GATE_SYSEXIT, .length = 3, .operand_size = 8 };
	struct x86_state s = state_kernel64();
	struct tally t = { 0 };

	s.gpr[GPR_RCX] = USER_RSP;
	s.gpr[GPR_RDX] = USER_RIP;
	for (unsigned v = 4; v < VALUES; v++) {
		struct prediction p;

		s.msr.sysenter_cs = v;
		p = predict(VENDOR_INTEL, &gate, &s);
		cr_assert(!p.fault);
		count(&t, v, (struct selector_pair){ p.after.cs.selector, p.after.ss.selector },
		      further(v, 4, 3), further(v, 5, 3));
	}
	t.compared += 4;
	expect_all(&t, 1);
}

/* Windows' own numbers, written out. */
Test(model_selectors, windows)
{
	struct selector_pair k = star_syscall(STAR), q = star_sysret(VENDOR_AMD, STAR, 8);
	struct selector_pair l = star_sysret(VENDOR_AMD, STAR, 4), x = sysexit_selectors(0x08, 4);

	cr_assert(k.cs == 0x10 && k.ss == 0x18);
	cr_assert(q.cs == 0x33 && q.ss == 0x2b);
	cr_assert(l.cs == 0x23 && l.ss == 0x2b);
	cr_assert(x.cs == 0x1b && x.ss == 0x23);
}
