/* SPDX-License-Identifier: BSD-2-Clause */
/* What IKE is told of: events of the datapath that are its to deal with, addresses that come and go, dead SAs. */
#ifndef LOADER_DAEMON_IKE_NEWS_H
#define LOADER_DAEMON_IKE_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "ike_process.h"
#include "maps/maps.h"

struct ike_news {
	struct ike_process *ike;
	const struct maps *maps;
};

/* arg is the struct ike_news. True: IKE has been told, and there is nothing to log. */
bool ike_news_event(void *arg, const struct event *e);

/* An address of this host came or went: connections that use it are told. */
void ike_news_address(const struct ike_news *n, const uint8_t addr[4], bool present);

/* Some that came or went were not heard of: each connection is told whether its own is there. */
void ike_news_addresses_lost(const struct ike_news *n);

/* No probe comes through the connection's SAs: they are ended here and made anew as its 'start' says. */
void ike_news_dead(const struct ike_news *n, const char *connection);

#endif
