/*
 * What Windows defines on x86, as far as a system call touches it: selectors,
 * KTRAP_FRAME, KPCR, KPRCB, KTHREAD, TEB, KUSER_SHARED_DATA, service tables and
 * service numbers.  What both architectures share (NTSTATUS and the like) is in
 * nt.h; the processor is in x86.h.  Safe to include from assembly.
 *
 * The offsets are those of Windows 7, which document 001 takes apart.  Document
 * 002 prints an older KPRCB (Windows XP); fields that only it names are at its
 * offsets and marked XP.  None of them overlaps one of Windows 7 used here.
 */
#ifndef NT32_H
#define NT32_H

#include "nt.h"

/*
 * The GDT.  SYSENTER_CS = 8 pins the first four rows in this order.
 *
 *  selector  with RPL  descriptor                what pins it there
 *  00        -         null
 *  08        08        ring 0 code               SYSENTER: CS = SYSENTER_CS
 *  10        10        ring 0 data               SYSENTER: SS = SYSENTER_CS + 8
 *  18        1B        ring 3 code               SYSEXIT:  CS = (SYSENTER_CS + 16) | 3
 *  20        23        ring 3 data               SYSEXIT:  SS = (SYSENTER_CS + 24) | 3
 *  28        28        TSS                       TR; SS0:ESP0 for INT and faults
 *  30        30        ring 0 data, base KPCR    FS in ring 0
 *  38        3B        ring 3 data, base TEB     FS in ring 3
 *  50        50        TSS of the double fault   a task gate: its own stack
 *  58        58        TSS of NMI                a task gate
 */
#define KGDT32_NULL             0x00
#define KGDT32_R0_CODE          0x08
#define KGDT32_R0_DATA          0x10
#define KGDT32_R3_CODE          0x18
#define KGDT32_R3_DATA          0x20
#define KGDT32_TSS              0x28
#define KGDT32_R0_PCR           0x30
#define KGDT32_R3_TEB           0x38
#define KGDT32_DF_TSS           0x50
#define KGDT32_NMI_TSS          0x58
#define KGDT32_SIZE             0x60

/* IDT: the vectors that ring 3 may raise; 2Eh (NT_VECTOR_SYSTEM_SERVICE) is the last of them. */
#define NT32_VECTOR_FIRST_USER  0x2a

/* KTRAP_FRAME, 3.10 to Windows 8; EIP to SS are where the processor pushes them. */
#define TF32_DBG_EBP            0x00
#define TF32_DBG_EIP            0x04
#define TF32_DBG_ARG_MARK       0x08
#define TF32_DBG_ARG_POINTER    0x0c
#define TF32_TEMP_SEG_CS        0x10            /* its upper bytes have found other uses: */
#define TF32_LOGGING            0x12            /* whether this call is logged, */
#define TF32_FRAME_TYPE         0x13            /* and how it came in (the values are ours) */
#define TF32_TEMP_ESP           0x14
#define TF32_DR0                0x18
#define TF32_DR1                0x1c
#define TF32_DR2                0x20
#define TF32_DR3                0x24
#define TF32_DR6                0x28
#define TF32_DR7                0x2c
#define TF32_SEG_GS             0x30
#define TF32_SEG_ES             0x34
#define TF32_SEG_DS             0x38
#define TF32_EDX                0x3c            /* of a system call: the thread's frame before this one */
#define TF32_ECX                0x40
#define TF32_EAX                0x44
#define TF32_PREVIOUS_MODE      0x48            /* PreviousPreviousMode */
#define TF32_EXCEPTION_LIST     0x4c
#define TF32_SEG_FS             0x50
#define TF32_EDI                0x54
#define TF32_ESI                0x58
#define TF32_EBX                0x5c
#define TF32_EBP                0x60
#define TF32_ERROR_CODE         0x64
#define TF32_EIP                0x68
#define TF32_SEG_CS             0x6c
#define TF32_EFLAGS             0x70
#define TF32_ESP                0x74
#define TF32_SEG_SS             0x78
#define TF32_V86_ES             0x7c            /* from here on: virtual-8086 mode only */
#define TF32_SIZE               0x8c
#define TF32_V86_SIZE           (TF32_SIZE - TF32_V86_ES)

