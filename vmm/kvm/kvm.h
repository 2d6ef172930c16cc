/*
 * The Linux KVM API as the rest of the program sees it: a VM and its vCPUs,
 * its memory, its state and its exits.  A struct vm is one vCPU of a machine.  <linux/kvm.h> is included only by the
 * files behind this header.
 *
 * Functions that return int return 0 or a negative errno, after one message
 * (message.h) that names the ioctl.
 */
#ifndef KVM_KVM_H
#define KVM_KVM_H

#include "model/model.h"
#include "model/state.h"

#include <stddef.h>
#include <stdint.h>

struct vm;

/* More would reach into what a PC keeps below 4 GiB for devices and KVM for itself. */
#define VM_MEMORY_MAX UINT64_C(0xc0000000)
#define VM_CPUS_MAX   16

struct vm_config {
	const char *device;             /* "/dev/kvm" */
	uint64_t memory_size;           /* bytes from physical address 0, a multiple of 4096 */
	bool cpu_vendor_set;            /* otherwise the guest sees the host's CPUID vendor */
	enum vendor cpu_vendor;
	bool irqchip;                   /* PIC, IOAPIC, a LAPIC for each vCPU, and a PIT; without, HLT exits */
	unsigned cpus;                  /* vCPUs that CPUID tells of, up to VM_CPUS_MAX; 0: one.  More want an irqchip */
};

/* The machine, and its first vCPU, number 0. */
int vm_open(struct vm **vm, const struct vm_config *config);
/*
 * One more vCPU, from 1 to cpus - 1, of the machine that first belongs to.  It
 * waits for INIT and SIPI, as the application processors of a PC do.  What is
 * said below of memory, MSR exits and interrupt lines concerns the machine, by
 * whichever vCPU; the rest, that vCPU.  Only one may be in vm_run at a time.
 */
int vm_add_cpu(struct vm **cpu, struct vm *first, unsigned index);
unsigned vm_index(const struct vm *vm);
/* The machine ends with its last vCPU. */
void vm_close(struct vm *vm);

/* Set an interrupt line: 0 to 15 as ISA numbers them.  Without an irqchip: nothing. */
int vm_irq_line(struct vm *vm, unsigned gsi, bool level);

/*
 * Guest-physical memory [gpa, gpa + size), or NULL when any byte of it is
 * outside.  The pointer is valid until vm_close.
 */
void *vm_memory(struct vm *vm, uint64_t gpa, uint64_t size);
uint64_t vm_memory_size(const struct vm *vm);

/* Bit 0 of each byte: whether the page from gpa on has ever been touched; others read as zero.  False: not known. */
bool vm_memory_resident(struct vm *vm, uint64_t gpa, uint64_t pages, uint8_t *resident);

/*
 * Zeroed memory at gpa that is not the guest's: vm_memory does not give it.  Once for each machine, above its memory
 * and where no device is; NULL after a message.  Valid until the machine's end.
 */
void *vm_private_memory(struct vm *vm, uint64_t gpa, uint64_t size);

/*
 * A write by the guest to the page of gpa exits as EXIT_PROTECTED, with nothing
 * of the instruction done, until vm_unprotect lets it write everywhere again.
 * What vm_memory gives stays writable.
 */
int vm_protect(struct vm *vm, uint64_t gpa);
int vm_unprotect(struct vm *vm);

/* Which parts of struct x86_state are read or written. */
enum { VM_REGS = 1, VM_SREGS = 2, VM_MSRS = 4, VM_ALL = 7 };

/*
 * RFLAGS read after a step has the guest's TF hidden by KVM: it reads 0.
 * cpl is SS.DPL, as KVM has it: vm_set_state takes it from ss.dpl.
 */
int vm_get_state(struct vm *vm, struct x86_state *s, unsigned parts);
int vm_set_state(struct vm *vm, const struct x86_state *s, unsigned parts);

/* One MSR, as the host sees it: no filter, no exit.  -ENXIO when KVM does not know it (no message). */
int vm_get_msr(struct vm *vm, uint32_t index, uint64_t *value);
int vm_set_msr(struct vm *vm, uint32_t index, uint64_t value);

/* Make RDMSR and WRMSR of these MSRs by the guest exit as EXIT_RDMSR, EXIT_WRMSR. */
int vm_trap_msrs(struct vm *vm, const uint32_t *indices, size_t count);

