/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 reassembly (RFC 791 section 3.2) in memory that is all there from the
 * start: fragments go in, each copied to its place, and the datagram comes out
 * when the last gap is closed.
 *
 *   by source:  bucket ─► datagram ─► datagram      newest first; a quota of them
 *   by age:     oldest ─────────────► newest        what is given up first
 *
 * Whoever floods pays for it himself: beyond its quota a source loses its own
 * oldest datagram. A fragment that contradicts what is there takes the whole
 * datagram with it, also what of it is still to come (RFC 5722, RFC 8200 4.5).
 * Nothing here allocates, logs, or asks for the time.
 */
#ifndef WORKER_REASSEMBLY_H
#define WORKER_REASSEMBLY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "host_frame.h"
#include "lib/fault.h"
#include "maps/layout.h"

/*
 * Fragments of one datagram. 64 KiB over a path of 576 bytes, the least that a
 * host must take (RFC 791), are 119; more, and a datagram costs more to put together
 * than to carry.
 */
#define FRAGMENTS_MAX 128
/*
 * How long a datagram may take. RFC 1122 section 3.3.2 has 60 to 120 seconds, from
 * when routers held packets for seconds; the fragments of one datagram leave together,
 * and what separates them today is queues, well under a second. In a longer time a lossy path
 * would fill the arena with datagrams that never end, and the 16 bits of
 * the ID come round again (RFC 4963).
 */
#define REASSEMBLY_NS 2000000000ULL
/* Sources that fall into one bucket share a quota. Fewer buckets make that likelier; these are 24 KiB. */
#define REASSEMBLY_BUCKET_BITS 10
#define REASSEMBLY_BUCKETS     (1 << REASSEMBLY_BUCKET_BITS)

struct reassembly_limits {
	uint32_t datagrams;  /* in all: each has room for 64 KiB */
	uint32_t per_source; /* of one source address */
	uint32_t headless;   /* in all, of which the first fragment has not come */
	uint32_t first_min;  /* a first fragment carries at least so much */
};

/* A fragment as it came: ip is what ip_parse found in frame. */
struct ip_fragment {
	const uint8_t *frame; /* Ethernet header, l2 bytes */
	size_t l2;
	struct ip_view ip;
	uint32_t slot; /* of the SA, for the first fragment; it comes out with the whole */
	uint32_t generation;
};

/* Where a datagram came out: Ethernet and IP header of its first fragment, no longer one, and all the payload. */
struct reassembled {
	size_t len; /* of the frame */
	size_t l2;  /* of its Ethernet header */
	uint32_t slot;
	uint32_t generation;
};

struct piece {
	uint16_t at;
	uint16_t len;
};

struct datagram {
	TAILQ_ENTRY(datagram) by_age;
	TAILQ_ENTRY(datagram) by_source;
	uint8_t key[11]; /* source, destination, ID, protocol */
	bool dead;	 /* dropped for `why`, as is what still comes of it */
	bool headed;	 /* its first fragment has come */
	uint8_t ecn;	 /* a bit for each codepoint seen */
	uint8_t l2;
	uint8_t header;
	enum reason why;
	uint64_t began;
	uint32_t slot;
	uint32_t generation;
	uint32_t received; /* bytes of payload */
	uint32_t end;	   /* all of them; 0: not known yet */
	uint32_t count;
	struct piece pieces[FRAGMENTS_MAX]; /* by offset */
	uint8_t *payload;		    /* in the arena, with room for the headers in front */
};

TAILQ_HEAD(datagrams, datagram);

struct source_bucket {
	struct datagrams datagrams;
	uint32_t count;
};

/* Told of every fragment that did not come out in a datagram, with its SA if the first fragment told that, else
 * SLOT_NONE. */
typedef void reassembly_drop_fn(void *user, uint32_t slot, uint32_t generation, enum reason why, uint32_t fragments);

struct reassembler {
	struct reassembly_limits limits;
	reassembly_drop_fn *drop;
	void *user;
	uint32_t seed;	   /* a source cannot tell in whose bucket it is */
	uint32_t headless; /* held now */
	struct datagram *table;
	uint8_t *arena;
	size_t arena_size;
	struct datagrams free;
	struct datagrams ages;
	struct source_bucket buckets[REASSEMBLY_BUCKETS];
};

/* Makes room for limits->datagrams. 0 or -errno. */
int reassembly_create(struct reassembler *r, const struct reassembly_limits *limits, reassembly_drop_fn *drop,
		      void *user, struct fault *f);

/* Gives the room back. */
void reassembly_destroy(struct reassembler *r);

/*
 * Takes a fragment, which stays the caller's, at `now` ns. True if it was the
 * one that was missing: the frame is in to (HOST_FRAME_MAX bytes) then, its checksum right.
 */
bool reassembly_add(struct reassembler *r, const struct ip_fragment *f, uint64_t now, uint8_t *to,
		    struct reassembled *out);

/* Gives up what has been here too long. To be called now and then. */
void reassembly_expire(struct reassembler *r, uint64_t now);

#endif
