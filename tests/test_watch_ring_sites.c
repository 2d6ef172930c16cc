/*
 * Where a kernel's returns have room for a jump: code written by hand, byte by
 * byte, with what each way of leaving the kernel looks like.
 */
#include "fake_vm.h"
#include "ring.h"
#include "watch/ring_sites.h"
#include "x86.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define CODE    0x8000
#define MAX     8

static struct guest_view view;
static struct x86_state state;
static struct ring_site site[MAX];
static struct ring_walk *walk;

static void set_up(void)
{
	memset(fake_memory, 0xf4, sizeof fake_memory);          /* HLT */
	state = (struct x86_state){
		.cr0 = X86_CR0_PE, .efer = X86_EFER_LMA, .cs = { .l = true }, .rip = CODE,
	};
	walk = NULL;
}

static void tear_down(void)
{
	free(walk);
}

TestSuite(ring_sites, .init = set_up, .fini = tear_down);

#define MOV_RSP_R8      "\x4c\x89\xc4"
#define POP_RCX         "\x59"
#define POP_R11         "\x41\x5b"
#define SWAPGS          "\x0f\x01\xf8"
#define SYSRETQ         "\x48\x0f\x07"
#define SYSRETL         "\x0f\x07"
#define SYSEXIT         "\x0f\x35"
#define STI             "\xfb"
#define MOV_CR3_RDI     "\x0f\x22\xdf"
#define CALL_AWAY       "\xe8\x00\x01\x00\x00"
#define JE(n)           "\x74" n
#define JMP(n)          "\xeb" n

static unsigned find_from(uint64_t rip)
{
	free(walk);
	walk = ring_walk_new();
	state.rip = rip;
	ring_walk_from(walk, &view, &state);
	return ring_sites_find(walk, site, MAX);
}

static unsigned find(const char *bytes, size_t size)
{
	memcpy(fake_memory + CODE, bytes, size);
	return find_from(CODE);
}
#define FIND(bytes)     find(bytes, sizeof(bytes) - 1)

static void assert_site(const struct ring_site *s, unsigned start, unsigned tail, bool covered, uint32_t id)
{
	cr_assert(s->has_room);
	cr_expect_eq(s->start, CODE + start, "starts at %lx", (unsigned long)s->start);
	cr_expect_eq(s->tail, CODE + tail, "ends at %lx", (unsigned long)s->tail);
	cr_expect_eq(s->covered, covered);
	cr_expect_eq(s->id, id);
	cr_expect_eq(s->length, tail - start);
	cr_expect(!memcmp(s->bytes, fake_memory + s->start, s->length));
}

Test(ring_sites, as_far_back_as_a_jump_takes)
{
	cr_assert_eq(FIND(POP_R11 MOV_RSP_R8 SWAPGS SYSRETQ), 1);
	assert_site(site, 2, 8, false, RING_SYSRET);
	cr_expect_eq(site->rip, CODE + 8);
	cr_expect_eq(site->end, CODE + 11);
	cr_expect_eq(site->relative_count, 0);
	cr_assert_eq(FIND(POP_R11 SWAPGS SYSRETL), 1);
	assert_site(site, 0, 5, false, RING_SYSRET_COMPAT);
}

Test(ring_sites, with_the_return_where_there_is_no_more)
{
	cr_assert_eq(FIND(SWAPGS SYSRETQ), 1);
	assert_site(site, 0, 3, true, RING_SYSRET);
	cr_expect(!memcmp(site->tail_bytes, SYSRETQ, 3));
	cr_assert_eq(FIND(CALL_AWAY SWAPGS SYSRETL), 1);
	assert_site(site, 5, 8, true, RING_SYSRET_COMPAT);
}

Test(ring_sites, no_room)
{
	cr_assert_eq(FIND(SYSRETQ), 1);
	cr_expect_not(site->has_room);
	cr_expect_eq(site->rip, CODE);
	cr_expect_eq(site->id, RING_SYSRET);
	cr_assert_eq(FIND(CALL_AWAY SYSRETQ), 1);
	cr_expect_not(site->has_room, "a call comes back to where it was");
	cr_assert_eq(FIND(CALL_AWAY POP_RCX SYSRETQ), 1);
	cr_expect_not(site->has_room, "four bytes");
}

