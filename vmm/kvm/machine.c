/*
 * What a VM is before it has a vCPU: device, memory, and, where it is asked
 * for, a PC's interrupt controllers and timer, in the kernel.  Without those
 * no interrupt ever comes, and HLT exits.
 */
#include "kvm/internal.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Intel processors without unrestricted guest run real mode in a task whose
 * TSS (three pages) and page table need guest-physical addresses of KVM's own.
 */
#define IDENTITY_MAP_ADDRESS    UINT64_C(0xfffbc000)
#define TSS_ADDRESS             UINT64_C(0xfffbd000)

/* Interrupt lines, as the MADT tells of them (device/acpi.c). */
#define LINES_PIC               16
#define LINES                   24
#define LINE_TIMER              0       /* to pin 2 of the IOAPIC, as PCs have it */
#define LINE_CASCADE            2       /* the second PIC's: nothing else is on it */

int vm_ioctl_named(int fd, unsigned long request, const char *name, unsigned long argument)
{
	int r;

	do
		r = ioctl(fd, request, argument);
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		r = -errno;
		message("%s: %s", name, strerror(-r));
	}
	return r;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int open_device(struct vm_machine *m, const char *path)
{
	int r;

	m->device = open(path, O_RDWR | O_CLOEXEC);
	if (m->device < 0) {
		r = -errno;
		message("%s: %s", path, strerror(-r));
		return r;
	}
	r = vm_ioctl(m->device, KVM_GET_API_VERSION, 0);
	if (r < 0)
		return r;
	if (r != KVM_API_VERSION) {
		message("KVM_GET_API_VERSION: %s speaks version %d, not %d", path, r, KVM_API_VERSION);
		return -ENOTSUP;
	}
	vm_supported_begin(m->device);
	return 0;
}

/*
 * BLOCKIRQ holds interrupts off in RUN_FREE and RUN_STEP.  Without an interrupt
 * controller there are none.
 */
