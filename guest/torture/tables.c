/*
 * GDT, two IDTs, TSS and page tables of the torture guest.  Nothing is mapped
 * but what it needs: wherever else a gate leads, the fetch faults there.
 */
#include "kernel.h"

#define PAGE                    X86_PAGE_SIZE
#define ENTRIES                 512
#define VECTORS                 256
#define TABLES                  24
#define USER                    (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define SUPERVISOR              (X86_PTE_P | X86_PTE_W)
#define ADDRESS                 0x000ffffffffff000

static const uint64_t gdt_rows[TORTURE_GDT_ROWS] = { TORTURE_GDT };
uint64_t torture_gdt[TORTURE_GDT_ROWS] __attribute__((aligned(16)));
struct torture_register torture_gdtr = { sizeof(torture_gdt) - 1, (uint64_t)(uintptr_t)torture_gdt };

/* By observer. */
static uint64_t idt[2][VECTORS][2] __attribute__((aligned(16)));
static uint8_t last_vector, last_observer;

static uint64_t tables[TABLES][ENTRIES] __attribute__((aligned(PAGE)));
static unsigned tables_used = 1;

static void map(uint64_t linear, uint64_t physical, uint64_t size, uint64_t rights)
{
	for (uint64_t at = 0; at < size; at += PAGE) {
		uint64_t *table = tables[0];

		for (unsigned level = 3; level > 0; level--) {
			uint64_t *entry = &table[(linear + at) >> (12 + 9 * level) & (ENTRIES - 1)];

			if (!*entry)
				*entry = (uint64_t)(uintptr_t)tables[tables_used++] | USER;
			table = (uint64_t *)(uintptr_t)(*entry & ADDRESS);
		}
		table[(linear + at) >> 12 & (ENTRIES - 1)] = (physical + at) | rights;
	}
}

/*
 * Every page once, so that no case is the first to need one: the host would
 * map it in the midst of a delivery, and start that anew.
 */
static void touch(uint64_t linear, uint64_t size, int write)
{
	for (uint64_t at = 0; at < size; at += PAGE) {
		volatile uint8_t *byte = (volatile uint8_t *)(uintptr_t)(linear + at);
		uint8_t value = *byte;

		if (write)
			*byte = value;
	}
}

static void touch_pages(void)
{
	touch(TORTURE_BLOCK, TORTURE_BLOCK_SIZE, 0);
	touch(TORTURE_STACKS, TORTURE_STACKS_SIZE, 1);
	touch(TORTURE_OBSERVER_TOP - PAGE, PAGE, 1);
	touch(TORTURE_OBSERVER_TOP + TORTURE_OBSERVER_STEP - PAGE, PAGE, 1);
	touch(TORTURE_TSS, PAGE, 1);
	touch(TORTURE_CASES, TORTURE_BATCH * sizeof(struct torture_record), 1);
}

static void build_pages(void)
{
	extern const char image_end[];

	map(TORTURE_STUBS, TORTURE_STUBS, (uintptr_t)image_end - TORTURE_STUBS, SUPERVISOR);
	map(TORTURE_BLOCK, TORTURE_BLOCK, TORTURE_BLOCK_SIZE, USER & ~X86_PTE_W);
	map(TORTURE_BLOCK_TOP, TORTURE_BLOCK, TORTURE_BLOCK_SIZE, USER & ~X86_PTE_W);
	map(TORTURE_BLOCK_HIGH, TORTURE_BLOCK, TORTURE_BLOCK_SIZE, USER & ~X86_PTE_W);
	map(TORTURE_BLOCK_4G, TORTURE_BLOCK, TORTURE_BLOCK_SIZE, USER & ~X86_PTE_W);
	map(TORTURE_STACKS, TORTURE_STACKS, TORTURE_STACKS_SIZE, USER | X86_PTE_NX);
	map(TORTURE_STACKS_HIGH, TORTURE_STACKS, TORTURE_STACKS_SIZE, USER | X86_PTE_NX);
	map(TORTURE_OBSERVER_TOP - PAGE, TORTURE_OBSERVER_TOP - PAGE, PAGE, SUPERVISOR | X86_PTE_NX);
	map(TORTURE_OBSERVER_TOP + TORTURE_OBSERVER_STEP - PAGE, TORTURE_OBSERVER_TOP + TORTURE_OBSERVER_STEP - PAGE,
	    PAGE, SUPERVISOR | X86_PTE_NX);
	map(TORTURE_CONTROL, TORTURE_CONTROL, PAGE, SUPERVISOR | X86_PTE_NX);
	map(TORTURE_TSS, TORTURE_TSS, PAGE, SUPERVISOR | X86_PTE_NX);
	map(TORTURE_CASES, TORTURE_CASES, TORTURE_BATCH * sizeof(struct torture_record) + PAGE,
	    SUPERVISOR | X86_PTE_NX);
	__asm__ volatile("mov %0, %%cr3" :: "r"(tables[0]) : "memory");
}

