/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IKEv2 without a world: packets, time, orders go in; packets, SAs, log lines come out by way of struct engine_ops.
 * There is no system call in here, so two engines play any exchange in one process.
 *
 *   packet  ─► engine_receive ┐                       ┌─► ops.send
 *   clock   ─► engine_tick    ├─► peers, IKE SAs, ────┼─► ops.sa_add, sa_bind, sa_remove
 *   orders  ─► engine_initiate│   children            ├─► ops.log
 *   events  ─► engine_acquire ┘                       └─► ops.done
 */
#ifndef IKE_ENGINE_H
#define IKE_ENGINE_H

#include <cjson/cJSON.h>

#include "config/ike_config.h"
#include "keyholder/keyholder.h"
#include "crypto/keymat.h"

struct engine;

/* Where a packet came from and where the answer goes. Ports in host order. */
struct path {
	uint8_t local[4];
	uint8_t remote[4];
	uint16_t local_port; /* IKE_PORT, or IKE_PORT_NAT: then with the non-ESP marker, which the engine never sees */
	uint16_t remote_port;
};

/* A child's half in the datapath: slot and generation of maps/. */
struct sa_handle {
	uint32_t slot;
	uint32_t generation;
};

/* Limits of 0 are none. Times in ms from now. */
struct sa_limits {
	uint64_t soft_packets;
	uint64_t hard_packets;
	uint64_t soft_bytes;
	uint64_t hard_bytes;
	uint64_t hard_ms;
};

struct sa_spec {
	uint32_t spi;
	uint8_t src[4];
	uint8_t dst[4];
	bool inbound;
	bool esn;
	bool gre;
	uint16_t replay_window;
	struct selector selector;
	struct sa_limits limits;
	struct sa_handle reserved; /* inbound: what sa_reserve gave for it; generation 0: nothing */
	uint8_t keymat[CHILD_KEYMAT_SIZE];
};

struct sa_usage {
	uint64_t packets;
	uint64_t bytes;
	uint64_t seq;
	uint64_t idle_ms; /* since the last packet; UINT64_MAX: never used */
};

typedef void (*orphan_fn)(void *arg, const uint8_t local[4], const uint8_t remote[4], uint64_t left_ms);

struct engine_ops {
	void *arg;

	uint64_t (*now_ms)(void *arg); /* never goes back */
	int64_t (*wall_s)(void *arg);  /* since the epoch, for certificates */
	void (*random)(void *arg, void *out, size_t size);
	void (*send)(void *arg, const struct path *path, const void *data, size_t size);

	/* An SPI that no inbound SA has (also none of an earlier run); not taken until sa_reserve or sa_add. */
	uint32_t (*sa_spi)(void *arg, const uint8_t dst[4]);
	/*
	 * Room for an inbound SA whose key is yet to come: packets for that SPI are held for a moment instead of
	 * dropped. sa_add takes it over by spec.reserved; sa_remove gives it back. 0 or -errno.
	 */
	int (*sa_reserve)(void *arg, uint32_t spi, const uint8_t src[4], const uint8_t dst[4], struct sa_handle *out);
	/* Makes the SA. Inbound: packets are taken from now on. Outbound: it carries nothing before sa_bind. 0 or
	 * -errno. */
	int (*sa_add)(void *arg, const struct sa_spec *spec, struct sa_handle *out);
	/* From now on this outbound SA carries what its selector says: one map write. */
	int (*sa_bind)(void *arg, struct sa_handle sa);
	/* Takes the SA away, and its binding if it still has it. */
	void (*sa_remove)(void *arg, struct sa_handle sa);
	/* False if the SA is gone. */
	bool (*sa_usage)(void *arg, struct sa_handle sa, struct sa_usage *out);
	/*
	 * SAs of an earlier run of IKE: fn for each, with its ends and how long it has still got (UINT64_MAX: no
	 * limit); fn may remove them. And away with all that are between the two, both ways.
	 */
	void (*sa_each_orphan)(void *arg, orphan_fn fn, void *fn_arg);
	void (*sa_remove_orphans)(void *arg, const uint8_t local[4], const uint8_t remote[4]);

	struct keyholder_ops keys;

	/* One line for people. remote: a peer can cause it at will, so it is rate-limited. */
	void (*log)(void *arg, bool remote, const char *line);
	/* An order (engine_initiate ...) with that ticket has come to its end: error NULL, or why not. */
	void (*done)(void *arg, uint64_t ticket, const char *error);
	/* Keys of a new IKE SA, as Wireshark's ikev2_decryption_table wants them; NULL unless the file allows it. */
	void (*keylog)(void *arg, uint64_t spi_i, uint64_t spi_r, const struct ike_keys *keys);
};

/* The ops are copied. NULL when memory is short. */
struct engine *engine_new(const struct engine_ops *ops);

/* Tells every peer good-bye (DELETE, once, no waiting) if asked to, frees everything. SAs in the datapath stay unless
 * farewell. */
void engine_free(struct engine *e, bool farewell);

/*
 * The connections, now or instead of those before; takes the config over and empties it. A connection that did not
 * change (by digest) keeps its SAs, also with other certificates, CAs or CRLs (reauth.h); one that did, or is gone, is
 * terminated.
 */
void engine_configure(struct engine *e, struct ike_config *config);

/* A datagram. Nothing in it can do harm. */
void engine_receive(struct engine *e, const struct path *path, const uint8_t *data, size_t size);

/* Does what is due. Returns when to come again: ops.now_ms() of it, or UINT64_MAX. */
uint64_t engine_tick(struct engine *e);

/* A packet wants to go and there is no SA (ports 0 if it has none). */
void engine_acquire(struct engine *e, const uint8_t local[4], const uint8_t remote[4], uint8_t proto,
		    uint16_t local_port, uint16_t remote_port);

/* The datapath has seen a limit passed (or, hard, the last sequence number gone) on that SA. */
void engine_limit(struct engine *e, struct sa_handle sa, bool hard);

/* ESP with an SPI we don't have came from remote: a sign that one of us restarted; checked by a liveness exchange at
 * most. */
void engine_unknown_spi(struct engine *e, const uint8_t local[4], const uint8_t remote[4], uint32_t spi);

/* An address of this host came or went. */
void engine_address(struct engine *e, const uint8_t local[4], bool present);

/* Nothing comes through the SAs of that connection, which is no mesh, though IKE may: they and their IKE SAs end here
 * and now, and are made anew as its start says. */
void engine_dead(struct engine *e, const char *name);

/* Orders of the command. ticket: what done() is called with, perhaps at once. remote: NULL unless the connection is a
 * mesh and one peer is meant. */
void engine_initiate(struct engine *e, const char *name, const uint8_t *remote, uint64_t ticket);
void engine_terminate(struct engine *e, const char *name, const uint8_t *remote, uint64_t ticket);
void engine_rekey(struct engine *e, const char *name, const uint8_t *remote, bool ike, uint64_t ticket);

/* {"connections": [{name, local, remote, state, ike[], children[]}], "half_open": n}: the caller's to cJSON_Delete. */
cJSON *engine_status(const struct engine *e);

#endif
