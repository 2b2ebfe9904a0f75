/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet that is captured: what the BPF programs, which see what is dropped before the worker, and the worker, which
 * sees everything else, tell of it. The frame, or as much of it as there was room for, is behind the record.
 */
#ifndef MAPS_CAPTURE_H
#define MAPS_CAPTURE_H

#include <linux/types.h>

#include "reasons.h"

/* Which of the two interfaces of a capture a packet is on. */
enum capture_point {
	CAPTURE_CLEAR = 0,
	CAPTURE_ESP = 1,
	CAPTURE_POINTS,
	CAPTURE_NOWHERE = CAPTURE_POINTS, /* the record was taken back: nothing to be seen */
};

struct capture_record {
	__u64 time_ns; /* CLOCK_BOOTTIME */
	__u32 len;     /* bytes of the frame */
	__u32 caplen;  /* of which so many follow */
	__u32 spi;     /* of the SA that carries a packet in clear; 0: not known, or the packet itself shows it */
	__u32 ifindex; /* of the NIC; 0: not known */
	__u8 point;    /* enum capture_point; what BPF tells the reader finds by looking at it */
	__u8 direction;
	__u8 reason; /* why it was dropped; REASON_COUNT: it was not */
	__u8 reserved[5];
};
_Static_assert(sizeof(struct capture_record) == 32, "records of a ring begin at multiples of their size");

/* Of what BPF drops, whose records all have one size: headers, and enough to know a packet by. */
#define CAPTURE_DROP_BYTES 1536
/* A power of two, of pages. */
#define CAPTURE_DROPS_SIZE (1 << 20)

struct capture_drop {
	struct capture_record record;
	__u8 frame[CAPTURE_DROP_BYTES];
};

#endif