/* What jumps to the midst of ours would find half a jump. */
Test(ring_sites, jumps_into_the_midst)
{
	/* To SWAPGS from elsewhere: there it begins, and takes the return along. */
	cr_assert_eq(FIND(JE("\x03") MOV_RSP_R8 SWAPGS SYSRETQ), 1);
	assert_site(site, 5, 8, true, RING_SYSRET);
	/* To the return itself: it stays where it is, if there is room before it. */
	cr_assert_eq(FIND(JE("\x06") MOV_RSP_R8 SWAPGS SYSRETQ), 2);
	assert_site(site, 2, 8, false, RING_SYSRET);
	cr_expect_not(site[1].has_room, "and who jumps to it is not recorded");
	cr_expect_eq(site[1].start, CODE);
	cr_assert_eq(FIND(JE("\x03") SWAPGS SYSRETQ), 2);
	cr_expect_not(site[0].has_room || site[1].has_room);
	/* And into the midst of an instruction. */
	cr_assert_eq(FIND(JE("\x04") MOV_RSP_R8 SWAPGS SYSRETQ), 1);
	cr_expect_not(site->has_room);
}

/* What leads there is known of handlers one after another, and of code that says that it is led to. */
Test(ring_sites, another_handler_leads_into_the_midst)
{
	memcpy(fake_memory + CODE + 0x40, "\x75\xc1", 2);       /* JNE to CODE + 3 */
	cr_assert_eq(FIND(MOV_RSP_R8 SWAPGS SYSRETQ), 1);
	cr_assert(site->has_room);
	cr_expect_not(ring_site_is_disturbed(walk, site));
	state.rip = CODE + 0x40;
	ring_walk_from(walk, &view, &state);
	cr_expect(ring_site_is_disturbed(walk, site));
	/* It begins there itself. */
	cr_assert_eq(FIND(MOV_RSP_R8 SWAPGS SYSRETQ), 1);
	state.rip = CODE + 3;
	ring_walk_from(walk, &view, &state);
	cr_expect(ring_site_is_disturbed(walk, site));
	cr_assert_eq(FIND(MOV_RSP_R8 "\xf3\x0f\x1e\xfa" SYSRETQ), 1);
	assert_site(site, 3, 7, true, RING_SYSRET);
}

Test(ring_sites, code_that_is_written)
{
	/* mov [rip+3], eax: to what is 6 + 3 behind */
	cr_assert_eq(FIND("\x89\x05\x03\x00\x00\x00" POP_RCX MOV_RSP_R8 SWAPGS SYSRETQ), 1);
	cr_expect_not(site->has_room);
	cr_assert_eq(FIND("\x89\x05\x40\x00\x00\x00" POP_RCX MOV_RSP_R8 SWAPGS SYSRETQ), 1);
	cr_expect(site->has_room);
	cr_assert_eq(FIND("\x8b\x05\x03\x00\x00\x00" POP_RCX MOV_RSP_R8 SWAPGS SYSRETQ), 1);
	cr_expect(site->has_room, "and not read");
}

/* Two instructions that may both come before. */
Test(ring_sites, which_one_came_before_is_not_known)
{
	/* je +1; mov eax, 90909090h, whose last byte is a NOP as well; swapgs; sysretl */
	cr_assert_eq(FIND(JE("\x04") "\xb8\x90\x90\x90\x90" SWAPGS SYSRETL), 1);
	assert_site(site, 7, 10, true, RING_SYSRET_COMPAT);
}

/* A conditional way cannot be made unconditional. */
Test(ring_sites, behind_a_branch)
{
	cr_assert_eq(FIND(MOV_RSP_R8 SWAPGS JE("\x02") "\xcf\xf4" SYSRETQ), 1);
	cr_expect_not(site->has_room);
	cr_expect_eq(site->start, CODE + 6);
}

