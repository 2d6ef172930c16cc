/*
 * The tables of structure fields, and where in a guest the structures are.
 * x86: Windows 7 (KTHREAD differs in every release); x64: as include/nt.h has
 * them.  Reads the guest; a field it does not know has no name.
 */
#include "watch/structures.h"

#include "image/image.h"
#include "nt.h"
#include "nt32.h"
#include "x86.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct field_at { uint16_t offset; const char *name; };

struct layout {
	const char *name;
	const struct field_at *fields;
	unsigned count;
};
#define LAYOUT(name, fields) { name, fields, COUNT(fields) }

static const struct field_at kpcr32[] = {
	{ KPCR32_SELF_PCR, "SelfPcr" }, { KPCR32_PRCB_POINTER, "Prcb" }, { KPCR32_IRQL, "Irql" },
	{ KPCR32_IDT, "IDT" }, { KPCR32_GDT, "GDT" }, { KPCR32_TSS, "TSS" }, { KPCR32_NUMBER, "Number" },
	{ KPCR32_PRCB, "PrcbData" }, { KPCR32_CURRENT_THREAD, "CurrentThread" },
	{ KPCR32_SYSTEM_CALLS, "PrcbData.KeSystemCalls" },
};
static const struct field_at kpcr64[] = {
	{ KPCR_TSS_BASE, "TssBase" }, { KPCR_USER_RSP, "UserRsp" }, { KPCR_SELF, "Self" },
	{ KPCR_CURRENT_PRCB, "CurrentPrcb" }, { KPCR_IDT_BASE, "IdtBase" }, { KPCR_PRCB, "Prcb" },
	{ KPCR_CURRENT_THREAD, "CurrentThread" }, { KPCR_RSP_BASE, "RspBase" },
};
static const struct field_at kthread32[] = {
	{ KTHREAD32_SERVICE_TABLE, "ServiceTable" }, { KTHREAD32_TRAP_FRAME, "TrapFrame" },
	{ KTHREAD32_FIRST_ARGUMENT, "FirstArgument" }, { KTHREAD32_PREVIOUS_MODE, "PreviousMode" },
	{ KTHREAD32_SYSTEM_CALL_NUMBER, "SystemCallNumber" },
};
static const struct field_at kthread64[] = {
	{ KTHREAD_INITIAL_STACK, "InitialStack" }, { KTHREAD_MISC_FLAGS, "MiscFlags" },
	{ KTHREAD_SYSTEM_CALL_NUMBER, "SystemCallNumber" }, { KTHREAD_FIRST_ARGUMENT, "FirstArgument" },
	{ KTHREAD_TRAP_FRAME, "TrapFrame" }, { KTHREAD_PREVIOUS_MODE, "PreviousMode" },
};
static const struct field_at trap_frame32[] = {
	{ TF32_DBG_EBP, "DbgEbp" }, { TF32_DBG_EIP, "DbgEip" }, { TF32_DBG_ARG_MARK, "DbgArgMark" },
	{ TF32_DBG_ARG_POINTER, "DbgArgPointer" }, { TF32_TEMP_SEG_CS, "TempSegCs" },
	{ TF32_TEMP_ESP, "TempEsp" }, { TF32_DR0, "Dr0" }, { TF32_DR1, "Dr1" }, { TF32_DR2, "Dr2" },
	{ TF32_DR3, "Dr3" }, { TF32_DR6, "Dr6" }, { TF32_DR7, "Dr7" }, { TF32_SEG_GS, "SegGs" },
	{ TF32_SEG_ES, "SegEs" }, { TF32_SEG_DS, "SegDs" }, { TF32_EDX, "Edx" }, { TF32_ECX, "Ecx" },
	{ TF32_EAX, "Eax" }, { TF32_PREVIOUS_MODE, "PreviousPreviousMode" },
	{ TF32_EXCEPTION_LIST, "ExceptionList" }, { TF32_SEG_FS, "SegFs" }, { TF32_EDI, "Edi" },
	{ TF32_ESI, "Esi" }, { TF32_EBX, "Ebx" }, { TF32_EBP, "Ebp" }, { TF32_ERROR_CODE, "ErrCode" },
	{ TF32_EIP, "Eip" }, { TF32_SEG_CS, "SegCs" }, { TF32_EFLAGS, "EFlags" }, { TF32_ESP, "HardwareEsp" },
	{ TF32_SEG_SS, "HardwareSegSs" }, { TF32_V86_ES, "V86Es" },
};
static const struct field_at trap_frame64[] = {
	{ TF_PREVIOUS_MODE, "PreviousMode" }, { TF_EXCEPTION_ACTIVE, "ExceptionActive" }, { TF_RAX, "Rax" },
	{ TF_RCX, "Rcx" }, { TF_RDX, "Rdx" }, { TF_R8, "R8" }, { TF_R9, "R9" }, { TF_R10, "R10" }, { TF_R11, "R11" },
	{ TF_FAULT_ADDRESS, "FaultAddress" }, { TF_RBX, "Rbx" }, { TF_RDI, "Rdi" }, { TF_RSI, "Rsi" }, { TF_RBP, "Rbp" },
	{ TF_ERROR_CODE, "ErrorCode" }, { TF_RIP, "Rip" }, { TF_SEG_CS, "SegCs" }, { TF_EFLAGS, "EFlags" },
	{ TF_RSP, "Rsp" }, { TF_SEG_SS, "SegSs" },
};
static const struct field_at shared32[] = {
	{ 0x26c, "NtMajorVersion" }, { 0x270, "NtMinorVersion" }, { KUSER32_TEST_RET, "TestRetInstruction" },
	{ KUSER32_SYSTEM_CALL, "SystemCall" }, { KUSER32_SYSTEM_CALL_RETURN, "SystemCallReturn" },
	{ KUSER32_TICK_COUNT, "TickCount" }, { KUSER32_COOKIE, "Cookie" },
};
static const struct field_at shared64[] = {
	{ KUSER_NT_BUILD_NUMBER, "NtBuildNumber" },
	{ KUSER_NT_MAJOR_VERSION, "NtMajorVersion" }, { KUSER_NT_MINOR_VERSION, "NtMinorVersion" },
	{ KUSER_QPC_FREQUENCY, "QpcFrequency" }, { KUSER_SYSTEM_CALL, "SystemCall" },
};
/* SDM vol. 3A, figures 8-2 and 8-11. */
static const struct field_at tss32[] = {
	{ 0x04, "ESP0" }, { 0x08, "SS0" }, { 0x0c, "ESP1" }, { 0x10, "SS1" }, { 0x14, "ESP2" }, { 0x18, "SS2" },
	{ 0x1c, "CR3" },
};
static const struct field_at tss64[] = {
	{ 0x04, "RSP0" }, { 0x0c, "RSP1" }, { 0x14, "RSP2" }, { 0x24, "IST1" }, { 0x2c, "IST2" }, { 0x34, "IST3" },
	{ 0x3c, "IST4" }, { 0x44, "IST5" }, { 0x4c, "IST6" }, { 0x54, "IST7" },
};
static const struct field_at teb32[] = {
	{ TEB32_SELF, "NtTib.Self" }, { 0x0c0, "WOW32Reserved" }, { TEB32_GDI_BATCH_COUNT, "GdiBatchCount" },
};
static const struct field_at teb64[] = {
	{ TEB64_SELF, "NtTib.Self" }, { TEB64_TLS_SLOTS, "TlsSlots" },
	{ 0x1740, "GdiBatchCount" },
};

