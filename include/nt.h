/*
 * What Windows defines on x64: selectors, the offsets of KPCR, KTRAP_FRAME,
 * KUSER_SHARED_DATA, KTHREAD and TEB that a system call touches, service
 * tables, service numbers and status values, under Windows' own names.
 * Nothing of the processor (x86.h) nor of our choice (abi.h) belongs here.
 * Safe to include from assembly.  Versions differ; where it matters a comment
 * says which one is meant.
 */
#ifndef NT_H
#define NT_H

/*
 * The GDT.  STAR[47:32] = 10h and STAR[63:48] = 23h pin the rows that a sum names.
 *
 *  selector  with RPL  descriptor                what pins it there
 *  00        -         null
 *  10        10        ring 0 code, 64 bits      SYSCALL: CS = STAR[47:32]
 *  18        18        ring 0 data               SYSCALL: SS = STAR[47:32] + 8
 *  20        23        ring 3 code, 32 bits      SYSRETL: CS = STAR[63:48] | 3
 *  28        2B        ring 3 data               SYSRET:  SS = STAR[63:48] + 8
 *  30        33        ring 3 code, 64 bits      SYSRETQ: CS = STAR[63:48] + 16
 *  40        40        TSS, 16 bytes
 *  50        53        ring 3 data, base TEB32   FS of 32-bit code
 */
#define KGDT64_NULL             0x00
#define KGDT64_R0_CODE          0x10
#define KGDT64_R0_DATA          0x18
#define KGDT64_R3_CMCODE        0x20
#define KGDT64_R3_DATA          0x28
#define KGDT64_R3_CODE          0x30
#define KGDT64_SYS_TSS          0x40
#define KGDT64_R3_CMTEB         0x50
#define KGDT64_SIZE             0x58
#define NT_RPL_USER             3

/* The values that Windows gives to the gate MSRs; STAR[31:0] is 0. */
#define NT_STAR_HIGH            ((KGDT64_R3_CMCODE | NT_RPL_USER) << 16 | KGDT64_R0_CODE)
#define NT_FMASK                0x4700          /* NT, DF, IF, TF */

/* IDT: the vectors that ring 3 may raise, and the stacks of three others. */
#define NT_VECTOR_SYSTEM_SERVICE 0x2e
#define NT_IST_DOUBLE_FAULT     1
#define NT_IST_NMI              2
#define NT_IST_MACHINE_CHECK    3

/* KPCR, to which GS points in ring 0; KPRCB is inside it at 180h. */
#define KPCR_GDT_BASE           0x000
#define KPCR_TSS_BASE           0x008
#define KPCR_USER_RSP           0x010           /* 6.0 and later */
#define KPCR_SELF               0x018
#define KPCR_CURRENT_PRCB       0x020
#define KPCR_IDT_BASE           0x038
#define KPCR_PRCB               0x180
#define KPRCB_CURRENT_THREAD    0x008
#define KPRCB_RSP_BASE          0x028
#define KPCR_CURRENT_THREAD     (KPCR_PRCB + KPRCB_CURRENT_THREAD)      /* gs:[188h] */
#define KPCR_RSP_BASE           (KPCR_PRCB + KPRCB_RSP_BASE)            /* gs:[1A8h] */
#define KPCR_SIZE               0x200           /* as much of it as is used here */

/* KTHREAD, the fields that the dispatcher of Windows 10 uses. */
#define KTHREAD_INITIAL_STACK   0x028
#define KTHREAD_MISC_FLAGS      0x078
#define KTHREAD_SYSTEM_CALL_NUMBER 0x080
#define KTHREAD_FIRST_ARGUMENT  0x088
#define KTHREAD_TRAP_FRAME      0x090
#define KTHREAD_PREVIOUS_MODE   0x232
#define KTHREAD_GUI_THREAD      0x80            /* in MISC_FLAGS: win32k is attached */

/* KTRAP_FRAME; RIP to SS are where the processor pushes them. */
#define TF_PREVIOUS_MODE        0x028
#define TF_EXCEPTION_ACTIVE     0x02b
#define TF_RAX                  0x030
#define TF_RCX                  0x038
#define TF_RDX                  0x040
#define TF_R8                   0x048
#define TF_R9                   0x050
#define TF_R10                  0x058
#define TF_R11                  0x060
#define TF_FAULT_ADDRESS        0x0d0
#define TF_RBX                  0x140
#define TF_RDI                  0x148
#define TF_RSI                  0x150
#define TF_RBP                  0x158
#define TF_ERROR_CODE           0x160
#define TF_RIP                  0x168
#define TF_SEG_CS               0x170
#define TF_EFLAGS               0x178
#define TF_RSP                  0x180
#define TF_SEG_SS               0x188
#define TF_SIZE                 0x190

