/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Thousands of hosts and the hub that each of them has a connection with, on a clock and a network of their own: the
 * hub is one engine, all the others are another, whose every connection has an address of its own. Group 20 is played
 * (cheap_dh.c), so that what is left is the engine's own.
 *
 *     hub 10.0.0.1, a mesh or a connection for each ─── host n: 10.1.0.0 + n
 */
#ifndef TESTS_IKE_MANY_H
#define TESTS_IKE_MANY_H

#include "engine/engine.h"
#include "keyholder/keyholder.h"

#define MANY_MAX   16384
#define MANY_BEGIN 1000000

enum { HUB, HOSTS };

/* Of one direction of one connection. None takes the place of another. */
struct many_sa {
	uint32_t host; /* n */
	bool used;
	bool inbound;
	bool orphan; /* of the engine before this one */
	uint64_t made_ms;
};

struct many_end {
	struct many *world;
	int number;
	struct engine *engine;
	struct keyring *ring;
	struct many_sa *sas;
	unsigned count; /* of sas */
	unsigned room;
	unsigned orphans[MANY_MAX]; /* by host */
	unsigned changed;	    /* connections that a configuration found to be others */
	unsigned done;		    /* orders that have come to their end well */
};

/* What is on its way, in the order of its arrival. */
struct many_datagram {
	uint64_t at_ms;
	int to;
	struct path path; /* as the receiver sees it */
	size_t size;
	uint8_t *data;
};

struct many {
	uint64_t now_ms;
	uint64_t seed;
	uint64_t latency_ms;
	uint64_t hub_ms,
		hub_free_ms; /* the hub takes so long for each datagram; and has none to look at from then on */
	unsigned hosts;
	uint32_t slot_step; /* from one SA to the next: 1, unless a test has another */
	struct many_end ends[2];
	struct many_datagram *on_way; /* a ring */
	size_t first, next, room;
	bool gone[MANY_MAX]; /* nothing comes from that host or goes to it */

	/* what was sent */
	unsigned datagrams;
	unsigned to_host[MANY_MAX]; /* and from it */
	/* Requests that began in each span of MANY_SPAN_MS since many_count_begin(), by exchange. */
	unsigned *begun[256];
	uint64_t counted_from_ms;
	size_t spans;
};

#define MANY_SPAN_MS 100

struct many *many_new(unsigned hosts);
void many_free(struct many *w);

/* Each host has a connection, with that start; PSK. The hub's is one mesh, or one for each. `change`, unless NULL, may
 * change each connection before it is taken. */
typedef void many_change(struct connection_config *c, unsigned host);
void many_configure_hosts(struct many *w, enum start_mode start, many_change *change);
void many_configure_mesh(struct many *w, enum start_mode start, many_change *change);
void many_configure_each(struct many *w, enum start_mode start, many_change *change);

/* The hosts' file once more: one connection is another, the rest are kept. */
void many_change_one(struct many *w, unsigned host, many_change *change);

/* That end's IKE is killed, and another is there, with what is in the datapath; not configured. */
void many_restart(struct many *w, int end);

/* A packet of the hub's to that host finds no SA. */
void many_acquire(struct many *w, unsigned host);

void many_run(struct many *w, uint64_t ms);

/* ---- looking ---- */

/* SAs of an end, of both directions. */
unsigned many_sas(const struct many *w, int end);
/* How many of them are of an engine before this one. */
unsigned many_orphans(const struct many *w, int end);
/* The outbound one of that host. */
struct sa_handle many_outbound(const struct many *w, int end, unsigned host);
/* When the latest SA between the two was made; 0: none. */
uint64_t many_made(const struct many *w, int end, unsigned host);

/* Of requests of that exchange that are sent for the first time, counted for so long from now on. */
void many_count_begin(struct many *w, uint64_t ms);
unsigned many_most(const struct many *w, uint8_t exchange);
double many_mean(const struct many *w, uint8_t exchange);

#endif