/* By a JMP alone, as kernels have it that may clear buffers in between: its bytes are room, too. */
Test(ring_sites, behind_a_jump)
{
	cr_assert_eq(FIND(MOV_RSP_R8 SWAPGS JMP("\x02") "\xf4\xf4" SYSRETQ), 1);
	cr_assert(site->has_room);
	cr_expect_eq(site->start, CODE + 3);
	cr_expect_eq(site->tail, CODE + 10);
	cr_expect_eq(site->length, 3);
	cr_expect_not(site->covered);
	cr_expect(!memcmp(site->bytes, SWAPGS, 3));
	/* One of five bytes is room enough. */
	cr_assert_eq(FIND(SWAPGS "\xe9\x02\x00\x00\x00" "\xf4\xf4" SYSRETQ), 1);
	cr_expect(site->has_room && site->start == CODE + 3 && site->length == 0 && site->tail == CODE + 10);
	/* Somebody else jumps to the JMP. */
	cr_assert_eq(FIND(JE("\x03") SWAPGS JMP("\x02") "\xf4\xf4" SYSRETQ), 1);
	cr_expect_not(site->has_room);
	/* Two ways. */
	cr_assert_eq(FIND(JE("\x08") MOV_RSP_R8 SWAPGS JMP("\x06") MOV_RSP_R8 SWAPGS SYSRETQ), 2);
	assert_site(site, 10, 16, false, RING_SYSRET);
	cr_expect(site[1].has_room && site[1].start == CODE + 5 && site[1].tail == CODE + 16);
}

Test(ring_sites, relative_addresses)
{
	/* mov rsp, [rip+112233h]; lea rdi, [rip-1]; sysretq */
	cr_assert_eq(FIND("\x48\x8b\x25\x33\x22\x11\x00" SYSRETQ), 1);
	assert_site(site, 0, 7, false, RING_SYSRET);
	cr_assert_eq(site->relative_count, 1);
	cr_expect_eq(site->relative[0], 3);
	cr_expect_eq(site->relative_end[0], 7);
	cr_assert_eq(FIND("\x48\x8d\x3d\xff\xff\xff\xff" POP_RCX SYSRETQ), 1);
	cr_assert_eq(site->relative_count, 1);
	cr_expect_eq(site->relative_end[0], 7);
	/* With an immediate behind the displacement: mov dword [rip+4], 5 */
	cr_assert_eq(FIND("\xc7\x05\x04\x00\x00\x00\x05\x00\x00\x00" SYSRETQ), 1);
	cr_expect_eq(site->relative[0], 2);
	cr_expect_eq(site->relative_end[0], 10);
}

/* What loads other page tables may take the stub away; a port's access is told by where it was made. */
Test(ring_sites, what_cannot_be_moved)
{
	cr_assert_eq(FIND(MOV_CR3_RDI SYSRETQ), 1);
	cr_expect_not(site->has_room);
	cr_assert_eq(FIND(MOV_CR3_RDI SWAPGS SYSRETQ), 1);
	assert_site(site, 3, 6, true, RING_SYSRET);
	cr_assert_eq(FIND("\xe6\x80\xe6\x80\xe6\x80" SYSRETQ), 1);
	cr_expect_not(site->has_room);
	cr_assert_eq(FIND("\x9c\x9c\x9c\x9c\x9c" SYSRETQ), 1);
	cr_expect_not(site->has_room, "PUSHF");
	cr_assert_eq(FIND("\x9d" POP_RCX MOV_RSP_R8 SYSRETQ), 1);
	assert_site(site, 1, 5, true, RING_SYSRET);
	cr_assert_eq(FIND("\x48\x8b\x00\x48\x8b\x00" SYSRETQ), 1);
	cr_expect_not(site->has_room, "RAX may point anywhere");
	cr_assert_eq(FIND("\x65\x48\x8b\x00\x65\x48\x8b\x00" SYSRETQ), 1);
	cr_expect(site->has_room, "with GS it is the kernel's own");
}