enum { KPCR, KTHREAD, TRAP_FRAME, SHARED, TSS, TEB, LAYOUTS };

/* What one kind of kernel has. */
struct windows {
	struct layout layout[LAYOUTS];
	uint8_t word;                           /* bytes of a pointer */
	uint16_t kpcr_self, current_thread;     /* in KPCR */
	uint16_t trap_frame;                    /* in KTHREAD */
	uint16_t teb_self;
	uint16_t frame_ip, frame_top;           /* in KTRAP_FRAME: EIP, and where a stack from the TSS begins */
	uint64_t shared_kernel;
};

static const struct windows windows32 = {
	.layout = {
		[KPCR] = LAYOUT("KPCR", kpcr32), [KTHREAD] = LAYOUT("KTHREAD", kthread32),
		[TRAP_FRAME] = LAYOUT("KTRAP_FRAME", trap_frame32), [SHARED] = LAYOUT("KUSER_SHARED_DATA", shared32),
		[TSS] = LAYOUT("TSS", tss32), [TEB] = LAYOUT("TEB", teb32),
	},
	.word = 4, .kpcr_self = KPCR32_SELF_PCR, .current_thread = KPCR32_CURRENT_THREAD,
	.trap_frame = KTHREAD32_TRAP_FRAME, .teb_self = TEB32_SELF, .frame_ip = TF32_EIP, .frame_top = TF32_V86_ES,
	.shared_kernel = NT32_SHARED_KERNEL,
};
static const struct windows windows64 = {
	.layout = {
		[KPCR] = LAYOUT("KPCR", kpcr64), [KTHREAD] = LAYOUT("KTHREAD", kthread64),
		[TRAP_FRAME] = LAYOUT("KTRAP_FRAME", trap_frame64), [SHARED] = LAYOUT("KUSER_SHARED_DATA", shared64),
		[TSS] = LAYOUT("TSS", tss64), [TEB] = LAYOUT("TEB", teb64),
	},
	.word = 8, .kpcr_self = KPCR_SELF, .current_thread = KPCR_CURRENT_THREAD, .trap_frame = KTHREAD_TRAP_FRAME,
	.teb_self = TEB64_SELF, .frame_ip = TF_RIP, .frame_top = TF_SIZE, .shared_kernel = NT_SHARED_KERNEL,
};

#define BASES 16

/* The structures found in one sample. */
struct bases {
	const struct windows *w;
	struct guest_view *view;
	const struct x86_state *s;      /* under whose page tables they are read */
	unsigned count;
	struct { unsigned layout; uint64_t address; } base[BASES];
};

