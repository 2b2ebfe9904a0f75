/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IKEv2 without a world: packets, time, orders go in; packets, SAs, log lines come out by way of struct engine_ops.
 * There is no system call in here, so two engines play any exchange in one process.
 *
 *   packet  ─► engine_receive ┐                       ┌─► ops.send
 *   clock   ─► engine_tick    ├─► peers, IKE SAs, ────┼─► ops.sa_add, sa_bind, sa_remove
 *   orders  ─► engine_initiate│   children            ├─► ops.log
 *   events  ─► engine_acquire │                       ├─► ops.done
 *   results ─► engine_job_done┘                       └─► ops.hands.give
 */
#ifndef IKE_ENGINE_ENGINE_H
#define IKE_ENGINE_ENGINE_H

#include <cjson/cJSON.h>

#include "config/ike_config.h"
#include "engine_ops.h"

struct engine;

/* The ops are copied. NULL: no memory. */
struct engine *engine_new(const struct engine_ops *ops);

/* Frees the engine. farewell: each peer is sent one DELETE, whose answer nobody waits for, and the SAs leave the
 * datapath; without, the SAs stay, and the next run finds them by ops.sa_each_orphan. */
void engine_free(struct engine *e, bool farewell);

/*
 * The connections of the file, at the start or after a reload. The engine takes what is in config, and empties it. A
 * connection with the same digest as before keeps its SAs, even if certificates, CAs or CRLs are others (reauth.h), and
 * one that config keeps by its name is not looked at. A connection that has changed or is gone is taken down.
 * 0; -ENOENT if config keeps one that is not there, or -ENOMEM, and all is as before.
 */
int engine_configure(struct engine *e, struct ike_config *config);

/* A datagram came. Whatever its content, at worst the datagram is dropped. */
void engine_receive(struct engine *e, const struct path *path, const uint8_t *data, size_t size);

/* A job that ops.hands took is done. One whose IKE SA has ended meanwhile is nobody's. */
void engine_job_done(struct engine *e, uint32_t number, const struct job_answer *answer);

/* Does what is due. Returns the time of ops.now_ms() to come again at; UINT64_MAX: nothing is to be due. */
uint64_t engine_tick(struct engine *e);

/* A packet is to be protected, and no SA carries it. Ports 0: the protocol has none. */
void engine_acquire(struct engine *e, const uint8_t local[4], const uint8_t remote[4], uint8_t proto,
		    uint16_t local_port, uint16_t remote_port);

/* The same, but it leaves by the SA that is for all lanes: the lane of its CPU (1 and up) has none of its own. */
void engine_acquire_for_lane(struct engine *e, const uint8_t local[4], const uint8_t remote[4], uint8_t proto,
			     uint16_t local_port, uint16_t remote_port, unsigned lane);

/* That SA has passed a limit; hard: the hard one, or its sequence numbers are used up. */
void engine_limit(struct engine *e, struct sa_handle sa, bool hard);

/* ESP with an SPI that nobody here has came from remote: one of the two has started anew, or somebody forges. So it has
 * the peer asked, by a liveness exchange or a new IKE SA, and ends nothing. */
void engine_unknown_spi(struct engine *e, const uint8_t local[4], const uint8_t remote[4], uint32_t spi);

/* An address of this host came or went. */
void engine_address(struct engine *e, const uint8_t local[4], bool present);

/* Nothing comes through the SAs of that connection, which is no mesh, though IKE's own packets may: the SAs and their
 * IKE SAs end at once, and are made anew as the connection's start says. */
void engine_dead(struct engine *e, const char *name);

/* What people order. ticket: ops.done() is called once with that number, perhaps before the call returns. remote: which
 * peer of a mesh; NULL for a connection that is none. */
void engine_initiate(struct engine *e, const char *name, const uint8_t *remote, uint64_t ticket);
void engine_terminate(struct engine *e, const char *name, const uint8_t *remote, uint64_t ticket);
void engine_rekey(struct engine *e, const char *name, const uint8_t *remote, bool ike, uint64_t ticket);

/* {"connections": [{name, local, remote, state, ike[], children[]}], "half_open": n}. The caller deletes the tree. */
cJSON *engine_status(const struct engine *e);

#endif
