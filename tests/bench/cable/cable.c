/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "cable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "packet/packet.h"

/* Of the zero-copy drivers: XDP_PACKET_HEADROOM. */
#define HEADROOM 256

/* Of Linux 5.14 and 6.1. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

struct cable cables[CABLE_QUEUES];
unsigned cable_count;

/* ---- before main(): the files beside the program ---- */

static void die(const char *name)
{
	fprintf(stderr, "cable_worker: %s: %s\n", name, strerror(errno));
	exit(1);
}

/* In the folder that the program is started from, by whoever has the bench's hosts made. -1: it is not there. */
static int open_beside(const char *name, unsigned number, const char *kind, int flags)
{
	char path[PATH_MAX + 32];
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX);
	int fd;

	if (len < 0)
		die("/proc/self/exe");
	path[len] = '\0';
	snprintf(strrchr(path, '/') + 1, 32, "%s%u%s", name, number, kind);
	fd = open(path, flags | O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		die(path);
	return fd;
}

static struct cable_end *map_end(int fd)
{
	const size_t room = CABLE_FILE + CABLE_HUGE_PAGE;
	uint8_t *p = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED || ftruncate(fd, (off_t)CABLE_FILE) < 0)
		die("memory");
	p += -(uintptr_t)p & (CABLE_HUGE_PAGE - 1);
	if (mmap(p, CABLE_FILE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		die("memory");
	return (struct cable_end *)p;
}

/* In huge pages, as the worker's own is, or the comparison would not be fair. Now: locked memory does not become so. */
static void make_huge(struct cable_end *end)
{
	if (madvise(end, CABLE_FILE, MADV_POPULATE_WRITE) < 0 || madvise(end, CABLE_FILE, MADV_COLLAPSE) < 0)
		fprintf(stderr, "cable_worker: no huge pages: %s\n", strerror(errno));
}

static bool open_cable(struct cable *cable, unsigned number)
{
	int other = open_beside("other", number, "", 0);

	if (other < 0)
		return false;
	cable->own_file = open_beside("own", number, "", 0);
	cable->own_wake = open_beside("own", number, ".wake", O_NONBLOCK);
	cable->other_wake = open_beside("other", number, ".wake", O_NONBLOCK);
	cable->own = map_end(cable->own_file);
	cable->other = map_end(other);
	cable->socket = -1;
	make_huge(cable->own);
	close(other);
	cable->own->spi_count = 0;
	__atomic_store_n(&cable->own->attached, 0, __ATOMIC_RELEASE);
	return true;
}

/* The worker's main() gives up what this takes. */
static __attribute__((constructor)) void open_cables(void)
{
	while (cable_count < CABLE_QUEUES && open_cable(&cables[cable_count], cable_count))
		cable_count++;
	if (!cable_count)
		die("no cable beside the program");
}

/* ---- a packet ---- */

/* What XDP would have said of the frame. False: it is not ESP that the other end knows. */
static bool look_up(struct cable_end *to, const uint8_t *frame, uint32_t len, struct rx_meta *meta)
{
	const uint32_t known = __atomic_load_n(&to->spi_count, __ATOMIC_ACQUIRE);
	uint32_t spi;

	if (len < ETH_LEN + IP_LEN_MIN + 8 || load_be16(frame + ETH_TYPE) != ETH_IPV4 || frame[ETH_LEN] != 0x45 ||
	    frame[ETH_LEN + IP_PROTO] != PROTO_ESP || ip_is_fragment(frame + ETH_LEN))
		return false;
	spi = load_be32(frame + ETH_LEN + IP_LEN_MIN);
	for (uint32_t i = 0; i < known; i++)
		if (to->spis[i].spi == spi) {
			*meta = to->spis[i].meta;
			return true;
		}
	__atomic_store_n(&to->wanted_spi, spi, __ATOMIC_RELEASE);
	return false;
}

static uint8_t *memory_of(const struct cable_end *end, uint64_t addr)
{
	return (uint8_t *)end + CABLE_MEMORY_AT + addr;
}

/* How far the other end's rings have come, while a batch is carried: it sees that at the end. */
struct batch {
	uint32_t fill, fill_end, rx, rx_end, mask;
};

static struct batch begin_batch(const struct cable_end *to)
{
	return (struct batch){
		.fill = to->fill.consumer,
		.fill_end = __atomic_load_n(&to->fill.producer, __ATOMIC_ACQUIRE),
		.rx = to->rx.producer,
		.rx_end = __atomic_load_n(&to->rx.consumer, __ATOMIC_ACQUIRE) + to->ring_size,
		.mask = to->ring_size - 1,
	};
}

static bool place(struct cable_end *to, struct batch *b, const uint8_t *frame, uint32_t len)
{
	struct rx_meta meta;
	uint64_t addr;

	if (!look_up(to, frame, len, &meta) || b->fill == b->fill_end || b->rx == b->rx_end)
		return false;
	addr = (to->fill.addrs[b->fill++ & b->mask] & ~(uint64_t)(to->frame_size - 1)) + HEADROOM;
	memcpy(memory_of(to, addr), frame, len);
	memcpy(memory_of(to, addr) - sizeof(meta), &meta, sizeof(meta));
	to->rx.descs[b->rx++ & b->mask] = (struct xdp_desc){.addr = addr, .len = len};
	return true;
}

static void end_batch(struct cable_end *to, const struct batch *b)
{
	__atomic_store_n(&to->fill.consumer, b->fill, __ATOMIC_RELEASE);
	__atomic_store_n(&to->rx.producer, b->rx, __ATOMIC_RELEASE);
}

/* It looks at its RX ring between saying that it sleeps and sleeping; so here first the ring, then whether it sleeps.
 */
static void wake(struct cable_end *to, int fifo)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&to->sleeps, __ATOMIC_RELAXED) && __atomic_exchange_n(&to->sleeps, 0, __ATOMIC_SEQ_CST) &&
	    write(fifo, "", 1) < 0)
		return; /* full: it has been woken */
}

/* The one whose other end has that queue; NULL: none yet. */
static const struct cable *cable_to(uint32_t queue)
{
	for (unsigned i = 0; i < cable_count; i++)
		if (__atomic_load_n(&cables[i].other->attached, __ATOMIC_ACQUIRE) && cables[i].other->queue == queue)
			return &cables[i];
	return NULL;
}

void cable_carry(const struct cable *cable)
{
	struct cable_end *from = cable->own;
	const struct cable *way = cable_to(from->queue);
	const bool attached = way;
	struct cable_end *to = attached ? way->other : cable->other;
	const uint32_t mask = from->ring_size - 1, end = __atomic_load_n(&from->tx.producer, __ATOMIC_ACQUIRE);
	uint32_t at = from->tx.consumer, done = from->comp.producer;
	struct batch b = attached ? begin_batch(to) : (struct batch){0};

	for (; at != end; at++) {
		const struct xdp_desc sent = from->tx.descs[at & mask];

		if (attached && place(to, &b, memory_of(from, sent.addr), sent.len))
			to->carried++;
		else
			to->lost++;
		from->comp.addrs[done++ & mask] = sent.addr;
	}
	__atomic_store_n(&from->tx.consumer, at, __ATOMIC_RELEASE);
	__atomic_store_n(&from->comp.producer, done, __ATOMIC_RELEASE);
	if (!attached)
		return;
	end_batch(to, &b);
	wake(to, way->other_wake);
}