#define TF32_ARG_MARK           0xbadb0d00      /* DBG_ARG_MARK of a system call; 5.2 SP1 and later */
#define TF32_TYPE_INTERRUPT     0               /* FRAME_TYPE: goes back by IRETD */
#define TF32_TYPE_FAST          1               /* built by KiFastCallEntry: goes back by SYSEXIT */

/* Above the frame lies room for the FPU's state: ESP0 = InitialStack - 210h - 10h. */
#define NT32_NPX_FRAME_LENGTH   0x210

/* KPCR, to which FS points in ring 0; KPRCB is inside it at 120h. */
#define KPCR32_EXCEPTION_LIST   0x000           /* NtTib.ExceptionList */
#define KPCR32_TEB              0x018           /* NtTib.Self: of the thread that runs */
#define KPCR32_SELF_PCR         0x01c
#define KPCR32_PRCB_POINTER     0x020
#define KPCR32_IRQL             0x024
#define KPCR32_IRR              0x028           /* software interrupts asked for, a bit a level */
#define KPCR32_IDT              0x038
#define KPCR32_GDT              0x03c
#define KPCR32_TSS              0x040
#define KPCR32_MAJOR_VERSION    0x044
#define KPCR32_MINOR_VERSION    0x046
#define KPCR32_SET_MEMBER       0x048
#define KPCR32_NUMBER           0x051
#define KPCR32_PRCB             0x120
#define KPRCB32_CURRENT_THREAD  0x004
#define KPRCB32_NEXT_THREAD     0x008
#define KPRCB32_IDLE_THREAD     0x00c
#define KPRCB32_CONTEXT_SWITCHES 0x4fc          /* XP */
#define KPRCB32_XP_SYSTEM_CALLS 0x518           /* XP: where document 002 has the counter */
#define KPRCB32_SYSTEM_CALLS    0x590           /* where document 001 increments it, fs:[6B0h] */
#define KPRCB32_DPC_LIST_HEAD   0x860           /* XP, as all the rest */
#define KPRCB32_DPC_COUNT       0x86c
#define KPRCB32_DPC_QUEUE_DEPTH 0x870
#define KPRCB32_DPC_ROUTINE_ACTIVE 0x874
#define KPRCB32_QUANTUM_END     0x88c
#define KPRCB32_FEATURE_BITS    0x914
#define KPRCB32_SIZE            0x920           /* as much of it as is used here */
#define KPCR32_CURRENT_THREAD   (KPCR32_PRCB + KPRCB32_CURRENT_THREAD)          /* fs:[124h] */
#define KPCR32_SYSTEM_CALLS     (KPCR32_PRCB + KPRCB32_SYSTEM_CALLS)            /* fs:[6B0h] */
#define KPCR32_SIZE             (KPCR32_PRCB + KPRCB32_SIZE)

#define KF32_FAST_SYSCALL       0x1000          /* FEATURE_BITS: SYSENTER is there and sound */

/* KTHREAD of Windows 7. */
#define KTHREAD32_INITIAL_STACK 0x028
#define KTHREAD32_STACK_LIMIT   0x02c
#define KTHREAD32_KERNEL_STACK  0x030           /* ESP while it does not run */
#define KTHREAD32_APC_STATE     0x040
#define KTHREAD32_USER_APC_LIST 0x048           /* ApcState.ApcListHead[UserMode] */
#define KTHREAD32_USER_APC_PENDING 0x056        /* ApcState.UserApcPending */
#define KTHREAD32_TEB           0x088
#define KTHREAD32_SERVICE_TABLE 0x0bc
#define KTHREAD32_TRAP_FRAME    0x128
#define KTHREAD32_FIRST_ARGUMENT 0x12c
#define KTHREAD32_PREVIOUS_MODE 0x13a
#define KTHREAD32_SYSTEM_CALL_NUMBER 0x13c
#define KTHREAD32_SIZE          0x200

/* TEB, to which FS points in ring 3. */
#define TEB32_EXCEPTION_LIST    0x000
#define TEB32_GDI_BATCH_COUNT   0xf70

