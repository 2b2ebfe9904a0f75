/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three engines that live for a long time: A, B and C in one process, each with a
 * datapath of its own, on one clock and one network, with several connections
 * between any two. Chance decides what they are told to do and what the network
 * does to them; all of it follows from one seed.
 *
 *   life_new(seed) ─► life_run(ms), orders, faults ─► life_settled()? ─► life_free
 *
 *   world.c    hosts, clock, datagrams of IKE, datapath      plan.c     connections, who wants what
 *   traffic.c  ESP as a count of what gets through            check.c    what must hold when it is calm
 *   hostile.c  C as a peer that has the keys and misuses them memory.c   allocations that fail
 *   steps.c    orders and faults, as the dice have them      over.c     what must not go on
 *
 * Only the engines' outer side is used (engine.h), so that what is inside them may change.
 */
#ifndef TESTS_IKE_LIFE_H
#define TESTS_IKE_LIFE_H

#include "engine/engine.h"
#include "world.h"

#define LIFE_HOSTS	 3
#define LIFE_SAS	 1024
#define LIFE_PACKETS	 4096
#define LIFE_ESP	 65536
#define LIFE_FLOWS	 64
#define LIFE_TICKETS	 512
#define LIFE_ORDERS	 40 /* so many of the last are told when something is wrong */
#define LIFE_CONNECTIONS 6
#define LIFE_LINES	 64
#define LIFE_WHY	 400

enum { LIFE_A, LIFE_B, LIFE_C };

struct life;

struct life_ticket {
	bool open;
	uint64_t ticket;
	uint64_t since_ms;
};

/* What a host's file says of one connection of the plan. */
struct life_entry {
	bool present;
	bool narrow;			/* it is without its last selector */
	uint8_t version;		/* counts changes of no meaning */
	bool held[LIFE_HOSTS];		/* taken down towards that peer, by order */
	bool ended[LIFE_HOSTS];		/* and nobody has wanted it since */
	uint64_t wished_ms[LIFE_HOSTS]; /* when somebody wanted it, last */
};

struct life_host {
	struct life *life;
	int number;
	uint8_t addr[4];
	struct engine *engine;
	struct keyring *ring;
	struct played_hands hands;
	uint64_t due_ms;   /* of the engine, by its own clock */
	uint64_t ahead_ms; /* its clock has jumped so far */
	bool no_room;	   /* the datapath takes no SA */
	bool keyless;	   /* its key holder is dead */
	unsigned orphans;  /* how often it has begun anew beside SAs of an earlier run */
	uint64_t told_ms;  /* of an unknown SPI, last */
	unsigned sas;	   /* the highest slot in use, and one */
	struct world_sa sad[LIFE_SAS];
	struct life_ticket tickets[LIFE_TICKETS];
	struct life_entry file[LIFE_CONNECTIONS];
};

#define LIFE_LANES 2

/* What one host sends to another by one selector. */
struct life_flow {
	int from;
	int to;
	unsigned connection;
	unsigned index;		  /* of the selector in the plan */
	struct selector selector; /* as `from` sees it */
	unsigned most;	  /* so many children may be there at rest: 2 if both ends may have asked for one at once */
	bool on;	  /* packets want to go */
	bool armed;	  /* it was seen to carry, and nothing has happened since that may cost a packet */
	uint64_t told_ms; /* of a packet without an SA, last */
	uint64_t lane_told_ms; /* of one whose lane has none of its own */
	uint32_t slot;	       /* of the SA it had last: a guess */
};

struct life_esp {
	uint64_t at_ms;
	uint64_t sent_ms;
	unsigned flow;
	bool armed;
	uint32_t spi;
	uint32_t slot;	/* where it was found last: a guess */
	uint8_t key[8]; /* so much of it as tells one from another */
};

struct life_packet {
	int from;
	struct world_packet p;
};

/* An IKE SA of C: whose number its next request has. */
struct life_line {
	uint64_t spi_i;
	uint64_t spi_r;
	bool initiator;
	uint32_t next_id;
	struct path path; /* as the other end sees it */
	int to;
	bool asked; /* the other end has, by its message of that number, and has no answer yet */
	uint32_t asked_id;
	bool over; /* one of the two has found the other's message malformed */
};

