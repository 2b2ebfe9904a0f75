/* SPDX-License-Identifier: BSD-2-Clause */
/* Events of the datapath that are IKE's to deal with. */
#ifndef LOADER_IKE_NEWS_H
#define LOADER_IKE_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "maps/layout.h"

/* arg is the supervisor. True: IKE has been told, and there is nothing to log. */
bool ike_on_event(void *arg, const struct event *e);

/* An address of this host came or went: connections that use it are told. */
void ike_on_address(void *arg, const uint8_t addr[4], bool present);

/* That was not heard of every time: they are told of each, whether it is there. */
void ike_on_addresses_lost(void *arg);

/* No probe comes through the connection's SAs: they are ended here and made anew as its 'start' says. */
void ike_on_dead(void *arg, const char *connection);

#endif
