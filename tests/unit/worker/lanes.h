/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lanes without a kernel below them: maps and vault in plain memory, and queues whose rings the test fills. What they
 * write to the host is kept in a file for each queue.
 */
#ifndef TESTS_UNIT_LANES_H
#define TESTS_UNIT_LANES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "in/fragments_in.h"
#include "in/inbound.h"
#include "maps/vault.h"
#include "memory_ring.h"
#include "packet_files.h"

#ifndef LANES
#define LANES 2
#endif
#define PORT 3

struct lanes {
	struct maps maps;
	struct vault vault;
	struct sa_lock *locks;
	struct ip_ids ip_ids;
	struct lane *lane; /* LANES */
};

static inline void *zeroed(size_t n, size_t size)
{
	void *p = aligned_alloc(64, (n * size + 63) / 64 * 64);

	assert_non_null(p);
	return memset(p, 0, (n * size + 63) / 64 * 64);
}

static inline void lanes_open(struct lanes *l, const struct aead *aead)
{
	*l = (struct lanes){
		.maps.slots = SLOTS_DEFAULT,
		.maps.sa = zeroed(SLOTS_DEFAULT, sizeof(struct sa_state)),
		.maps.bitmaps = zeroed(SLOTS_DEFAULT, sizeof(struct replay_bitmap)),
		.maps.wide = zeroed(replay_wides(SLOTS_DEFAULT), sizeof(struct replay_wide)),
		.maps.turns = zeroed(1, sizeof(struct turns)),
		.maps.port = zeroed(PORTS_MAX, sizeof(struct port)),
		.maps.worker_counts = zeroed(LANES_MAX, sizeof(struct counts)),
		.vault.entries = zeroed(SLOTS_DEFAULT, sizeof(struct vault_entry)),
		.locks = zeroed(SA_LOCKS, sizeof(struct sa_lock)),
		.lane = zeroed(LANES, sizeof(struct lane)),
	};
	assert_int_equal(ip_id_init(&l->ip_ids, NULL), 0);
	for (uint32_t i = 0; i < LANES; i++) {
		l->lane[i] = (struct lane){
			.maps = &l->maps, .aead = aead, .locks = l->locks, .ip_ids = &l->ip_ids, .now = maps_now()};
		l->lane[i].sas = (struct sa_cache){
			.aead = aead,
			.maps = &l->maps,
			.vault = &l->vault,
			.records = zeroed(SLOTS_DEFAULT, sa_cache_record_size(aead)),
			.loaded = zeroed(SLOTS_DEFAULT / 64, sizeof(uint64_t)),
		};
		assert_int_equal(lane_init(&l->lane[i], l->lane, i, LANES, NULL), 0);
	}
}

static inline void lanes_close(struct lanes *l)
{
	for (uint32_t i = 0; i < LANES; i++) {
		memset(l->maps.sa, 0, SLOTS_DEFAULT * sizeof(*l->maps.sa));
		/* What is left of one that the lane has begun, and then all. */
		for (int sweep = 0; sweep < 2; sweep++)
			while (sa_cache_sweep(&l->lane[i].sas))
				;
		host_reader_close(&l->lane[i].reader);
		close(l->lane[i].wake);
		for (uint32_t from = 0; from < LANES; from++)
			free(l->lane[i].handoffs[from].bytes);
		free(l->lane[i].handoffs);
		free(l->lane[i].sas.records);
		free(l->lane[i].sas.loaded);
	}
	free(l->lane);
	free(l->locks);
	free(l->vault.entries);
	free(l->maps.worker_counts);
	free(l->maps.port);
	free(l->maps.turns);
	free(l->maps.bitmaps);
	free(l->maps.wide);
	free(l->maps.sa);
}

/* Of all lanes. */
static inline uint64_t counted(const struct lanes *l, enum reason reason)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < LANES; i++)
		n += *counts_at(&l->maps.worker_counts[i], reason);
	return n;
}

/* ---- queues ---- */

/* A queue, and the kernel's ends of its rings. */
struct queue {
	struct port_queue port;
	struct packet_file memory;
	struct xdp_desc descs[RING_SIZE];
	uint64_t addrs[RING_SIZE];
	struct memory_ring rx, fill;
};

static inline void queue_open(struct queue *q, struct lanes *l, uint32_t index)
{
	struct port_queue *p = &q->port;

	memset(q, 0, sizeof(*q));
	*p = (struct port_queue){.lane = &l->lane[index % LANES], .index = PORT, .shared = &l->maps.port[PORT]};
	packet_file_begin(&q->memory, &p->q.umem, RING_SIZE, 1500);
	p->q.rings.rx = RING_CONS(&q->rx, q->descs, RING_SIZE);
	p->q.rings.fill = RING_PROD(&q->fill, q->addrs, RING_SIZE);
	p->q.fd = -1;
	assert_int_equal(host_open(&p->host, memfd_create("host", MFD_CLOEXEC), false, NULL), 0);
	assert_int_equal(inbound_init(p, NULL, NULL), 0);
	xdp_queue_refill(&p->q);
}

static inline void queue_close(struct queue *q)
{
	inbound_free(&q->port);
	fragments_in_free(q->port.fragments);
	close(q->port.host.fd);
	packet_file_unmap(&q->memory);
}

/* As the kernel does: into the next frame of the fill ring, with XDP's word in front. False: there is none. */
static inline bool queue_receive(struct queue *q, const struct rx_meta *meta, const uint8_t *frame, uint32_t len)
{
	uint64_t addr;

	if (q->fill.consumer == __atomic_load_n(&q->fill.producer, __ATOMIC_ACQUIRE))
		return false;
	addr = q->addrs[q->fill.consumer % RING_SIZE] + XDP_PACKET_HEADROOM;
	__atomic_store_n(&q->fill.consumer, q->fill.consumer + 1, __ATOMIC_RELEASE);
	memcpy(umem_data(&q->port.q.umem, addr) - sizeof(*meta), meta, sizeof(*meta));
	memcpy(umem_data(&q->port.q.umem, addr), frame, len);
	q->descs[q->rx.producer % RING_SIZE] = (struct xdp_desc){.addr = addr, .len = len};
	__atomic_store_n(&q->rx.producer, q->rx.producer + 1, __ATOMIC_RELEASE);
	return true;
}

#endif
