/*
 * Makes the disc, and reads it in the box: with PACKET commands straight to
 * the drive, since no driver of the kernel's shall keep anything of it.
 * ATA/ATAPI-6, 8.23 and 9.10; SCSI MMC READ (10).
 */
#include "box/request_disc.h"

#include "message.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	PORT = 0x170, PORTS = 8, PORT_CONTROL = 0x376,          /* the second channel */
	DATA = 0, FEATURES = 1, COUNT_LOW = 4, COUNT_HIGH = 5, DEVICE = 6, COMMAND = 7, STATUS = 7,
	MASTER = 0xa0, PACKET = 0xa0, NO_INTERRUPTS = 2,
	BUSY = 0x80, REQUEST = 0x08, ERROR = 0x01,
	READ_10 = 0x28, PACKET_WORDS = 6,
	NEWS_SECTOR = REQUEST_DISC_MAX / REQUEST_SECTOR - 1,
	INPUT_SECTOR = NEWS_SECTOR - REQUEST_INPUT_MAX / REQUEST_SECTOR,
	SECTORS_AT_ONCE = 16, ATTEMPTS = 5, PATIENCE = 20000000
};

/* Between the first sector and the input. */
static const uint64_t ROOM = UINT64_C(1) * (INPUT_SECTOR - 1) * REQUEST_SECTOR;

int request_disc_make(const void *bytes, size_t size)
{
	int fd = memfd_create("request", MFD_CLOEXEC);
	const uint64_t length = size;

	if (size <= ROOM && fd >= 0 && ftruncate(fd, REQUEST_DISC_MAX) == 0 &&
	    pwrite(fd, &length, sizeof(length), 0) == sizeof(length) &&
	    pwrite(fd, bytes, size, REQUEST_SECTOR) == (ssize_t)size)
		return fd;
	message("cannot write the request for the box: %s", fd < 0 || size <= ROOM ?
		strerror(errno) : "the files are too large");
	if (fd >= 0)
		close(fd);
	return -1;
}

void request_disc_tell(int disc, const struct request_news *news)
{
	if (pwrite(disc, news, sizeof(*news), (off_t)NEWS_SECTOR * REQUEST_SECTOR) != sizeof(*news))
		message("the clock of the box stands still: %s", strerror(errno));
}

void request_disc_input(int disc, struct request_news *news, const void *bytes, size_t size)
{
	const size_t room = REQUEST_INPUT_MAX - news->input, part = size < room ? size : room;

	if (pwrite(disc, bytes, part, (off_t)INPUT_SECTOR * REQUEST_SECTOR + news->input) == (ssize_t)part)
		news->input += (uint32_t)part;
	else
		message("the box takes no input: %s", strerror(errno));
}

/* The C library's outsw and insw do not say that they touch memory. */
static void barrier(void)
{
	__asm__ volatile ("" : : : "memory");
}

/* Until the drive wants data moved; false at an error. */
static bool wait_for_data(void)
{
	for (int i = 0; i < PATIENCE; i++) {
		uint8_t status = inb(PORT + STATUS);

		if (status & BUSY)
			continue;
		if (status & ERROR)
			return false;
		if (status & REQUEST)
			return true;
	}
	return false;
}

static bool read_sectors(uint32_t first, unsigned count, uint8_t *to)
{
	uint8_t packet[2 * PACKET_WORDS] = {
		READ_10, 0, (uint8_t)(first >> 24), (uint8_t)(first >> 16), (uint8_t)(first >> 8), (uint8_t)first,
		0, (uint8_t)(count >> 8), (uint8_t)count,
	};
	const uint8_t *end = to + count * REQUEST_SECTOR;

	outb(MASTER, PORT + DEVICE);
	outb(0, PORT + FEATURES);
	outb(REQUEST_SECTOR & 0xff, PORT + COUNT_LOW);
	outb(REQUEST_SECTOR >> 8, PORT + COUNT_HIGH);
	outb(PACKET, PORT + COMMAND);
	if (!wait_for_data())
		return false;
	barrier();
	outsw(PORT + DATA, packet, PACKET_WORDS);
	while (to < end) {
		unsigned bytes;

		if (!wait_for_data())
			return false;
		bytes = inb(PORT + COUNT_LOW) | inb(PORT + COUNT_HIGH) << 8;
		if (bytes == 0 || bytes > (unsigned)(end - to))
			return false;
		insw(PORT + DATA, to, bytes / 2);
		barrier();
		to += bytes;
	}
	return true;
}

/* The first command after a change of discs may be refused, to tell of that. */
static bool read_patiently(uint32_t first, unsigned count, uint8_t *to)
{
	for (int i = 0; i < ATTEMPTS; i++)
		if (read_sectors(first, count, to))
			return true;
	return false;
}

int request_disc_read(void)
{
	static uint8_t bytes[SECTORS_AT_ONCE * REQUEST_SECTOR];
	int fd = memfd_create("request", MFD_CLOEXEC);
	uint64_t size, done = 0;
	uint32_t sector = 1;

	if (fd < 0 || ioperm(PORT, PORTS, 1) != 0 || ioperm(PORT_CONTROL, 1, 1) != 0)
		return -errno;
	outb(NO_INTERRUPTS, PORT_CONTROL);
	if (!read_patiently(0, 1, bytes))
		return -EIO;
	memcpy(&size, bytes, sizeof(size));
	if (size > ROOM)
		return -EPROTO;
	for (; done < size; done += sizeof(bytes), sector += SECTORS_AT_ONCE) {
		size_t part = size - done < sizeof(bytes) ? size - done : sizeof(bytes);

		if (!read_patiently(sector, (unsigned)(part + REQUEST_SECTOR - 1) / REQUEST_SECTOR, bytes))
			return -EIO;
		if (write(fd, bytes, part) != (ssize_t)part)
			return -errno;
	}
	return lseek(fd, 0, SEEK_SET) == 0 ? fd : -errno;
}

bool request_disc_news(struct request_news *news)
{
	uint8_t bytes[REQUEST_SECTOR];

	if (!read_patiently(NEWS_SECTOR, 1, bytes))
		return false;
	memcpy(news, bytes, sizeof(*news));
	return true;
}

size_t request_disc_take(uint32_t offset, uint8_t *bytes, size_t size)
{
	uint8_t sector[REQUEST_SECTOR];
	const uint32_t inside = offset % REQUEST_SECTOR;
	const size_t part = size < REQUEST_SECTOR - inside ? size : REQUEST_SECTOR - inside;

	if (offset >= REQUEST_INPUT_MAX || !read_patiently(INPUT_SECTOR + offset / REQUEST_SECTOR, 1, sector))
		return 0;
	memcpy(bytes, sector + inside, part);
	return part;
}
