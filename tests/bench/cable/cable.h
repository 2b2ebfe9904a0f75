/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cable of memory between two workers, each the real one in all but its xsk.c: what a NIC with zero-copy would leave
 * of the way. A host's end, one for each queue of its NIC, is a file that both workers have mapped: four rings as
 * AF_XDP has them, and packet memory. What is sent by a queue comes by the one with the same number.
 *
 *   TX ring ──► carry, on the sender's CPU: a copy, with what XDP would have put in front ──► other end's RX ring
 *               frames from its fill ring; none: the packet is lost, as a NIC's is
 *   completion ring ◄── at once
 *
 * Who sleeps is woken through a FIFO, as by an interrupt; who does not, is not.
 *
 * Rings are made once: workers that are started again take a new cable.
 *
 * What XDP would have found in its SAD, the receiving worker tells through its end's table: a packet of an SPI that is
 * not in there is lost, and the worker is asked to look for it. Checks that XDP makes before the worker's are not made.
 */
#ifndef TESTS_BENCH_CABLE_CABLE_H
#define TESTS_BENCH_CABLE_CABLE_H

#include <linux/if_xdp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps/layout.h"
#include "maps/packet_memory.h"

/* Of a NIC. */
#define CABLE_QUEUES 2
/* SPIs that an end can have, ever: there is no rekeying on a bench. */
#define CABLE_SPIS 16
/* Where a ring's counts begin. Not at 0, by which xdp_queue_moves() knows a driver that has taken no frames. */
#define CABLE_FIRST 1
#define CABLE_LINE  __attribute__((aligned(64)))

struct cable_ring {
	uint32_t producer CABLE_LINE;
	uint32_t consumer CABLE_LINE;
	uint32_t flags CABLE_LINE;
	union {
		uint64_t addrs[RING_SIZE];
		struct xdp_desc descs[RING_SIZE];
	} CABLE_LINE;
};

struct cable_spi {
	uint32_t spi;
	struct rx_meta meta;
};

struct cable_end {
	struct cable_ring fill, comp, rx, tx;
	/* Written by the worker whose end it is, seldom. */
	uint32_t attached CABLE_LINE; /* rings and memory are there */
	uint32_t queue;
	uint32_t ring_size;
	uint32_t frame_size;
	uint32_t spi_count; /* of spis, after the entry */
	struct cable_spi spis[CABLE_SPIS];
	uint32_t sleeps CABLE_LINE; /* the worker: it is about to; whoever wakes it takes that back */
	/* Written by the other end's worker. */
	uint32_t wanted_spi CABLE_LINE; /* that is not in the table */
	uint64_t carried;		/* packets */
	uint64_t lost;
};

/* A file: the end, then its packet memory. Both begin on a huge page. */
#define CABLE_HUGE_PAGE ((size_t)2 << 20)
#define CABLE_MEMORY_AT CABLE_HUGE_PAGE
#define CABLE_MEMORY	((size_t)(2 * RING_SIZE + FRAMES_IN_HAND) * FRAME_SIZE_MAX)
#define CABLE_FILE	(CABLE_MEMORY_AT + CABLE_MEMORY)
_Static_assert(sizeof(struct cable_end) <= CABLE_MEMORY_AT && CABLE_MEMORY % CABLE_HUGE_PAGE == 0, "the file's parts");

struct cable {
	struct cable_end *own, *other; /* other: of the same place, and perhaps another queue's */
	int own_file;
	int own_wake, other_wake; /* FIFOs */
	int socket;		  /* that the loader made: as a name for the end; -1: it is nobody's */
};

/* As many as there are files for. */
extern struct cable cables[CABLE_QUEUES];
extern unsigned cable_count;

/* Carries all that is in the TX ring of that one's own end to the other host. */
void cable_carry(const struct cable *cable);

#endif