enum vm_exit_kind {
	EXIT_DEBUG,             /* a single step ended, or a breakpoint */
	EXIT_HLT,               /* RIP is behind the HLT; never with an irqchip: see vm_is_halted */
	EXIT_PIO, EXIT_MMIO,
	EXIT_RDMSR, EXIT_WRMSR,
	EXIT_SHUTDOWN,          /* triple fault; on SVM the registers are lost */
	EXIT_FAIL_ENTRY, EXIT_INTERNAL_ERROR,
	EXIT_INTERRUPTED,       /* vm_interrupt */
	EXIT_PROTECTED,         /* the guest writes where vm_protect forbids it */
	EXIT_OTHER
};

struct vm_exit {
	enum vm_exit_kind kind;
	uint32_t reason;                /* KVM's own number */
	union {
		struct { uint16_t port; uint8_t size; bool out; uint32_t count; void *data; } pio;
		struct { uint64_t gpa; uint32_t size; bool write; void *data; } mmio;
		struct { uint32_t index; uint64_t value; } msr;
		struct { uint32_t exception; uint64_t pc, dr6, dr7; } debug;
		struct { uint64_t hardware_reason; } fail_entry;
		struct { uint32_t suberror; } internal;
	};
};

enum vm_run_mode {
	RUN_FREE,               /* until something exits; no interrupt, NMI or SMI is delivered */
	RUN_STEP,               /* one instruction, TF lent; no interrupt either */
	RUN_LOOSE               /* until something exits; what is pending is delivered */
};

/*
 * Enter the guest.  After EXIT_PIO, EXIT_MMIO, EXIT_RDMSR and EXIT_WRMSR the
 * answer (pio.data, mmio.data, vm_answer_msr) is taken at the next entry,
 * which ends with EXIT_DEBUG when that one is a RUN_STEP.
 */
int vm_run(struct vm *vm, enum vm_run_mode mode, struct vm_exit *exit);

/* How often the vCPUs of this machine have left the guest for us, by whatever exit. */
uint64_t vm_exits(const struct vm *vm);

/* After EXIT_RDMSR (value) or EXIT_WRMSR: go on, or take #GP(0). */
void vm_answer_msr(struct vm *vm, uint64_t value, bool fault);

#define VM_BREAKPOINTS 4        /* DR0 to DR3 */
/* DR7, SDM vol. 3B, 17.2.4: Ln or Gn, breakpoint n is in force; RWn of 0: on execution. */
#define DR7_ENABLED(dr7, n)     ((dr7) >> 2 * (n) & 3)
#define DR7_ANY                 0xff            /* L0 to G3 */
#define DR7_RW(dr7, n)          ((dr7) >> (16 + 4 * (n)) & 3)
#define DR7_RW_READ_WRITE       3

/*
 * EXIT_DEBUG before an instruction at one of these linear addresses, at all
 * further entries.  While there are any, the guest's own DR7 is not in force.
 */
void vm_breakpoints(struct vm *vm, const uint64_t *linear, unsigned count);
/* Keep the guest's own DR7 out of force, though there be none of these. */
void vm_hold_breakpoints(struct vm *vm, bool hold);
/* The same at every INT3, for the probe. */
void vm_intercept_int3(struct vm *vm, bool intercept);

/* The next entry starts by delivering this exception through the guest's IDT.  DR6, CR2: the caller's. */
int vm_inject(struct vm *vm, uint8_t vector, bool has_error, uint32_t error);

/* The guest's own debug registers. */
struct vm_debug { uint64_t dr[VM_BREAKPOINTS], dr6, dr7; };
int vm_get_debug(struct vm *vm, struct vm_debug *debug);
int vm_set_dr6(struct vm *vm, uint64_t value);

/*
 * Take the IDT away: every exception becomes EXIT_SHUTDOWN, and where KVM keeps
 * the registers then (PROBE_SHUTDOWN) the guest still stands at the
 * instruction that raised it.  vm_return_idt gives it back, CR2 with it.
 */
void vm_withhold_idt(struct vm *vm);
void vm_return_idt(struct vm *vm);

/* An NMI whose handler was just entered waits again, and is not blocked: its delivery has been undone. */
int vm_put_back_nmi(struct vm *vm);

/* Forget what is being delivered or pending: exceptions, interrupts, NMIs, their shadows. */
int vm_clear_events(struct vm *vm);

