/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has come for an IKE SA and waits for what its first message needs (foresight.h): so each IKE SA takes its
 * messages in their order, and none waits for another IKE SA's.
 */
#ifndef IKE_ENGINE_BACKLOG_H
#define IKE_ENGINE_BACKLOG_H

#include "engine_ops.h"
#include "wire/message.h"

/* A message, opened. */
struct opened {
	struct message m; /* its payloads are in plain */
	struct path path;
	uint8_t *plain; /* malloc'd */
};

/* A datagram as it came. */
struct datagram {
	struct datagram *next;
	struct path path;
	size_t size;
	uint8_t data[];
};

/* Zeroed: empty. */
struct backlog {
	struct opened *first; /* what waits; NULL: nothing, or */
	bool sealed;	      /* the first datagram: it is to be opened yet, or is in the clear */
	struct datagram *datagrams;
	size_t size; /* of all datagrams */
};

/* Something waits, and what else comes waits behind it. */
static inline bool backlog_waits(const struct backlog *b)
{
	return b->first || b->sealed;
}

/* The opened message waits: what it has is the backlog's. False: no memory, and it does not. */
bool backlog_hold(struct backlog *b, struct opened *o);
/* Takes it back, for the caller to free; NULL: there is none. */
struct opened *backlog_take(struct backlog *b);
void opened_free(struct opened *o);

/* The datagram waits, before all others. False: no memory. */
bool backlog_hold_sealed(struct backlog *b, const struct path *path, const uint8_t *data, size_t size);

/*
 * The datagram waits behind what waits. It is dropped if more than most bytes would wait then, if the same waits
 * already, or if it is of the message that does: its sender has sent it again.
 */
void backlog_add(struct backlog *b, const struct path *path, const struct message *m, size_t most);
/* Takes the first one, for the caller to free; NULL: there is none. */
struct datagram *backlog_next(struct backlog *b);

void backlog_free(struct backlog *b);

#endif