/* KUSER_SHARED_DATA: one page, seen at two addresses (nt.h has the user's). */
#define NT32_SHARED_KERNEL      0xffdf0000
#define KUSER32_TEST_RET        0x2f8
#define KUSER32_SYSTEM_CALL     0x300           /* address of the code that enters the kernel */
#define KUSER32_SYSTEM_CALL_RETURN 0x304        /* where SYSEXIT goes */
#define KUSER32_TICK_COUNT      0x320
#define KUSER32_COOKIE          0x330
#define KUSER32_SIZE            0x5f0

/* No user address lies at or above this one. */
#define MM32_USER_PROBE_ADDRESS 0x7fff0000

/* A service descriptor, 10h bytes: addresses of 4 bytes each, and argument sizes of one byte each. */
#define SSDT32_BASE             0x00
#define SSDT32_COUNT            0x04
#define SSDT32_LIMIT            0x08
#define SSDT32_ARGUMENTS        0x0c
#define SSDT32_SIZE             0x10
#define NT32_SERVICE_TABLE_SHIFT 8              /* (EAX >> 8) & 10h is the descriptor's offset */

/* Numbers and limits of Windows 7. */
#define NT32_CLOSE              0x032
#define NT32_CONTINUE           0x03c
#define NT32_CREATE_FILE        0x042
#define NT32_QUEUE_APC_THREAD   0x10d
#define NT32_READ_FILE          0x111
#define NT32_TERMINATE_PROCESS  0x172
#define NT32_TEST_ALERT         0x174
#define NT32_WRITE_FILE         0x18c
#define NT32_YIELD_EXECUTION    0x190
#define NT32_LIMIT              0x191
#define W32_32_LIMIT            0x339

/* NTSTATUS that only this architecture's part uses. */
#define STATUS_ALREADY_WIN32            0x4000001b
#define STATUS_UNSUCCESSFUL             0xc0000001
#define STATUS_NOT_SUPPORTED            0xc00000bb

/* IRQL. */
#define PASSIVE_LEVEL           0
#define APC_LEVEL               1
#define DISPATCH_LEVEL          2

/* Bug check codes. */
#define IRQL_NOT_GREATER_OR_EQUAL       0x09

#ifndef __ASSEMBLER__

#define NT32_OFFSET(type, field, offset) _Static_assert(offsetof(struct type, field) == (offset), #field)

