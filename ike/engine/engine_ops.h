/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the engine needs of the world: time, random numbers, packets out, SAs in the datapath, the keys' holder. The
 * engine makes no system call, so a test can be the whole world of two engines.
 */
#ifndef IKE_ENGINE_ENGINE_OPS_H
#define IKE_ENGINE_ENGINE_OPS_H

#include <cjson/cJSON.h>

#include "config/ike_config.h"
#include "crypto/keymat.h"
#include "hands/job.h"
#include "keyholder/keyholder.h"
#include "maps/reasons.h"

/* The two ends of a packet: where a request came from, and where its answer goes. Ports in host order. */
struct path {
	uint8_t local[4];
	uint8_t remote[4];
	uint16_t local_port; /* IKE_PORT or IKE_PORT_NAT; the non-ESP marker of the latter is the world's */
	uint16_t remote_port;
};

/* One SA of the datapath, which is one half of a child: slot and generation of maps/. */
struct sa_handle {
	uint32_t slot;
	uint32_t generation;
};

/* 0: no limit. Times in ms from now. */
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
	struct sa_handle reserved; /* inbound: what sa_reserve gave for this SPI; generation 0: nothing */
	uint8_t keymat[CHILD_KEYMAT_SIZE];
};

enum line_flag {
	LINE_OF_REMOTE = 1 << 0,  /* a peer can cause the line at will, so the world limits its rate */
	LINE_OF_FAILURE = 1 << 1, /* it says what failed */
};

struct sa_usage {
	uint64_t packets;
	uint64_t bytes;
	uint64_t seq;
	uint64_t idle_ms;	      /* since the last packet; UINT64_MAX: never used */
	uint64_t drops[REASON_COUNT]; /* by enum reason; of those that are no drops 0 */
};

typedef void (*orphan_fn)(void *arg, const uint8_t local[4], const uint8_t remote[4], const struct selector *selector,
			  uint64_t left_ms);

struct engine_ops {
	void *arg;

	uint64_t (*now_ms)(void *arg); /* never goes back */
	int64_t (*wall_s)(void *arg);  /* since the epoch, for certificates */
	void (*random)(void *arg, void *out, size_t size);
	/* 0, or -errno if the datagram does not leave this host: no route, a local address that is not there, a rule of
	 * the firewall. */
	int (*send)(void *arg, const struct path *path, const void *data, size_t size);

	/* An SPI that no inbound SA has, nor one of an earlier run. It is not taken before sa_reserve or sa_add. */
	uint32_t (*sa_spi)(void *arg, const uint8_t dst[4]);
	/*
	 * Room for an inbound SA whose key is yet to come: packets for that SPI are held for a moment, where they would
	 * be dropped without. sa_add takes the room over by spec.reserved, sa_remove gives it back. 0 or -errno.
	 */
	int (*sa_reserve)(void *arg, uint32_t spi, const uint8_t src[4], const uint8_t dst[4], struct sa_handle *out);
	/* Makes the SA. An inbound one takes packets from now on, an outbound one carries none before sa_bind. 0 or
	 * -errno. */
	int (*sa_add)(void *arg, const struct sa_spec *spec, struct sa_handle *out);
	/* Packets that the outbound SA's selector takes leave by this SA from now on: those of that lane, or of all
	 * that have no SA of their own (0): one map write. An SA that had another lane gives it up. lanes: there may be
	 * others for lanes beside it, and who has none tells. 0 or -errno. */
	int (*sa_bind)(void *arg, struct sa_handle sa, unsigned lane, bool lanes);
	/* Takes the SA away, and its binding unless another SA has the binding by now. */
	void (*sa_remove)(void *arg, struct sa_handle sa);
	/* False if the SA is gone. */
	bool (*sa_usage)(void *arg, struct sa_handle sa, struct sa_usage *out);
	/* Calls fn for each SA that an earlier run of IKE has left: its two ends, what it is for, and how long the SA
	 * has still got (UINT64_MAX: no limit). fn may remove such SAs. */
	void (*sa_each_orphan)(void *arg, orphan_fn fn, void *fn_arg);
	/* Removes those between the two, both ways, whose selector is within one of these. */
	void (*sa_remove_orphans)(void *arg, const uint8_t local[4], const uint8_t remote[4],
				  const struct selector *within, unsigned count);

	struct keyholder_ops keys;
	/* Who does what takes long: engine_job_done() has what came of it. */
	struct hands_ops hands;

	/* One line for people. flags: enum line_flag. */
	void (*log)(void *arg, unsigned flags, const char *line);
	/* The order of that ticket (engine_initiate ...) has come to its end. error: NULL if well, else one line. */
	void (*done)(void *arg, uint64_t ticket, const char *error);
	/* Something has happened that people's programs may want to know, by its name (loader/events/kinds.h).
	 * connection: its name, or NULL; remote: as in log; values: a flat object, the callee's. NULL: nobody hears. */
	void (*tell)(void *arg, bool remote, const char *event, const char *connection, cJSON *values);
	/* Of a new configuration: the connection of that name is another one than before ("changed"), or goes on with
	 * other certificates, CAs or CRLs ("renewed"). NULL: nobody asks. */
	void (*changed)(void *arg, const char *name, const char *how);
	/* Keys of a new IKE SA, as Wireshark's ikev2_decryption_table wants them; NULL unless the file allows it. */
	void (*keylog)(void *arg, uint64_t spi_i, uint64_t spi_r, const struct ike_keys *keys);
};

#endif
