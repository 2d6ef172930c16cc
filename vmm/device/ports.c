/*
 * Which port is whose.  What a device does is in its own file.
 */
#include "device/ports.h"

#include "abi.h"
#include "input.h"

#include <string.h>
#include <time.h>

#define PORT_KEYBOARD           0x60
#define PORT_KEYBOARD_COMMAND   0x64
#define PORT_CMOS               0x70
#define PORT_SYSTEM_CONTROL     0x92            /* bit 0: reset; bit 1: A20, always on */
#define PORT_COM1               0x3f8
#define PORT_SEABIOS            0x402           /* as port E9h */
#define PORT_EXIT_QEMU          0x501           /* isa-debug-exit where nobody said where */
#define PORT_FW_CFG             0x510
#define PORT_POWER_BOCHS        0xb004          /* PM1 control as Bochs and older QEMUs have it */
#define PORT_PCI_ADDRESS        0xcf8
#define PORT_RESET              0xcf9           /* bit 2: reset */
#define POWER_OFF_CLOUD         0x34            /* a byte to 600h: Cloud Hypervisor's way */
#define IRQ_KEYBOARD            1
#define IRQ_COM1                4
#define NOTHING                 UINT32_MAX      /* what an empty bus reads as */

static void end(struct ports *p, const char *how, uint64_t code)
{
	if (p->ended)
		return;
	p->ended = true;
	p->end = how;
	p->code = code;
}

static void reset(struct ports *p, bool really)
{
	if (really)
		end(p, "reset", 0);
}

static void power_off(struct ports *p, bool really)
{
	if (really)
		end(p, "power-off", 0);
}

/* An access: size bytes at offset from the device's first port. */
struct access { unsigned offset, size; };

/* --- console and exit --- */

/* How a guest knows that the port is there. */
static uint32_t debug_in(struct ports *p, struct access a)
{
	(void)p, (void)a;
	return ABI_PORT_DEBUG;
}

static void debug_out(struct ports *p, struct access a, uint32_t value)
{
	(void)a;
	console_byte(&p->text, (uint8_t)value);
}

static void exit_out(struct ports *p, struct access a, uint32_t value)
{
	(void)a;
	end(p, "exit", value);
}

/* --- devices --- */

static uint32_t keyboard_in(struct ports *p, struct access a)
{
	(void)a;
	return keyboard_data(&p->keyboard);
}

static void keyboard_out(struct ports *p, struct access a, uint32_t value)
{
	(void)a;
	reset(p, keyboard_write(&p->keyboard, (uint8_t)value));
}

static uint32_t keyboard_status_in(struct ports *p, struct access a)
{
	(void)a;
	return keyboard_status(&p->keyboard);
}

static void keyboard_command_out(struct ports *p, struct access a, uint32_t value)
{
	(void)a;
	reset(p, keyboard_command(&p->keyboard, (uint8_t)value));
}

static uint32_t cmos_in(struct ports *p, struct access a)
{
	return a.offset ? cmos_read(&p->cmos, time(NULL)) : NOTHING;
}

static void cmos_out(struct ports *p, struct access a, uint32_t value)
{
	if (a.offset)
		cmos_write(&p->cmos, (uint8_t)value);
	else
		cmos_select(&p->cmos, (uint8_t)value);
}

static uint32_t system_control_in(struct ports *p, struct access a)
{
	(void)p, (void)a;
	return 2;
}

static void system_control_out(struct ports *p, struct access a, uint32_t value)
{
	(void)a;
	reset(p, value & 1);
}

static uint32_t serial_in(struct ports *p, struct access a)
{
	return serial_read(&p->serial, a.offset);
}

static void serial_out(struct ports *p, struct access a, uint32_t value)
{
	if (serial_write(&p->serial, a.offset, (uint8_t)value))
		console_byte(&p->text, (uint8_t)value);
}

static uint32_t fw_cfg_in(struct ports *p, struct access a)
{
	return a.offset == 1 ? fw_cfg_read(&p->fw_cfg) : NOTHING;
}

static void fw_cfg_out(struct ports *p, struct access a, uint32_t value)
{
	if (a.offset == 0 && a.size == 2)
		fw_cfg_select(&p->fw_cfg, (uint16_t)value);
}

/* Configuration mechanism 1, PCI 3.0, 3.2.2.3.2, and nothing on the bus that answers to CFCh. */
static uint32_t pci_in(struct ports *p, struct access a)
{
	return a.offset == 0 && a.size == 4 ? p->pci_address : NOTHING;
}

static void pci_out(struct ports *p, struct access a, uint32_t value)
{
	if (a.offset == 0 && a.size == 4)
		p->pci_address = value;
	else if (a.offset == PORT_RESET - PORT_PCI_ADDRESS && a.size == 1)
		reset(p, value & 4);
}

static uint32_t power_in(struct ports *p, struct access a)
{
	return power_read(&p->power, POWER_PM1_EVENT + a.offset);
}

static void power_out(struct ports *p, struct access a, uint32_t value)
{
	power_off(p, power_write(&p->power, POWER_PM1_EVENT + a.offset, (uint16_t)value) ||
		     (a.offset == 0 && a.size == 1 && value == POWER_OFF_CLOUD));
}

