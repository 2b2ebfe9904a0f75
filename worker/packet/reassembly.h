/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 reassembly (RFC 791 section 3.2). Each fragment is copied to its place in its datagram, and the datagram comes
 * out when the last gap is closed.
 *
 *   by source:  bucket ─► datagram ─► datagram      newest first; a source has a quota of them
 *   by age:     oldest ─────────────► newest        the oldest is given up first
 *
 * Who floods pays alone: a source that is over its quota loses its own oldest datagram. A fragment that contradicts
 * others of its datagram ends the whole datagram, with the fragments that are still to come (RFC 5722, RFC 8200
 * section 4.5). All memory is there from the start; nothing here allocates, logs, or asks for the time.
 */
#ifndef WORKER_PACKET_REASSEMBLY_H
#define WORKER_PACKET_REASSEMBLY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "host_frame.h"
#include "lib/fault.h"
#include "maps/layout.h"

/*
 * The most fragments of one datagram. 64 KiB over a path of 576 bytes, the least that a host must take (RFC 791), are
 * 119 fragments. A datagram of more would cost more to put together than to carry.
 */
#define FRAGMENTS_MAX 128
/*
 * How long a datagram may take from its first fragment to its last. RFC 1122 section 3.3.2 says 60 to 120 seconds; then
 * routers held packets for seconds. Fragments of one datagram leave together, and today only queues separate them, by
 * well under a second. With a longer time a lossy path fills the arena with datagrams that never end, and the 16 bits
 * of the ID come round again (RFC 4963).
 */
#define REASSEMBLY_NS 2000000000ULL
/* Sources that fall into one bucket share a quota, which is likelier with fewer buckets. These take 24 KiB. */
#define REASSEMBLY_BUCKET_BITS 10
#define REASSEMBLY_BUCKETS     (1 << REASSEMBLY_BUCKET_BITS)

/* How many datagrams may be open at once. */
struct reassembly_limits {
	uint32_t datagrams;  /* in all; each has room for 64 KiB */
	uint32_t per_source; /* of one source address */
	uint32_t headless;   /* in all, of those whose first fragment has not come */
	uint32_t first_min;  /* bytes of payload that a first fragment has at least */
};

/* A fragment as it came. */
struct ip_fragment {
	const uint8_t *frame; /* where the Ethernet header begins */
	size_t l2;	      /* bytes of the Ethernet header */
	struct ip_view ip;    /* what ip_parse found in the frame */
	uint32_t slot;	      /* of the SA; used of the first fragment, and handed out with the datagram */
	uint32_t generation;
};

/* A datagram that is complete: a frame with the Ethernet and IP header of its first fragment, and all the payload. The
 * IP header says that the datagram is no fragment. */
struct reassembled {
	size_t len; /* bytes of the frame */
	size_t l2;  /* bytes of its Ethernet header */
	uint32_t slot;
	uint32_t generation;
};

/* A fragment's place in its datagram's payload, in bytes. */
struct piece {
	uint16_t at;
	uint16_t len;
};

/* A datagram that is open, or dead. Sizes are bytes. */
struct datagram {
	TAILQ_ENTRY(datagram) by_age;
	TAILQ_ENTRY(datagram) by_source;
	uint8_t key[11]; /* source, destination, ID, protocol (RFC 791 section 3.2) */
	bool dead;	 /* dropped for `why`; stays so that fragments still to come are dropped, too */
	bool headed;	 /* the first fragment has come */
	uint8_t ecn;	 /* a bit for each ECN codepoint seen */
	uint8_t l2;	 /* Ethernet header of the first fragment */
	uint8_t header;	 /* IP header of the first fragment */
	enum reason why;
	uint64_t began; /* ns, when the first of its fragments came */
	uint32_t slot;	/* SLOT_NONE until the first fragment has come */
	uint32_t generation;
	uint32_t received;		    /* payload so far */
	uint32_t end;			    /* all of the payload; 0: not known yet */
	uint32_t count;			    /* of pieces */
	struct piece pieces[FRAGMENTS_MAX]; /* by offset */
	uint8_t *payload;		    /* in the arena, with room for both headers in front */
};

TAILQ_HEAD(datagrams, datagram);

/* The datagrams of the sources that hash to one number. */
struct source_bucket {
	struct datagrams datagrams; /* newest first */
	uint32_t count;
};

/* Fragments that will come out in no datagram. */
struct lost_fragments {
	uint32_t slot; /* the SA that the first of them named, or SLOT_NONE */
	uint32_t generation;
	enum reason why;
	uint32_t count;
	bool at_hand; /* the one that reassembly_add() was called with is of them; all others are not there any more */
};

typedef void reassembly_drop_fn(void *user, const struct lost_fragments *lost);

struct reassembler {
	struct reassembly_limits limits;
	reassembly_drop_fn *drop;
	void *user;
	uint32_t seed;	   /* random, so that nobody can choose to share another source's bucket and quota */
	uint32_t headless; /* datagrams now whose first fragment has not come */
	struct datagram *table;
	uint8_t *arena;
	size_t arena_size;
	struct datagrams free; /* by by_age; those used last come first */
	struct datagrams ages; /* oldest first */
	struct source_bucket buckets[REASSEMBLY_BUCKETS];
};

/* Makes a reassembler with room for limits->datagrams, which is copied. drop is called with user. 0 or -ENOMEM. */
int reassembly_create(struct reassembler *r, const struct reassembly_limits *limits, reassembly_drop_fn *drop,
		      void *user, struct fault *f);

/* Frees the memory; open datagrams are gone, and drop is not called for them. */
void reassembly_destroy(struct reassembler *r);

/*
 * Takes a fragment, which is copied. now: ns of any clock that all calls share. True: the datagram is complete. Then
 * its frame is in `to`, which has room for HOST_FRAME_MAX bytes and may be where the fragment is, *out tells its
 * lengths and SA, and the IP header has a right checksum. False: the fragment is kept, or was dropped, which drop was
 * told.
 */
bool reassembly_add(struct reassembler *r, const struct ip_fragment *f, uint64_t now, uint8_t *to,
		    struct reassembled *out);

/* Whether no datagram is open. */
bool reassembly_is_empty(const struct reassembler *r);

/* Called now and then: gives up the datagrams that are older than REASSEMBLY_NS. */
void reassembly_expire(struct reassembler *r, uint64_t now);

/* Gives up all that are open. */
void reassembly_give_up(struct reassembler *r);

#endif
