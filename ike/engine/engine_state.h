/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an engine has, and what each of its files uses: the ops, timers, tables, time, random numbers, the log. No
 * object is known here, only the heads of lists and tables, so each file of the engine can stand on this one.
 */
#ifndef IKE_ENGINE_ENGINE_STATE_H
#define IKE_ENGINE_ENGINE_STATE_H

#include <sys/queue.h>

#include "cookie.h"
#include "engine_ops.h"
#include "failure.h"
#include "mortal.h"
#include "table.h"
#include "timers.h"
#include "wire/writer.h"

TAILQ_HEAD(connection_list, connection);
TAILQ_HEAD(child_list, child);
TAILQ_HEAD(peer_list, peer);

/* From so many half-open IKE SAs on, another is opened only by who has sent back a cookie, and so receives what is sent
 * to its address (RFC 7296 section 2.6). */
#define COOKIE_THRESHOLD 64
/*
 * What half-open IKE SAs may take: 30 KB each, 60 MB in all (docs/security.md). At HALF_OPEN_MAX new ones are dropped
 * until old ones time out. So many more, of 4 KB, may be kept for the last answer to who was refused. Each keeps its
 * IKE_SA_INIT as that came, since AUTH signs it, and the fragments of IKE_AUTH, which only who has read our answer can
 * send. An honest IKE_SA_INIT has 300 to 700 bytes, one with many groups and extensions 2,000; an honest IKE_AUTH 300
 * to 6,000, by its certificates.
 */
#define HALF_OPEN_MAX	 2048
#define INIT_MAX	 4096
#define HALF_OPEN_PIECES 16384
/* A peer that has not sent its IKE_AUTH so long after IKE_SA_INIT has given up. */
#define HALF_OPEN_MS 30000

struct engine {
	struct engine_ops ops;
	struct timers timers;
	struct timer day;	      /* expiry.h */
	struct table ike_sas;	      /* by our SPI */
	struct table half_open_table; /* by ike_init_key() */
	struct table peers;	      /* by peer_key() */
	struct table nets;	      /* connections, by local address and remote prefix (connection.c) */
	struct table names;	      /* connections, by name */
	uint64_t configured;	      /* configurations so far */
	unsigned prefixes[33];	      /* how many connections have a remote of that length */
	struct table jobs;	      /* foresight.h: those that are out, by their numbers */
	uint32_t last_job;
	struct table halves; /* of children, by half_key() (child.c) */
	struct connection_list connections;
	struct child_list grace;     /* children that have left, and whose halves still stay */
	struct mortal_list ending;   /* whose end may have come: the tick looks */
	unsigned opening;	     /* IKE SAs that count as such (opening.h), */
	uint64_t opening_longest_ms; /* how long they lately took */
	struct peer_list waiting;    /* peers that are to have one opened when there is room, */
	struct timer next_opening;   /* and that there is */
	uint64_t made;		     /* IKE SAs and children so far: the serial number of the last one */
	unsigned half_open;
	struct failure stranger; /* who was refused since no connection is for its address */
	unsigned refused;	 /* IKE SAs that were half-open, and are kept for their last answer */
	unsigned cookie_threshold;
	struct cookie_jar cookies;
	struct body body;   /* of the request, or of the message in the clear, that is being written */
	struct body answer; /* of the answer that is being written; its handler may have a DELETE written meanwhile */
};

static inline uint64_t engine_now(const struct engine *e)
{
	return e->ops.now_ms(e->ops.arg);
}

void engine_random(struct engine *e, void *out, size_t size);
uint64_t engine_random_u64(struct engine *e);

/* ms less up to `percent` of ms, at random: so that what began together does not come back together. */
uint64_t engine_jitter(struct engine *e, uint64_t ms, unsigned percent);

/* One line. flags: enum line_flag. */
void engine_log(struct engine *e, unsigned flags, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* An event, by way of ops.tell. values are deleted. */
void engine_tell(struct engine *e, bool remote, const char *event, const char *connection, cJSON *values);

#endif