/* Nothing comes between STI and what is behind it.  SYSEXIT without it leaves interrupts as they are. */
Test(ring_sites, sti)
{
	state = (struct x86_state){ .cr0 = X86_CR0_PE, .cs = { .db = true }, .ss = { .db = true }, .rip = CODE };
	cr_assert_eq(FIND("\x89\xe9\x89\xfa\x5d" STI SYSEXIT), 1);
	assert_site(site, 0, 5, false, RING_SYSEXIT);
	cr_expect_eq(site->rip, CODE + 6);
	cr_expect(!memcmp(site->tail_bytes, STI SYSEXIT, 3));
	cr_assert_eq(FIND("\x89\xe9" STI SYSEXIT), 1);
	assert_site(site, 0, 2, true, RING_SYSEXIT);
	cr_assert_eq(FIND("\x89\xe9\x89\xfa\x89\xe9\x89\xfa" SYSEXIT), 1);
	cr_expect_not(site->has_room);
	cr_assert_eq(FIND("\x89\xe9\x89\xfa\x5d" STI "\x90" SYSEXIT), 1);
	cr_expect_not(site->has_room);
	/* POPF moves where the kernel turns interrupts on itself, behind it. */
	cr_assert_eq(FIND("\x90\x9d\x59\x89\xe9" STI SYSEXIT), 1);
	assert_site(site, 0, 5, false, RING_SYSEXIT);
	/* Nothing begins where interrupts are held off. */
	cr_assert_eq(FIND(STI "\x89\xe9\x89\xfa\x5d" STI SYSEXIT), 1);
	cr_expect_not(site->has_room);
	/* The stub's data are found by SS. */
	cr_assert_eq(FIND("\x8e\xd0\x90\x90\x90\x90\x90\x90\x90" STI SYSEXIT), 1);
	cr_expect_not(site->has_room, "MOV SS");
	cr_assert_eq(FIND("\x0f\xb2\x20\x90\x90\x90\x90\x90\x90\x90" STI SYSEXIT), 1);
	cr_expect_not(site->has_room, "LSS");
	/* SYSRET loads IF. */
	cr_assert_eq(FIND("\x89\xe9\x89\xfa\x5d" SYSRETL), 1);
	assert_site(site, 0, 5, false, RING_SYSRET_COMPAT);
}

Test(ring_sites, every_path_that_the_code_lays_down)
{
	/* je +2; jmp +9; mov, swapgs, sysretq; mov, swapgs, sysretl */
	cr_assert_eq(FIND(JE("\x02") JMP("\x09") MOV_RSP_R8 SWAPGS SYSRETQ MOV_RSP_R8 SWAPGS SYSRETL), 2);
	cr_assert_neq(site[0].id, site[1].id);
	assert_site(&site[site[0].id != RING_SYSRET], 4, 10, false, RING_SYSRET);
	assert_site(&site[site[0].id == RING_SYSRET], 13, 19, false, RING_SYSRET_COMPAT);
	cr_expect_eq(FIND("\xff\xe0" MOV_RSP_R8 SWAPGS SYSRETQ), 0, "behind JMP RAX");
	cr_expect_eq(FIND("\xc3" MOV_RSP_R8 SWAPGS SYSRETQ), 0, "behind RET");
	cr_expect_eq(FIND("\x48\xcf" MOV_RSP_R8 SWAPGS SYSRETQ), 0, "behind IRETQ");
	cr_expect_eq(FIND("\x0f\x0b" MOV_RSP_R8 SWAPGS SYSRETQ), 0, "behind UD2");
	cr_expect_eq(FIND("\xff\xd0" MOV_RSP_R8 SWAPGS SYSRETQ), 1, "behind CALL RAX");
}

Test(ring_sites, no_more_than_asked_for)
{
	char code[16 * 5];

	for (size_t n = 0; n < sizeof code; n += 5)
		memcpy(code + n, JE("\x03") SYSRETQ, 5);
	memcpy(fake_memory + CODE, code, sizeof code);
	cr_expect_eq(find_from(CODE), MAX);
}

/* Any bytes may stand there, and the walk ends. */
Test(ring_sites, random_code)
{
	uint64_t seed = 1;
	unsigned found = 0;

	for (unsigned round = 0; round < 300; round++) {
		for (size_t n = 0; n < 0x10000; n++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			fake_memory[CODE + n] = (uint8_t)(seed >> 56);
		}
		for (size_t n = 0; n < 0x10000; n += 64)
			memcpy(fake_memory + CODE + n, SWAPGS SYSRETQ, 6);
		found = find_from(CODE + round);
		for (unsigned n = 0; n < found; n++) {
			if (!site[n].has_room)
				continue;
			cr_assert_leq(site[n].length, RING_MOVED_MAX);
			cr_assert_geq(site[n].end - site[n].start, RING_JUMP);
			cr_assert(!memcmp(site[n].bytes, fake_memory + site[n].start, site[n].length));
			for (unsigned k = 0; k < walk->jump_count; k++)
				cr_assert(walk->jump[k].to - site[n].start - 1 >= RING_JUMP - 1, "none of the branches leads into the midst");
		}
	}
	cr_expect_eq(find_from(FAKE_MEMORY - 1), 0);
	cr_expect_eq(find_from(UINT64_MAX), 0);
}
