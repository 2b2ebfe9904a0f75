/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Liveness inside the SAs: the connections that the file says are monitored,
 * each with its timer, and the socket by which they are probed.
 *
 *   timer -> is there an SA? -> echo request -> NIC egress, as any packet -> ESP
 *   ESP -> ... -> echo reply -> the book (liveness_book.h) -> down? -> IKE makes the SAs anew
 */
#ifndef LOADER_LIVENESS_LIVENESS_H
#define LOADER_LIVENESS_LIVENESS_H

#include <event2/event.h>

#include "config/config.h"
#include "echo.h"
#include "lib/json.h"
#include "maps/maps.h"

struct watched;

struct liveness {
	struct event_base *base;
	const struct maps *maps;
	/* Whether packets can leave at all. Without our own worker none does, and that tells nothing of a peer. */
	bool (*is_way_open)(void *arg);
	/* A connection has as many unanswered probes as its threshold: its SAs are to be made anew. */
	void (*on_dead)(void *arg, const char *connection);
	void *arg;

	struct watched **watched; /* malloc'd; the place is the echo's identifier */
	unsigned count;
	int fd; /* -1: nothing has been monitored so far */
	struct event *readable;
	uint8_t secret[ECHO_SECRET_SIZE];
};

/* Prepares; the fields up to arg are the caller's. */
void liveness_init(struct liveness *set);

/* Watches the connections that this configuration says; the books of those that were watched before go on. config is
 * not kept. 0, or -errno and nothing has changed. */
int liveness_configure(struct liveness *set, const struct config *config, struct fault *f);

/* {NAME: {interval_s, threshold, state, sent, received, lost, rtt_us {last, avg}}}: the caller's. */
cJSON *liveness_json(const struct liveness *set);

/* Safe on a struct that liveness_init or nobody has seen. */
void liveness_stop(struct liveness *set);

#endif