/*
 * Make the current or the next vm_run, of whichever vCPU of this machine, return
 * EXIT_INTERRUPTED.  Async-signal-safe.  It is the signal that ends KVM_RUN: call this from a
 * handler that runs on the thread of vm_run.
 */
void vm_interrupt(struct vm *vm);

/*
 * With an irqchip a halted vCPU waits inside vm_run.  Whether it would, after
 * EXIT_INTERRUPTED or a step over a HLT: RIP is behind the HLT and nothing has come that wakes it, or it waits for
 * its INIT or SIPI.  *for_good, unless NULL: only another vCPU can still wake it, since
 * it takes no interrupt and no NMI is pending.
 */
bool vm_is_halted(struct vm *vm, bool *for_good);
/* Whether an interrupt waits that RUN_FREE and RUN_STEP keep out, and that RUN_LOOSE delivers where RFLAGS.IF is set. */
bool vm_interrupt_waits(struct vm *vm);

/* --- boot.c and the files boot_* --- */

struct image;
struct boot_files;

/* How many bytes at the top of guest memory belong to the VMM while a guest starts. */
uint64_t boot_reserved(uint64_t memory_size);

/* Load a plain ELF guest, of 64 or 32 bits, and set up what abi.h promises it.  name stands before every message. */
int vm_boot_elf(struct vm *vm, const struct image *image, const char *name);

/*
 * Put a guest of any boot protocol into fresh memory and the vCPU at its entry.  name stands before every message.
 * ACPI's tables, if the machine has any, are in memory already.
 */
int vm_boot(struct vm *vm, const struct image *image, const struct boot_files *files, const char *name);
/* The same without a VM: whether it would fit and make sense.  False: why says in one line what is wrong. */
bool boot_check(const struct image *image, const struct boot_files *files, uint64_t memory_size, char *why, size_t why_size);
/* Guest memory that it wants at least: itself and some to work with, its files, an initrd's contents unpacked. */
uint64_t boot_memory_wanted(const struct image *image, const struct boot_files *files);

/* --- probe.c --- */

enum probe_row {
	PROBE_RING0_SELECTORS, PROBE_SYSCALL, PROBE_FMASK, PROBE_SYSRET, PROBE_INT, PROBE_IRET,
	PROBE_STEP_RING0, PROBE_STEP_RING3, PROBE_SYSRET_TF, PROBE_HW_BREAKPOINT, PROBE_SW_BREAKPOINT,
	PROBE_SHUTDOWN, PROBE_PROTECTION, PROBE_MSR_FILTER,
	PROBE_ROWS
};

enum probe_verdict { PROBE_OK, PROBE_OFF, PROBE_NOT_RUN };

struct probe_result {
	bool opened;                    /* the device could be used at all */
	char reason[160];               /* why not */
	struct {
		enum probe_verdict verdict;
		char detail[96];        /* what was seen, "CS 33 SS 2B, expected CS 10 SS 18" */
	} row[PROBE_ROWS];
	unsigned microseconds;
};

/* Run the probe guest on this device.  Never fails: what cannot be done is in the result. */
void kvm_probe(const char *device, struct probe_result *result);
const char *probe_row_name(enum probe_row row);
/* The rows that watch method step relies on all hold. */
bool probe_faithful(const struct probe_result *result);
/* The same for the rows on debug exceptions alone, which the next two ask for. */
void kvm_probe_debug(const char *device, struct probe_result *result);
/* Whether all of these were run, by either. */
bool probe_knows_debug(const struct probe_result *result);
/* Whether watch method break can be used there.  False: why, in one clause. */
bool probe_breaks(const struct probe_result *result, char *why, size_t size);
/* Where a machine deviates in what a guest asks of debug exceptions: an emulator's ways, which a tracer must not mend. */
struct debug_ways {
	bool traps_late;                /* SYSCALL and SYSRET trap on the TF that they begin with, not on the one they leave */
	bool breaks_dead;               /* DR0 to DR3 stop nothing */
};
struct debug_ways probe_debug_ways(const struct probe_result *result);
/* The first thing that is off, in one clause for a person: "SYSCALL leaves CS 33". */
void probe_explain(const struct probe_result *result, char *text, size_t size);

/* The vendor of the processor that this program runs on, by CPUID. */
enum vendor host_vendor(void);
/* The KVM vendor module here: "kvm_amd", "kvm_intel", or what /sys/module shows; never NULL. */
const char *kvm_module(void);

#endif
