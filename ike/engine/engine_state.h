/* SPDX-License-Identifier: BSD-2-Clause */
/* What an engine holds. Only its own files include this. */
#ifndef IKE_ENGINE_STATE_H
#define IKE_ENGINE_STATE_H

#include <sys/queue.h>

#include "cookie.h"
#include "engine_ops.h"
#include "mortal.h"
#include "table.h"
#include "timers.h"
#include "wire/writer.h"

TAILQ_HEAD(connection_list, connection);
TAILQ_HEAD(child_list, child);

/* From so many half-open IKE SAs on, who opens another must show that it receives what is sent to it (RFC 7296
 * section 2.6). */
#define COOKIE_THRESHOLD 64
/*
 * More than an attack with true addresses may hold; then new ones are dropped until old ones time out. Each keeps
 * IKE_SA_INIT as it came, for that is signed, and the pieces of an IKE_AUTH, which nobody has without the answer: with
 * the rest 28 KB at most, 56 MB in all (docs/security.md). An honest IKE_SA_INIT is 300 to 700 bytes, with the groups
 * and extensions of others 2,000; an IKE_AUTH 300 to 6,000, by its certificates.
 */
#define HALF_OPEN_MAX	 2048
#define INIT_MAX	 4096
#define HALF_OPEN_PIECES 16384
/* A peer that needs longer than that between IKE_SA_INIT and IKE_AUTH has given up. */
#define HALF_OPEN_MS 30000

struct engine {
	struct engine_ops ops;
	struct timers timers;
	struct table ike_sas;	      /* by our SPI */
	struct table half_open_table; /* by ike_init_key() */
	struct table peers;	      /* by peer_key() */
	struct table nets;	      /* connections, by local address and remote prefix (connection.c) */
	unsigned prefixes[33];	      /* how many of them have one of that length */
	struct table halves;	      /* of children, by slot */
	struct connection_list connections;
	struct child_list grace;
	struct mortal_list ending; /* to be looked at by the tick */
	uint64_t made;		   /* IKE SAs and children, ever: the last one's serial number */
	unsigned half_open;
	unsigned cookie_threshold;
	struct cookie_jar cookies;
	struct body body;   /* of the request being written, or of what is in the clear */
	struct body answer; /* a handler that writes it may have requests sent */
	uint8_t *plain;	    /* of the message being read; MESSAGE_SIZE_MAX */
};

#define MESSAGE_SIZE_MAX 65536

static inline uint64_t engine_now(const struct engine *e)
{
	return e->ops.now_ms(e->ops.arg);
}

void engine_random(struct engine *e, void *out, size_t size);
uint64_t engine_random_u64(struct engine *e);

/* Duration less up to `percent` of it, at random. */
uint64_t engine_jitter(struct engine *e, uint64_t ms, unsigned percent);

/* remote: a peer can cause the line at will. */
void engine_log(struct engine *e, bool remote, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