struct ktrap_frame32 {
	uint32_t dbg_ebp, dbg_eip, dbg_arg_mark, dbg_arg_pointer;
	uint16_t temp_seg_cs;
	uint8_t logging, frame_type;
	uint32_t temp_esp;
	uint32_t dr0, dr1, dr2, dr3, dr6, dr7;
	uint32_t seg_gs, seg_es, seg_ds;
	uint32_t edx, ecx, eax;
	uint32_t previous_mode, exception_list;
	uint32_t seg_fs;
	uint32_t edi, esi, ebx, ebp;
	uint32_t error_code;
	uint32_t eip, seg_cs, eflags;
	uint32_t esp, seg_ss;                   /* only when the privilege changed */
	uint32_t v86_es, v86_ds, v86_fs, v86_gs;
};
NT32_OFFSET(ktrap_frame32, dbg_ebp, TF32_DBG_EBP);
NT32_OFFSET(ktrap_frame32, dbg_eip, TF32_DBG_EIP);
NT32_OFFSET(ktrap_frame32, dbg_arg_mark, TF32_DBG_ARG_MARK);
NT32_OFFSET(ktrap_frame32, dbg_arg_pointer, TF32_DBG_ARG_POINTER);
NT32_OFFSET(ktrap_frame32, temp_seg_cs, TF32_TEMP_SEG_CS);
NT32_OFFSET(ktrap_frame32, logging, TF32_LOGGING);
NT32_OFFSET(ktrap_frame32, frame_type, TF32_FRAME_TYPE);
NT32_OFFSET(ktrap_frame32, temp_esp, TF32_TEMP_ESP);
NT32_OFFSET(ktrap_frame32, dr0, TF32_DR0);
NT32_OFFSET(ktrap_frame32, dr1, TF32_DR1);
NT32_OFFSET(ktrap_frame32, dr2, TF32_DR2);
NT32_OFFSET(ktrap_frame32, dr3, TF32_DR3);
NT32_OFFSET(ktrap_frame32, dr6, TF32_DR6);
NT32_OFFSET(ktrap_frame32, dr7, TF32_DR7);
NT32_OFFSET(ktrap_frame32, seg_gs, TF32_SEG_GS);
NT32_OFFSET(ktrap_frame32, seg_es, TF32_SEG_ES);
NT32_OFFSET(ktrap_frame32, seg_ds, TF32_SEG_DS);
NT32_OFFSET(ktrap_frame32, edx, TF32_EDX);
NT32_OFFSET(ktrap_frame32, ecx, TF32_ECX);
NT32_OFFSET(ktrap_frame32, eax, TF32_EAX);
NT32_OFFSET(ktrap_frame32, previous_mode, TF32_PREVIOUS_MODE);
NT32_OFFSET(ktrap_frame32, exception_list, TF32_EXCEPTION_LIST);
NT32_OFFSET(ktrap_frame32, seg_fs, TF32_SEG_FS);
NT32_OFFSET(ktrap_frame32, edi, TF32_EDI);
NT32_OFFSET(ktrap_frame32, esi, TF32_ESI);
NT32_OFFSET(ktrap_frame32, ebx, TF32_EBX);
NT32_OFFSET(ktrap_frame32, ebp, TF32_EBP);
NT32_OFFSET(ktrap_frame32, error_code, TF32_ERROR_CODE);
NT32_OFFSET(ktrap_frame32, eip, TF32_EIP);
NT32_OFFSET(ktrap_frame32, seg_cs, TF32_SEG_CS);
NT32_OFFSET(ktrap_frame32, eflags, TF32_EFLAGS);
NT32_OFFSET(ktrap_frame32, esp, TF32_ESP);
NT32_OFFSET(ktrap_frame32, seg_ss, TF32_SEG_SS);
NT32_OFFSET(ktrap_frame32, v86_es, TF32_V86_ES);
_Static_assert(sizeof(struct ktrap_frame32) == TF32_SIZE, "KTRAP_FRAME");

struct list_entry32 { uint32_t flink, blink; };

struct kdpc32 {
	uint8_t type, number;
	uint16_t importance;
	struct list_entry32 list;
	uint32_t routine, context, argument1, argument2, lock;
};
_Static_assert(sizeof(struct kdpc32) == 0x20, "KDPC");

struct kapc32 {
	uint8_t type, spare0, size, spare1;
	uint32_t spare_long;
	uint32_t thread;
	struct list_entry32 list;
	uint32_t kernel_routine, rundown_routine;
	uint32_t normal_routine, normal_context, argument1, argument2;
	uint8_t state_index, mode, inserted, reserved;
};
_Static_assert(sizeof(struct kapc32) == 0x30, "KAPC");

