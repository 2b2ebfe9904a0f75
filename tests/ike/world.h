/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two engines in one process: a clock, random numbers and a network that the test
 * holds in its hand. Host 0 is 192.0.2.1, host 1 is 192.0.2.2.
 *
 *   world_init(&w); world_configure(&w, 0, ...); world_run(&w, ms);
 *   w.filter: sees each datagram, may drop, change, hold or repeat it
 */
#ifndef TESTS_IKE_WORLD_H
#define TESTS_IKE_WORLD_H

#include "played_hands.h"
#include "sas.h"

#define WORLD_SAS     512
#define WORLD_PACKETS 512
#define WORLD_LOG     65536
#define WORLD_KEYS    32

struct world_packet {
	int to;
	uint64_t at_ms;
	struct path path; /* as the receiver sees it */
	size_t size;
	uint8_t *data;
};

struct world;

struct world_host {
	struct world *world;
	int number;
	uint8_t addr[4];
	struct engine *engine;
	struct keyring *ring;
	struct played_hands hands;
	struct world_sa sas[WORLD_SAS];
	uint64_t done_ticket;
	char done_error[200]; /* "": well */
	unsigned done_count;
	char told[4096];       /* events: "EVENT CONNECTION\n" each */
	unsigned remote_lines; /* of the log, that a peer can cause at will */
	bool no_room;	       /* the datapath takes no SA */
	int send_error;	       /* errno of what it would send; 0: it leaves */
	uint64_t orphans_ms;   /* an earlier run has left SAs between the two, with so much time of their own */
	struct selector orphans_for;
	char log[WORLD_LOG];
	size_t log_size;
};

/* Of an IKE SA, as the engines log them for Wireshark. */
struct world_keys {
	uint64_t spi_i;
	uint64_t spi_r;
	struct ike_keys keys;
};

/* What becomes of a datagram. */
enum fate { PASS, DROP };

struct world {
	uint64_t now_ms;
	int64_t wall_s; /* at the beginning */
	uint64_t seed;
	uint64_t chance;
	uint64_t latency_ms;
	bool no_hands;		   /* the engines do all by themselves */
	uint64_t hands_ms;	   /* a job takes so long at most, by chance; 0: no time */
	bool hands_held;	   /* a job takes until played_do() is called for it */
	unsigned cookie_threshold; /* 0: the engine's own */
	struct world_host hosts[2];
	struct world_packet packets[WORLD_PACKETS];
	unsigned packet_count;
	unsigned sent;			    /* datagrams, in all */
	uint64_t spent_ns[2];		    /* of real time, inside each engine */
	struct world_keys keys[WORLD_KEYS]; /* of the latest IKE SAs */
	unsigned key_count;
	enum fate (*filter)(struct world *w, struct world_packet *p, void *arg);
	void *filter_arg;
};

/* A filter: nothing arrives. */
enum fate world_drop_all(struct world *w, struct world_packet *p, void *arg);

#define WORLD_BEGIN_MS 1000000

/* The wall clock. */
static inline int64_t world_wall(const struct world *w)
{
	return w->wall_s + (int64_t)(w->now_ms - WORLD_BEGIN_MS) / 1000;
}

void world_init(struct world *w);
void world_free(struct world *w);
/* All over again, with other random numbers for each seed. */
void world_again(struct world *w, uint64_t seed);

/* For cmocka: *state is a world. */
int world_setup(void **state);
int world_teardown(void **state);

/* A connection between the two, PSK "secret" on both; change what the test is about before world_configure(). */
struct connection_config *world_connection(struct world *w, int host);

/* That host's IKE is killed, and another one is there, with nothing but what is in the datapath; not configured. */
void world_restart(struct world *w, int host);

/* Gives the host this one connection. */
void world_configure(struct world *w, int host, struct connection_config *c);

/* Both with what world_connection makes; host 0 with that start. */
void world_configure_both(struct world *w, enum start_mode start);

/* Lets time go by, packets arrive, timers fire. */
void world_run(struct world *w, uint64_t ms);

/* The same, while both send every 5 ms: false as soon as a packet is not opened when it arrives, or cannot leave. */
bool world_run_under_traffic(struct world *w, uint64_t ms);

/* Orders by the connection's name on that host. */
void world_initiate(struct world *w, int host);
void world_terminate(struct world *w, int host);
void world_rekey(struct world *w, int host, bool ike);

/* Puts a datagram on the way once more. */
void world_inject(struct world *w, const struct world_packet *p, uint64_t delay_ms);

/* ---- looking ---- */

unsigned world_sa_count(const struct world *w, int host, bool inbound);
/* The bound outbound SA of a host, or NULL. */
struct world_sa *world_bound(struct world *w, int host);
/* The inbound SA on the other host that belongs to an outbound one: by SPI, with the same key. NULL: none. */
struct world_sa *world_partner(struct world *w, int host, const struct world_sa *out);
/* What that host has reserved for an inbound SA with that SPI, or NULL. */
struct world_sa *world_reserved(struct world *w, int host, uint32_t spi);
/* Whether traffic goes both ways: what each has bound, the other opens. */
bool world_talks(struct world *w);
/* A packet of traffic from that host: true if the other one opens it. */
bool world_send_traffic(struct world *w, int from);
/* Traffic both ways, and on each host one IKE SA with one child. */
bool world_is_up(struct world *w);
/* No SA and no IKE SA on either. */
bool world_is_down(struct world *w);
bool world_logged(const struct world *w, int host, const char *text);
unsigned world_ike_count(struct world *w, int host);
unsigned world_child_count(struct world *w, int host);

#endif
