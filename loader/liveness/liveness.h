/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Liveness inside the SAs: the connections that the file says are monitored,
 * each with its timer, and the socket by which they are probed.
 *
 *   timer -> is there an SA? -> echo request -> NIC egress, as any packet -> ESP
 *   ESP -> ... -> echo reply -> the book (monitor.h) -> down? -> IKE makes the SAs anew
 */
#ifndef LOADER_LIVENESS_H
#define LOADER_LIVENESS_H

#include <event2/event.h>

#include "config/config.h"
#include "echo.h"
#include "lib/json.h"
#include "maps/maps.h"
#include "maps/maps.h"
#include "daemon/worker_process.h"

struct watched;

struct monitors {
	struct event_base *base;
	const struct maps *maps;
	const struct worker *worker;
	/* threshold is reached: the connection's SAs are to be made anew. */
	void (*on_dead)(void *arg, const char *connection);
	void *arg;

	struct watched **watched; /* malloc'd; the place is the echo's identifier */
	unsigned count;
	int fd; /* -1: nothing has been monitored so far */
	struct event *readable;
	uint8_t secret[ECHO_SECRET_SIZE];
};

/* Prepares; the fields up to arg are the caller's. */
void monitors_init(struct monitors *set);

/* Watches what this configuration says, which is not kept; books of connections that it watched before go on. 0 or
 * -errno, and nothing has changed. */
int monitors_configure(struct monitors *set, const struct config *config, struct fault *f);

/* {NAME: {interval_s, threshold, state, sent, received, lost, rtt_us {last, avg}}}: the caller's. */
cJSON *monitors_json(const struct monitors *set);

/* Safe on a struct that monitors_init or nobody has seen. */
void monitors_stop(struct monitors *set);

#endif