struct kprcb32 {
	uint16_t minor_version, major_version;
	uint32_t current_thread, next_thread, idle_thread;
	uint8_t number, reserved;
	uint16_t build_type;
	uint32_t set_member;
	uint8_t cpu_type, cpu_id;
	uint16_t cpu_step;
	uint8_t unused0[KPRCB32_CONTEXT_SWITCHES - 0x1c];
	uint32_t context_switches;
	uint8_t unused1[KPRCB32_XP_SYSTEM_CALLS - KPRCB32_CONTEXT_SWITCHES - 4];
	uint32_t xp_system_calls;
	uint8_t unused2[KPRCB32_SYSTEM_CALLS - KPRCB32_XP_SYSTEM_CALLS - 4];
	uint32_t system_calls;
	uint8_t unused3[KPRCB32_DPC_LIST_HEAD - KPRCB32_SYSTEM_CALLS - 4];
	struct list_entry32 dpc_list_head;
	uint32_t dpc_stack;
	uint32_t dpc_count, dpc_queue_depth, dpc_routine_active;
	uint8_t unused4[KPRCB32_QUANTUM_END - KPRCB32_DPC_ROUTINE_ACTIVE - 4];
	uint32_t quantum_end;
	uint8_t unused5[KPRCB32_FEATURE_BITS - KPRCB32_QUANTUM_END - 4];
	uint32_t feature_bits;
	uint8_t unused6[KPRCB32_SIZE - KPRCB32_FEATURE_BITS - 4];
};
NT32_OFFSET(kprcb32, current_thread, KPRCB32_CURRENT_THREAD);
NT32_OFFSET(kprcb32, next_thread, KPRCB32_NEXT_THREAD);
NT32_OFFSET(kprcb32, idle_thread, KPRCB32_IDLE_THREAD);
NT32_OFFSET(kprcb32, context_switches, KPRCB32_CONTEXT_SWITCHES);
NT32_OFFSET(kprcb32, xp_system_calls, KPRCB32_XP_SYSTEM_CALLS);
NT32_OFFSET(kprcb32, system_calls, KPRCB32_SYSTEM_CALLS);
NT32_OFFSET(kprcb32, dpc_list_head, KPRCB32_DPC_LIST_HEAD);
NT32_OFFSET(kprcb32, dpc_count, KPRCB32_DPC_COUNT);
NT32_OFFSET(kprcb32, dpc_queue_depth, KPRCB32_DPC_QUEUE_DEPTH);
NT32_OFFSET(kprcb32, dpc_routine_active, KPRCB32_DPC_ROUTINE_ACTIVE);
NT32_OFFSET(kprcb32, quantum_end, KPRCB32_QUANTUM_END);
NT32_OFFSET(kprcb32, feature_bits, KPRCB32_FEATURE_BITS);
_Static_assert(sizeof(struct kprcb32) == KPRCB32_SIZE, "KPRCB");

struct kpcr32 {
	struct {
		uint32_t exception_list, stack_base, stack_limit, sub_system_tib, version, user_pointer;
		uint32_t self;
	} tib;
	uint32_t self_pcr, prcb_pointer;
	uint8_t irql, unused0[3];
	uint32_t irr, irr_active, idr, kd_version_block;
	uint32_t idt, gdt, tss;
	uint16_t major_version, minor_version;
	uint32_t set_member, stall_scale_factor;
	uint8_t debug_active, number, spare0, second_level_cache_associativity;
	uint8_t unused1[KPCR32_PRCB - 0x54];
	struct kprcb32 prcb;
};
NT32_OFFSET(kpcr32, tib.exception_list, KPCR32_EXCEPTION_LIST);
NT32_OFFSET(kpcr32, tib.self, KPCR32_TEB);
NT32_OFFSET(kpcr32, self_pcr, KPCR32_SELF_PCR);
NT32_OFFSET(kpcr32, prcb_pointer, KPCR32_PRCB_POINTER);
NT32_OFFSET(kpcr32, irql, KPCR32_IRQL);
NT32_OFFSET(kpcr32, irr, KPCR32_IRR);
NT32_OFFSET(kpcr32, idt, KPCR32_IDT);
NT32_OFFSET(kpcr32, gdt, KPCR32_GDT);
NT32_OFFSET(kpcr32, tss, KPCR32_TSS);
NT32_OFFSET(kpcr32, major_version, KPCR32_MAJOR_VERSION);
NT32_OFFSET(kpcr32, minor_version, KPCR32_MINOR_VERSION);
NT32_OFFSET(kpcr32, set_member, KPCR32_SET_MEMBER);
NT32_OFFSET(kpcr32, number, KPCR32_NUMBER);
NT32_OFFSET(kpcr32, prcb, KPCR32_PRCB);
NT32_OFFSET(kpcr32, prcb.current_thread, 0x124);
NT32_OFFSET(kpcr32, prcb.system_calls, 0x6b0);