struct life {
	uint64_t seed;
	uint64_t dice;	   /* what happens */
	uint64_t noise;	   /* the engines' own random numbers */
	uint64_t haste;	   /* how long their hands take */
	bool hands;	   /* they have some, */
	uint64_t hands_ms; /* which take so long at most */
	uint64_t now_ms;
	int64_t wall_s;
	bool trace;
	unsigned step;

	/* the network */
	uint64_t latency_ms;
	uint64_t jitter_ms; /* more than none: datagrams overtake each other */
	unsigned lose;	    /* percent, of datagrams of IKE */
	unsigned repeat;
	unsigned datagrams; /* sent, in all */

	bool rough;	   /* more than rekeys happens */
	bool hostile;	   /* C misuses its keys */
	bool per_queue;	   /* packets leave by one lane or another, and each may have SAs of its own */
	bool poor;	   /* there was no memory for something */
	uint64_t rekey_ms; /* of all connections */
	uint64_t ike_rekey_ms;
	uint64_t traffic_ms; /* each flow sends that often; 0: none does */
	uint64_t next_traffic_ms;
	uint64_t carried, lost, homeless; /* packets; the last: with no SA to go by */

	struct life_host hosts[LIFE_HOSTS];
	struct life_packet packets[LIFE_PACKETS];
	unsigned packet_count;
	struct life_flow flows[LIFE_FLOWS];
	unsigned flow_count;
	struct life_esp esp[LIFE_ESP]; /* a ring */
	unsigned esp_first, esp_count;

	struct world book; /* the keys of C's IKE SAs, for sealed.h; nothing else of it is used */
	struct life_line lines[LIFE_LINES];
	unsigned line_count;

	char orders[LIFE_ORDERS][120];
	unsigned order_count;
};

/* ---- world.c ---- */

struct life *life_new(uint64_t seed, bool trace);
void life_free(struct life *l);

/* A number below n, or a chance of so many percent. */
unsigned life_dice(struct life *l, unsigned n);
bool life_chance(struct life *l, unsigned percent);

/* Lets time go by. */
void life_run(struct life *l, uint64_t ms);

/* What is due at that host, now: after each order to its engine. */
void life_touch(struct life *l, int host);

/* An end that nobody hears of. datapath: the SAs are gone as well. The file is as it was. */
void life_restart(struct life *l, int host, bool datapath);

/* A datagram, on its way; the data is given away. */
void life_enqueue(struct life *l, int from, const struct world_packet *p, uint64_t delay_ms);

/* The SA of that SPI that takes packets, or is reserved. NULL: none. */
struct world_sa *life_inbound(struct life_host *h, uint32_t spi, uint32_t *guess);

/* A ticket for an order of that host. */
uint64_t life_ticket(struct life *l, int host);

