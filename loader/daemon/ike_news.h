/* SPDX-License-Identifier: BSD-2-Clause */
/* What IKE is told: events of the datapath that are IKE's to deal with, addresses that come and go, SAs that are dead.
 */
#ifndef LOADER_DAEMON_IKE_NEWS_H
#define LOADER_DAEMON_IKE_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "ike_process.h"
#include "maps/maps.h"

struct ike_news {
	struct ike_process *ike;
	const struct maps *maps;
	struct event_base *base;
	bool behind; /* IKE has not taken all: it is told once more, */
	/* of limits that were passed, from that slot on, */
	bool limits;
	uint32_t slot;
	/* and which addresses are there, from that connection's on */
	bool addresses;
	unsigned connection;
};

/* Tells an event. arg: the struct ike_news. True: IKE has been told, and there is nothing to log. */
bool ike_news_event(void *arg, const struct event *e);

/* Tells that an address of this host has come or gone. */
void ike_news_address(struct ike_news *n, const uint8_t addr[4], bool present);

/* Tells for each connection whether its local address is there, because changes may have been missed. */
void ike_news_addresses_lost(struct ike_news *n);

/* Tells that no probe comes through the connection's SAs: IKE ends them, and makes them anew as the connection's
 * 'start' says. */
void ike_news_dead(const struct ike_news *n, const char *connection);

#endif