static int require_capabilities(struct vm_machine *m)
{
	static const struct {
		long number;
		const char *name;
		int bits;               /* that the answer must have */
		bool irqchip;           /* only for an interrupt controller */
	} wanted[] = {
		{ KVM_CAP_SYNC_REGS, "KVM_CAP_SYNC_REGS", KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS },
		{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", 1 },
		{ KVM_CAP_X86_USER_SPACE_MSR, "KVM_CAP_X86_USER_SPACE_MSR", 1 },
		{ KVM_CAP_X86_MSR_FILTER, "KVM_CAP_X86_MSR_FILTER", 1 },
		{ KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP", 1, true },
		{ KVM_CAP_PIT2, "KVM_CAP_PIT2", 1, true },
		{ KVM_CAP_SET_GUEST_DEBUG2, "KVM_GUESTDBG_BLOCKIRQ in KVM_CAP_SET_GUEST_DEBUG2 (Linux 5.15 has it)",
		  KVM_GUESTDBG_BLOCKIRQ, true },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		int r;

		if (wanted[i].irqchip && !m->config.irqchip)
			continue;
		r = vm_ioctl(m->fd, KVM_CHECK_EXTENSION, wanted[i].number);
		if (r < 0)
			return r;
		if ((r & wanted[i].bits) != wanted[i].bits) {
			message("KVM_CHECK_EXTENSION: this KVM lacks %s", wanted[i].name);
			return -ENOTSUP;
		}
	}
	return 0;
}

static int setup_vm(struct vm_machine *m)
{
	uint64_t identity_map = IDENTITY_MAP_ADDRESS;
	int r;

	m->fd = vm_ioctl(m->device, KVM_CREATE_VM, 0);
	if (m->fd < 0)
		return m->fd;
	r = require_capabilities(m);
	if (r < 0)
		return r;
	r = vm_ioctl(m->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
	if (r < 0)
		return r;
	return vm_ioctl(m->fd, KVM_SET_TSS_ADDR, TSS_ADDRESS);
}

/* One more mapping of guest memory, or NULL with a message. */
static void *map_memory(int fd, uint64_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (memory == MAP_FAILED) {
		message("mmap of guest memory: %s", strerror(errno));
		return NULL;
	}
	/* Guests touch a few pages here and there: zeroing 2 MiB for each is slow and large. */
	madvise(memory, size, MADV_NOHUGEPAGE);
	return memory;
}

/* Mapped twice, so that the guest's view of a page can be read-only while ours is not. */
static int setup_memory(struct vm_machine *m, uint64_t size)
{
	struct kvm_userspace_memory_region region = { .slot = 0, .guest_phys_addr = 0, .memory_size = size };
	int fd;

	if (size == 0 || size % X86_PAGE_SIZE || size > VM_MEMORY_MAX) {
		message("guest memory of %#llx bytes is not a multiple of 4096 up to %#llx",
		        (unsigned long long)size, (unsigned long long)VM_MEMORY_MAX);
		return -EINVAL;
	}
	fd = memfd_create("guest", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size)) {
		message("guest memory of %#llx bytes: %s", (unsigned long long)size, strerror(errno));
		close_fd(fd);
		return -ENOMEM;
	}
	m->memory_size = size;
	m->memory = map_memory(fd, size);
	m->guest_memory = map_memory(fd, size);
	close(fd);
	if (!m->memory || !m->guest_memory)
		return -ENOMEM;
	region.userspace_addr = (uintptr_t)m->guest_memory;
	return vm_ioctl(m->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

static void connect(struct kvm_irq_routing *routing, unsigned line, unsigned chip, unsigned pin)
{
	routing->entries[routing->nr++] = (struct kvm_irq_routing_entry) {
		.gsi = line, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { .irqchip = chip, .pin = pin },
	};
}

/* Every ISA line to its PIC and to the IOAPIC. */
static int setup_lines(struct vm_machine *m)
{
	struct kvm_irq_routing *routing =
		calloc(1, sizeof(*routing) + (LINES_PIC + LINES) * sizeof(routing->entries[0]));
	int r;

	if (!routing) {
		message("KVM_SET_GSI_ROUTING: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	for (unsigned line = 0; line < LINES; line++) {
		if (line == LINE_CASCADE)
			continue;
		if (line < LINES_PIC)
			connect(routing, line, line < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, line % 8);
		connect(routing, line, KVM_IRQCHIP_IOAPIC, line == LINE_TIMER ? LINE_CASCADE : line);
	}
	r = vm_ioctl(m->fd, KVM_SET_GSI_ROUTING, routing);
	free(routing);
	return r;
}

/* Ticks that the guest missed while it was held are lost, as they are on a PC that has its interrupts off. */
static int setup_irqchip(struct vm_machine *m)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	int r;

	if (!m->config.irqchip)
		return 0;
	if ((r = vm_ioctl(m->fd, KVM_CREATE_IRQCHIP, 0)) < 0 || (r = setup_lines(m)) < 0)
		return r;
	m->reinjects = true;
	return vm_ioctl(m->fd, KVM_CREATE_PIT2, &pit);
}

int vm_machine_let_ticks_go(struct vm_machine *m)
{
	struct kvm_reinject_control control = { .pit_reinject = 0 };

	if (!m->reinjects)
		return 0;
	m->reinjects = false;
	return vm_ioctl(m->fd, KVM_REINJECT_CONTROL, &control);
}

struct vm_machine *vm_machine_new(void)
{
	struct vm_machine *m = calloc(1, sizeof(*m));

	if (m)
		m->device = m->fd = -1;
	return m;
}

int vm_machine_open(struct vm_machine *m, const char *device)
{
	int r;

	if ((r = open_device(m, device)) < 0 ||
	    (r = setup_vm(m)) < 0 ||
	    (r = setup_memory(m, m->config.memory_size)) < 0)
		return r;
	return setup_irqchip(m);
}

void vm_machine_close(struct vm_machine *m)
{
	vm_supported_end();
	close_fd(m->fd);
	close_fd(m->device);
	if (m->memory)
		munmap(m->memory, m->memory_size);
	if (m->guest_memory)
		munmap(m->guest_memory, m->memory_size);
	if (m->private)
		munmap(m->private, m->private_size);
	free(m);
}

void *vm_memory(struct vm *vm, uint64_t gpa, uint64_t size)
{
	if (gpa > vm->machine->memory_size || size > vm->machine->memory_size - gpa)
		return NULL;
	return vm->machine->memory + gpa;
}

uint64_t vm_memory_size(const struct vm *vm)
{
	return vm->machine->memory_size;
}

int vm_protect(struct vm *vm, uint64_t gpa)
{
	const uint64_t page = gpa & -(uint64_t)X86_PAGE_SIZE;

	if (!vm_memory(vm, page, X86_PAGE_SIZE) || mprotect(vm->machine->guest_memory + page, X86_PAGE_SIZE, PROT_READ))
		return -EFAULT;
	vm->machine->protected = true;
	return 0;
}

int vm_unprotect(struct vm *vm)
{
	struct vm_machine *m = vm->machine;

	if (m->protected && mprotect(m->guest_memory, m->memory_size, PROT_READ | PROT_WRITE)) {
		message("mprotect of guest memory: %s", strerror(errno));
		return -EFAULT;
	}
	m->protected = false;
	return 0;
}

int vm_irq_line(struct vm *vm, unsigned gsi, bool level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	if (!vm->machine->config.irqchip)
		return 0;
	return vm_ioctl(vm->machine->fd, KVM_IRQ_LINE, &line);
}