static void build_gate(unsigned observer, unsigned vector)
{
	const uint64_t handler = TORTURE_STUBS + vector * TORTURE_STUB_SIZE;
	const uint64_t ist = observer ? 1 : 7;
	const uint64_t access = X86_DESC_P | X86_TYPE_INTERRUPT_GATE;

	idt[observer][vector][0] = (handler & 0xffff) | TORTURE_SELECTOR_CODE << 16 | ist << 32 | access << 40 |
		(handler >> 16 & 0xffff) << 48;
	idt[observer][vector][1] = handler >> 32;
}

void tables_build(void)
{
	wrmsr(X86_MSR_EFER, rdmsr(X86_MSR_EFER) | X86_EFER_NXE);
	build_pages();
	touch_pages();
	for (unsigned i = 0; i < TORTURE_GDT_ROWS; i++)
		torture_gdt[i] = gdt_rows[i];
	for (unsigned vector = 0; vector < X86_VECTOR_COUNT; vector++) {
		build_gate(0, vector);
		build_gate(1, vector);
	}
	*(uint16_t *)(TORTURE_TSS + X86_TSS64_IOMAP) = X86_TSS64_SIZE;
	torture_load();
}

static void put_tss(const struct torture_case *c)
{
	uint32_t *rsp0 = (uint32_t *)(TORTURE_TSS + X86_TSS64_RSP0), *ist1 = (uint32_t *)(TORTURE_TSS + X86_TSS64_IST1);

	for (unsigned i = 0; i < 3; i++) {
		rsp0[2 * i] = (uint32_t)c->tss[i];
		rsp0[2 * i + 1] = (uint32_t)(c->tss[i] >> 32);
	}
	for (unsigned i = 0; i < 7; i++) {
		ist1[2 * i] = (uint32_t)c->tss[3 + i];
		ist1[2 * i + 1] = (uint32_t)(c->tss[3 + i] >> 32);
	}
}

void tables_prepare(const struct torture_case *c)
{
	const struct torture_register idtr = {
		sizeof(idt[0]) - 1, (uint64_t)(uintptr_t)idt[c->observer & 1],
	};

	/* The TSS's own row is busy by now. */
	for (unsigned i = 1; i < TORTURE_GDT_ROWS; i++)
		if (i != TORTURE_SELECTOR_TSS / 8)
			torture_gdt[i] = gdt_rows[i];
	if (last_vector < X86_VECTOR_COUNT)
		build_gate(last_observer, last_vector);
	else
		idt[last_observer][last_vector][0] = idt[last_observer][last_vector][1] = 0;
	last_vector = c->vector;
	last_observer = c->observer & 1;
	if (c->has_gate) {
		idt[last_observer][c->vector][0] = c->gate[0];
		idt[last_observer][c->vector][1] = c->gate[1];
	}
	put_tss(c);
	__asm__ volatile("lidt %0" :: "m"(idtr));
}