static void add(struct bases *b, unsigned layout, uint64_t address)
{
	if (!address || b->count == BASES)
		return;
	b->base[b->count].layout = layout;
	b->base[b->count++].address = address;
}

static uint64_t pointer_at(const struct bases *b, uint64_t address)
{
	uint64_t value = 0;

	return view_read(b->view, b->s, address, &value, b->w->word) == b->w->word ? value : 0;
}

/* A block that points to itself at offset self is what it is taken for. */
static bool is_own(const struct bases *b, uint64_t base, unsigned self)
{
	return base && pointer_at(b, base + self) == base;
}

static void add_processor(struct bases *b, uint64_t base)
{
	uint64_t thread;

	if (!is_own(b, base, b->w->kpcr_self))
		return;
	add(b, KPCR, base);
	thread = pointer_at(b, base + b->w->current_thread);
	if (!thread)
		return;
	add(b, KTHREAD, thread);
	add(b, TRAP_FRAME, pointer_at(b, thread + b->w->trap_frame));
}

static void add_segment(struct bases *b, uint64_t base)
{
	if (is_own(b, base, b->w->teb_self))
		add(b, TEB, base);
	else
		add_processor(b, base);
}

/* The trap frame that lies at the top of the stack which the TSS gives to ring 0. */
static void add_stack_top(struct bases *b)
{
	uint64_t top;

	if (b->s->tr.unusable || !b->s->tr.base)
		return;
	add(b, TSS, b->s->tr.base);
	top = pointer_at(b, b->s->tr.base + 4);
	add(b, TRAP_FRAME, top > b->w->frame_top ? top - b->w->frame_top : 0);
}

static void find_bases(struct bases *b, const struct transition *t)
{
	const struct frame *f = &t->frame;

	if (f->count)
		add(b, TRAP_FRAME, f->address + (f->has_error ? f->word_size : 0) - b->w->frame_ip);
	add(b, SHARED, NT_SHARED_USER);
	add(b, SHARED, b->w->shared_kernel);
	add_stack_top(b);
	if (b->w->word == 8) {
		add_segment(b, t->after.gs.base);
		add_segment(b, t->after.msr.kernel_gs_base);
		return;
	}
	/* x86: FS is the TEB's until the kernel loads 30h. */
	add_segment(b, t->after.fs.base);
	if (t->after.fs.selector != 0x30) {
		struct raw_descriptor pcr = view_descriptor(b->view, b->s, 0x30, false);

		add_processor(b, pcr.valid ? segment_from_descriptor(pcr, 0x30).base : 0);
	}
}

static struct field_name name_of(const struct bases *b, uint64_t address)
{
	for (unsigned n = 0; n < b->count; n++) {
		const struct layout *l = &b->w->layout[b->base[n].layout];
		uint64_t offset = address - b->base[n].address;

		for (unsigned i = 0; i < l->count; i++)
			if (l->fields[i].offset == offset)
				return (struct field_name){ l->name, l->fields[i].name };
		if (!offset)
			return (struct field_name){ l->name, NULL };
	}
	return (struct field_name){ 0 };
}

static bool is_page_fault(const struct transition *t)
{
	const struct gate *g = t->gate.kind == GATE_FAULT ? &t->gate : &t->delivery;

	return (t->gate.kind == GATE_FAULT || t->faulted) && g->vector == X86_VECTOR_PF;
}

void structures_name(struct guest_view *v, struct transition *t)
{
	const enum x86_mode mode = x86_mode(&t->after);
	struct bases b = { .view = v, .s = &t->after };
	uint64_t table;

	if (mode == MODE_REAL || !v->symbols || !symbols_address(v->symbols, "KeServiceDescriptorTable", &table))
		return;
	b.w = mode == MODE_32 ? &windows32 : &windows64;
	/* Ring 3's page tables may show less than ring 0's. */
	if (t->before.cpl < t->after.cpl)
		b.s = &t->before;
	find_bases(&b, t);
	if (t->frame.count)
		t->named[NAMED_FRAME] = name_of(&b, t->frame.address);
	if (t->gate.kind == GATE_IRET)
		t->named[NAMED_POPPED] = name_of(&b, stack_linear(&t->before));
	t->named[NAMED_RSP] = name_of(&b, stack_linear(&t->after));
	t->named[NAMED_RCX] = name_of(&b, t->after.gpr[GPR_RCX]);
	t->named[NAMED_RDX] = name_of(&b, t->after.gpr[GPR_RDX]);
	if (is_page_fault(t))
		t->named[NAMED_CR2] = name_of(&b, t->after.cr2);
	t->named[NAMED_GS_BASE] = name_of(&b, t->after.gs.base);
	t->named[NAMED_KERNEL_GS_BASE] = name_of(&b, t->after.msr.kernel_gs_base);
	if (t->gate.kind == GATE_WRMSR || t->gate.kind == GATE_RDMSR)
		t->named[NAMED_MSR] = name_of(&b, t->msr_value);
}
