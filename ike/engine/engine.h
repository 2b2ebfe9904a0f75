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
#include "engine_ops.h"

struct engine;

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