#define TF_BIAS                 0x80            /* RBP = frame + 80h, so that disp8 reaches most of it */
#define TF_ACTIVE_SERVICE       2               /* EXCEPTION_ACTIVE: a frame built by KiSystemCall64 */

/* KUSER_SHARED_DATA: one page, seen at two addresses. */
#define NT_SHARED_USER          0x7ffe0000      /* read-only, ring 3 */
#define NT_SHARED_KERNEL        0xfffff78000000000
#define KUSER_NT_MAJOR_VERSION  0x26c
#define KUSER_NT_MINOR_VERSION  0x270
#define KUSER_NT_BUILD_NUMBER   0x260
#define KUSER_QPC_FREQUENCY     0x300
#define KUSER_SYSTEM_CALL       0x308           /* Windows 10 1511 and later; bit 0: use INT 2Eh */

/* No user address lies at or above this one.  The value of Windows 8.1 and later. */
#define MM_USER_PROBE_ADDRESS   0x7fffffff0000

/*
 * A service descriptor, 20h bytes.  The argument table is not used on x64:
 * an entry of the table is (offset << 4 | number of stack arguments), 32 bits,
 * signed, relative to the table's base.
 */
#define SSDT_BASE               0x00
#define SSDT_COUNTER            0x08
#define SSDT_LIMIT              0x10
#define SSDT_ARGUMENTS          0x18
#define SSDT_SIZE               0x20
#define SSDT_ENTRY_SHIFT        4
#define SSDT_ENTRY_ARGUMENTS    15

/* A service number: index in bits 11:0, table in bits 13:12. */
#define NT_SERVICE_INDEX        0xfff
#define NT_SERVICE_TABLE_SHIFT  12
#define NT_SERVICE_TABLE_WIN32K 1

/* The caller's stack at SYSCALL: return address and 20h bytes of home space, then argument 5. */
#define NT_STACK_ARGUMENTS      0x28
#define NT_HOME_SIZE            0x20

/* Numbers of Windows 10. */
#define NT_READ_FILE            0x006
#define NT_WRITE_FILE           0x008
#define NT_CLOSE                0x00f
#define NT_TERMINATE_PROCESS    0x02c
#define NT_CREATE_FILE          0x055
#define NT_USER_GET_THREAD_STATE 0x1000

/* NTSTATUS. */
#define STATUS_SUCCESS                  0x00000000
#define STATUS_NOT_IMPLEMENTED          0xc0000002
#define STATUS_ACCESS_VIOLATION         0xc0000005
#define STATUS_INVALID_HANDLE           0xc0000008
#define STATUS_INVALID_PARAMETER        0xc000000d
#define STATUS_END_OF_FILE              0xc0000011
#define STATUS_INVALID_SYSTEM_SERVICE   0xc000001c
#define STATUS_ILLEGAL_INSTRUCTION      0xc000001d
#define STATUS_OBJECT_NAME_NOT_FOUND    0xc0000034
#define STATUS_DISK_FULL                0xc000007f
#define STATUS_TOO_MANY_OPENED_FILES    0xc000011f
#define STATUS_UNHANDLED_EXCEPTION      0xc0000144

/* NtCreateFile: dispositions, and what it did (IO_STATUS_BLOCK.Information). */
#define FILE_OPEN                       1
#define FILE_OVERWRITE_IF               5
#define FILE_OPENED                     1
#define FILE_CREATED                    2
#define FILE_OVERWRITTEN                3

/* TEB, 64-bit: to which GS points in ring 3. */
#define TEB64_SELF              0x0030
#define TEB64_TLS_SLOTS         0x1480
#define TEB64_SIZE              0x1800
/* TEB, 32-bit: to which FS points in 32-bit code. */
#define TEB32_SELF              0x0018
#define TEB32_WOW32_RESERVED    0x00c0          /* the way to the 64-bit side */
#define TEB32_SIZE              0x0100

/* WOW64: TLS slot 1 points to a word of flags, a word, and a WOW64_CONTEXT. */
#define WOW64_TLS_CPURESERVED   1
#define CPURESERVED_FLAGS       0
#define CPURESERVED_RESET_STATE 0               /* bit: the whole context must be loaded (IRETQ) */
#define CPURESERVED_CONTEXT     4
#define WOW64_CONTEXT_EDI       0x9c
#define WOW64_CONTEXT_ESI       0xa0
#define WOW64_CONTEXT_EBX       0xa4
#define WOW64_CONTEXT_EDX       0xa8
#define WOW64_CONTEXT_ECX       0xac
#define WOW64_CONTEXT_EAX       0xb0
#define WOW64_CONTEXT_EBP       0xb4
#define WOW64_CONTEXT_EIP       0xb8
#define WOW64_CONTEXT_SEG_CS    0xbc
#define WOW64_CONTEXT_EFLAGS    0xc0
#define WOW64_CONTEXT_ESP       0xc4
#define WOW64_CONTEXT_SEG_SS    0xc8
#define WOW64_CONTEXT_SIZE      0x2cc

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

