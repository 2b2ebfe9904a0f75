/* SPDX-License-Identifier: BSD-2-Clause */
/* What the engine needs of the world, and the words for it. */
#ifndef IKE_ENGINE_OPS_H
#define IKE_ENGINE_OPS_H

#include "config/ike_config.h"
#include "crypto/keymat.h"
#include "keyholder/keyholder.h"

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

#endif