struct kthread32 {
	uint8_t unused0[KTHREAD32_INITIAL_STACK];
	uint32_t initial_stack, stack_limit, kernel_stack;
	uint8_t unused1[KTHREAD32_APC_STATE - KTHREAD32_KERNEL_STACK - 4];
	struct {
		struct list_entry32 list_head[2];       /* kernel mode, user mode */
		uint32_t process;
		uint8_t kernel_apc_in_progress, kernel_apc_pending, user_apc_pending, priority;
	} apc_state;
	uint8_t unused2[KTHREAD32_TEB - KTHREAD32_APC_STATE - 0x18];
	uint32_t teb;
	uint8_t unused3[KTHREAD32_SERVICE_TABLE - KTHREAD32_TEB - 4];
	uint32_t service_table;
	uint8_t unused4[KTHREAD32_TRAP_FRAME - KTHREAD32_SERVICE_TABLE - 4];
	uint32_t trap_frame, first_argument;
	uint8_t unused5[KTHREAD32_PREVIOUS_MODE - KTHREAD32_FIRST_ARGUMENT - 4];
	uint8_t previous_mode;                          /* 0 kernel, 1 user */
	uint8_t unused6;
	uint32_t system_call_number;
	uint8_t unused7[KTHREAD32_SIZE - KTHREAD32_SYSTEM_CALL_NUMBER - 4];
};
NT32_OFFSET(kthread32, initial_stack, KTHREAD32_INITIAL_STACK);
NT32_OFFSET(kthread32, stack_limit, KTHREAD32_STACK_LIMIT);
NT32_OFFSET(kthread32, kernel_stack, KTHREAD32_KERNEL_STACK);
NT32_OFFSET(kthread32, apc_state, KTHREAD32_APC_STATE);
NT32_OFFSET(kthread32, apc_state.list_head[1], KTHREAD32_USER_APC_LIST);
NT32_OFFSET(kthread32, apc_state.user_apc_pending, KTHREAD32_USER_APC_PENDING);
NT32_OFFSET(kthread32, teb, KTHREAD32_TEB);
NT32_OFFSET(kthread32, service_table, KTHREAD32_SERVICE_TABLE);
NT32_OFFSET(kthread32, trap_frame, KTHREAD32_TRAP_FRAME);
NT32_OFFSET(kthread32, first_argument, KTHREAD32_FIRST_ARGUMENT);
NT32_OFFSET(kthread32, previous_mode, KTHREAD32_PREVIOUS_MODE);
NT32_OFFSET(kthread32, system_call_number, KTHREAD32_SYSTEM_CALL_NUMBER);
_Static_assert(sizeof(struct kthread32) == KTHREAD32_SIZE, "KTHREAD");

struct service_descriptor32 { uint32_t base, count, limit, arguments; };
NT32_OFFSET(service_descriptor32, base, SSDT32_BASE);
NT32_OFFSET(service_descriptor32, count, SSDT32_COUNT);
NT32_OFFSET(service_descriptor32, limit, SSDT32_LIMIT);
NT32_OFFSET(service_descriptor32, arguments, SSDT32_ARGUMENTS);
_Static_assert(sizeof(struct service_descriptor32) == SSDT32_SIZE, "KSERVICE_TABLE_DESCRIPTOR");

/* CONTEXT; WOW64_CONTEXT is its copy, so the offsets are those of nt.h. */
struct context32 {
	uint32_t flags, dr[6];
	uint8_t float_save[0x70];
	uint32_t seg_gs, seg_fs, seg_es, seg_ds;
	uint32_t edi, esi, ebx, edx, ecx, eax, ebp;
	uint32_t eip, seg_cs, eflags, esp, seg_ss;
	uint8_t extended[0x200];
};
NT32_OFFSET(context32, edi, WOW64_CONTEXT_EDI);
NT32_OFFSET(context32, eip, WOW64_CONTEXT_EIP);
NT32_OFFSET(context32, eflags, WOW64_CONTEXT_EFLAGS);
NT32_OFFSET(context32, seg_ss, WOW64_CONTEXT_SEG_SS);
_Static_assert(sizeof(struct context32) == WOW64_CONTEXT_SIZE, "CONTEXT");
#define CONTEXT32_FULL          0x10007         /* control, integer and segment registers */

_Static_assert(KGDT32_R0_DATA == KGDT32_R0_CODE + 8, "SYSENTER: SS");
_Static_assert(KGDT32_R3_CODE == KGDT32_R0_CODE + 16, "SYSEXIT: CS");
_Static_assert(KGDT32_R3_DATA == KGDT32_R0_CODE + 24, "SYSEXIT: SS");
_Static_assert(TF32_PREVIOUS_MODE == 0x48, "KiSystemService: sub esp, 48h");
_Static_assert(TF32_V86_SIZE == 0x10, "ESP0 = frame + 7Ch");
#endif

#endif