static void power_bochs_out(struct ports *p, struct access a, uint32_t value)
{
	(void)a;
	power_off(p, value & POWER_SLEEP_ENABLE);
}

static uint32_t timer_in(struct ports *p, struct access a)
{
	struct timespec now;

	(void)p;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return power_timer((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) >> 8 * a.offset;
}

/* --- all of them --- */

static const struct device {
	uint16_t first, ports;
	bool wide;                      /* takes an access whole; otherwise a byte at a time, each at a port of its own */
	uint32_t (*in)(struct ports *p, struct access a);
	void (*out)(struct ports *p, struct access a, uint32_t value);
} devices[] = {
	{ PORT_KEYBOARD, 1, false, keyboard_in, keyboard_out },
	{ PORT_KEYBOARD_COMMAND, 1, false, keyboard_status_in, keyboard_command_out },
	{ PORT_CMOS, 2, false, cmos_in, cmos_out },
	{ PORT_SYSTEM_CONTROL, 1, false, system_control_in, system_control_out },
	{ ABI_PORT_DEBUG, 1, true, debug_in, debug_out },
	{ ABI_PORT_EXIT, 1, true, NULL, exit_out },
	{ PORT_COM1, SERIAL_REGISTERS, false, serial_in, serial_out },
	{ PORT_SEABIOS, 1, true, debug_in, debug_out },
	{ PORT_EXIT_QEMU, 1, true, NULL, exit_out },
	{ PORT_FW_CFG, 2, true, fw_cfg_in, fw_cfg_out },
	{ POWER_PM1_EVENT, 8, true, power_in, power_out },
	{ POWER_TIMER, 4, true, timer_in, NULL },
	{ PORT_PCI_ADDRESS, 4, true, pci_in, pci_out },
	{ PORT_POWER_BOCHS, 2, true, NULL, power_bochs_out },
};

static const struct device *device_at(unsigned port)
{
	for (size_t n = 0; n < sizeof(devices) / sizeof(devices[0]); n++)
		if (port - devices[n].first < devices[n].ports)
			return &devices[n];
	return NULL;
}

/* One access of size bytes, which lie where data is. */
static void access_once(struct ports *p, unsigned port, unsigned size, bool out, uint8_t *data)
{
	const struct device *d = device_at(port);
	struct access a = { 0, d && !d->wide ? 1 : size };
	uint32_t value = NOTHING;

	if (d)
		a.offset = port - d->first;
	if (out) {
		value = 0;
		memcpy(&value, data, a.size);
		if (d && d->out)
			d->out(p, a, value);
	} else {
		if (d && d->in)
			value = d->in(p, a);
		memcpy(data, &value, a.size);
	}
	if (a.size < size)
		access_once(p, port + 1, size - 1, out, data + 1);
}

static void set_line(struct ports *p, unsigned irq, bool level)
{
	if ((p->lines >> irq & 1) == level || !p->config.line)
		return;
	p->lines ^= UINT32_C(1) << irq;
	p->config.line(p->config.context, irq, level);
}

static void set_lines(struct ports *p)
{
	set_line(p, IRQ_KEYBOARD, keyboard_interrupts(&p->keyboard));
	set_line(p, IRQ_COM1, serial_interrupts(&p->serial));
}

static void take_input(struct ports *p)
{
	uint8_t bytes[SERIAL_FIFO];
	const unsigned room = serial_room(&p->serial);
	const size_t got = input_read(&p->config.input, bytes, room);

	for (size_t n = 0; n < got; n++)
		serial_receive(&p->serial, bytes[n]);
	p->more_input = room && got == room;
	if (got && p->config.heard)
		p->config.heard();
	if (p->config.typed && memchr(bytes, '\r', got))
		console_typed(&p->text);
}

void ports_access(struct ports *p, struct vm_exit *exit)
{
	uint8_t *data = exit->pio.data;

	for (uint32_t n = 0; n < exit->pio.count; n++, data += exit->pio.size)
		access_once(p, exit->pio.port, exit->pio.size, exit->pio.out, data);
	set_lines(p);
	/* The line has been low: a driver that is told by its edge is told. */
	if (p->more_input && !p->serial.count) {
		take_input(p);
		set_lines(p);
	}
}

#define WINDOW_START    VM_MEMORY_MAX
#define WINDOW_END      (UINT64_C(1) << 32)

bool ports_memory(struct vm_exit *exit)
{
	if (exit->mmio.gpa < WINDOW_START || exit->mmio.gpa >= WINDOW_END)
		return false;
	if (!exit->mmio.write)
		memset(exit->mmio.data, 0xff, exit->mmio.size);
	return true;
}

void ports_tick(struct ports *p)
{
	take_input(p);
	set_lines(p);
	console_tick(&p->text);
}

void ports_settle(struct ports *p)
{
	console_settle(&p->text);
}

void ports_flush(struct ports *p)
{
	console_flush(&p->text);
}

void ports_init(struct ports *p, const struct ports_config *config)
{
	*p = (struct ports) {
		.config = *config,
		.text = { .file = config->console, .first = config->first },
		.fw_cfg = { .memory_size = config->memory_size, .cpus = config->cpus },
	};
	serial_reset(&p->serial);
	keyboard_reset(&p->keyboard);
	cmos_reset(&p->cmos, config->memory_size);
}