/* The sums of SYSCALL and SYSRET, whatever STAR a guest is built with: the tracer is to see a wrong one. */
_Static_assert(KGDT64_R0_CODE + 8 == KGDT64_R0_DATA, "SYSCALL: SS");
_Static_assert(KGDT64_R3_CMCODE + 8 == KGDT64_R3_DATA, "SYSRET: SS");
_Static_assert(KGDT64_R3_CMCODE + 16 == KGDT64_R3_CODE, "SYSRETQ: CS");

struct ktrap_frame {
	uint64_t home[5];
	uint8_t previous_mode, previous_irql, fault_indicator, exception_active;
	uint32_t mxcsr;
	uint64_t rax, rcx, rdx, r8, r9, r10, r11;
	uint64_t gs_base;
	uint64_t xmm[12];
	uint64_t fault_address;
	uint64_t dr0, dr1, dr2, dr3, dr6, dr7;
	uint64_t debug[5];
	uint16_t seg_ds, seg_es, seg_fs, seg_gs;
	uint64_t trap_frame;
	uint64_t rbx, rdi, rsi, rbp;
	uint64_t error_code;
	uint64_t rip;
	uint64_t seg_cs;
	uint64_t eflags;
	uint64_t rsp;
	uint64_t seg_ss;
};

#define TF_ASSERT(field, offset) _Static_assert(offsetof(struct ktrap_frame, field) == (offset), #field)
TF_ASSERT(previous_mode, TF_PREVIOUS_MODE);
TF_ASSERT(exception_active, TF_EXCEPTION_ACTIVE);
TF_ASSERT(rax, TF_RAX);
TF_ASSERT(rcx, TF_RCX);
TF_ASSERT(rdx, TF_RDX);
TF_ASSERT(r8, TF_R8);
TF_ASSERT(r9, TF_R9);
TF_ASSERT(r10, TF_R10);
TF_ASSERT(r11, TF_R11);
TF_ASSERT(gs_base, 0x68);
TF_ASSERT(fault_address, TF_FAULT_ADDRESS);
TF_ASSERT(dr0, 0xd8);
TF_ASSERT(debug, 0x108);
TF_ASSERT(seg_ds, 0x130);
TF_ASSERT(trap_frame, 0x138);
TF_ASSERT(rbx, TF_RBX);
TF_ASSERT(rdi, TF_RDI);
TF_ASSERT(rsi, TF_RSI);
TF_ASSERT(rbp, TF_RBP);
TF_ASSERT(error_code, TF_ERROR_CODE);
TF_ASSERT(rip, TF_RIP);
TF_ASSERT(seg_cs, TF_SEG_CS);
TF_ASSERT(eflags, TF_EFLAGS);
TF_ASSERT(rsp, TF_RSP);
TF_ASSERT(seg_ss, TF_SEG_SS);
#undef TF_ASSERT
_Static_assert(sizeof(struct ktrap_frame) == TF_SIZE, "KTRAP_FRAME");

struct service_descriptor {             /* KSERVICE_TABLE_DESCRIPTOR */
	uint64_t base;
	uint64_t counter;
	uint64_t limit;                 /* number of services */
	uint64_t arguments;
};
_Static_assert(offsetof(struct service_descriptor, limit) == SSDT_LIMIT, "limit");
_Static_assert(sizeof(struct service_descriptor) == SSDT_SIZE, "KSERVICE_TABLE_DESCRIPTOR");

/* What NtCreateFile and its like read and write in the caller's memory, 64-bit and 32-bit. */
struct unicode_string { uint16_t length, maximum_length; uint64_t buffer; };            /* lengths in bytes */
struct unicode_string32 { uint16_t length, maximum_length; uint32_t buffer; };
struct io_status_block { uint64_t status, information; };
struct io_status_block32 { uint32_t status, information; };
struct object_attributes {
	uint32_t length;
	uint64_t root_directory, object_name;
	uint32_t attributes;
	uint64_t security_descriptor, security_qos;
};
struct object_attributes32 {
	uint32_t length, root_directory, object_name, attributes, security_descriptor, security_qos;
};
#ifdef __x86_64__                       /* a 32-bit compiler aligns 64-bit members to 4 */
_Static_assert(sizeof(struct unicode_string) == 0x10, "UNICODE_STRING");
_Static_assert(sizeof(struct object_attributes) == 0x30, "OBJECT_ATTRIBUTES");
#endif
_Static_assert(sizeof(struct unicode_string32) == 8, "UNICODE_STRING, 32 bits");
_Static_assert(sizeof(struct object_attributes32) == 0x18, "OBJECT_ATTRIBUTES, 32 bits");
#endif

#endif