/* A line of what happened, for when something is wrong. */
void life_note(struct life *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Something does not hold: all that is known is told, and the process ends. */
void life_violated(struct life *l, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
/* How to have it once more. */
void life_tell(const struct life *l);

/* ---- plan.c ---- */

struct plan {
	const char *name;
	uint8_t remote_bits;
	bool at[LIFE_HOSTS]; /* who has it; of one that is no mesh two have it */
	enum start_mode start[LIFE_HOSTS];
	unsigned selector_count;
	struct selector selectors[3]; /* as the first host that has it sees them */
};

extern const struct plan life_plan[LIFE_CONNECTIONS];

bool plan_is_between(unsigned connection, int a, int b);
/* As that host sees it. */
struct selector plan_selector(unsigned connection, unsigned index, int host);
/* That host's file has the flow's selector. */
bool plan_has(const struct life *l, int host, const struct life_flow *f);
/* That host's file has a selector for all that s takes, and of its connection more than the other's file has: not all
 * of it can come up. */
bool plan_is_lame(const struct life *l, int host, int remote, const struct selector *s);
/* Both files have a selector for all that s takes. */
bool plan_shares(const struct life *l, int host, int remote, const struct selector *s);
/* Gives the engine what the file says. */
void life_configure(struct life *l, int host);

enum wanted {
	MAY_BE_UP,
	MUST_BE_UP,
	MUST_BE_DOWN,
};
/* Of a flow's selector between its two hosts. */
enum wanted life_wanted(const struct life *l, const struct life_flow *f);
/* Somebody wants the connection to be up between the two; has ended it. */
void life_wish(struct life *l, unsigned connection, int a, int b);
void life_end(struct life *l, unsigned connection, int by, int remote);

/* Whether a packet of any of its selectors wants to go between the two, either way. */
bool life_has_traffic(const struct life *l, unsigned connection, int a, int b);

/* ---- traffic.c ---- */

void traffic_init(struct life *l);
/* Whose packets want to go from now on. */
void traffic_choose(struct life *l);
/* Each flow sends one packet. */
void traffic_send(struct life *l);
/* What has arrived is opened, or is lost. */
void traffic_arrive(struct life *l);
/* Both ends may ask for it at once, and there are two until one is due to be rekeyed (child.c). -1: each that both are
 * to begin. */
void traffic_may_double(struct life *l, int connection);
/* The connection is to be up by order: what is not may be asked for by the other end at the same time. */
void traffic_order(struct life *l, unsigned connection, int from, int to);
/* What is up is not to lose anything any more, or what concerns that host may. -1: all. */
void traffic_arm(struct life *l);
void traffic_disturb(struct life *l, int host);
/* What of the connection concerns that host may. */
void traffic_disturb_connection(struct life *l, int host, unsigned connection);

/* ---- check.c ---- */

/* All agree, what is to be up is up, nothing is left over. False: why. */
bool life_settled(struct life *l, char why[LIFE_WHY]);
/* What there are two of now may stay so; of all else there is to be one. */
void life_take_count(struct life *l);
/* An SA is to be rekeyed by then, as its host says. */
bool life_rekeys_within(struct life *l, uint64_t ms);
/* What each host has, to stderr. */
void life_dump(struct life *l);
/* Bounds that hold at any time. */
void life_check_bounds(struct life *l);

/* ---- hostile.c ---- */

/* C sends a message of its own making in one of its IKE SAs. */
void hostile_send(struct life *l);
/* C's next message asks for a child of that selector, on an IKE SA with that host, whichever; C's engine knows nothing
 * of it. */
void hostile_ask_for(struct life *l, int to, const struct selector *s);
/* What C's engine sends is seen, and perhaps changed. */
void hostile_look(struct life *l, struct world_packet *p);

/* ---- over.c ---- */

/* What another host sends to C is seen, and what arrives from C there. */
void over_on_sent(struct life *l, int from, const struct world_packet *p);
void over_on_arrival(struct life *l, const struct world_packet *p);

/* ---- steps.c ---- */

/* What makes an episode; none of them: only rekeys, delays, repetitions, and then no packet of ESP may be lost. */
enum mood {
	MOOD_LOSS = 1 << 0, /* datagrams of IKE */
	MOOD_TERMINATE = 1 << 1,
	MOOD_RELOAD = 1 << 2,
	MOOD_DEATH = 1 << 3,
	MOOD_ROOM = 1 << 4,
	MOOD_CLOCK = 1 << 5,
	MOOD_MEMORY = 1 << 6,
	MOOD_HOSTILE = 1 << 7,
	MOOD_LIMITS = 1 << 8,
	MOODS = 9,
};

/* A connection between two hosts, as one of them sees it. */
struct life_target {
	int host;
	int remote;
	unsigned connection;
	const uint8_t *address; /* NULL unless it is a mesh */
};

/* One or more of them, as the moods have it, and then some time. */
void step_take(struct life *l, unsigned moods);

void step_terminate(struct life *l, const struct life_target *t);
/* Its IKE begins anew; datapath: with nothing in the datapath. */
void step_restart(struct life *l, int host, bool datapath);
/* What the file says of the connection, before it is read: how is "remove", "add", "narrow" or "touch". */
void step_change(struct life *l, int host, unsigned connection, const char *how);

/* ---- memory.c ---- */

/* The nth allocation of an engine from now on fails; 0: none. */
extern unsigned memory_fails_in;
/* An engine is running: only then. */
extern bool memory_inside;

#endif
