/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What makes the SA of a slot known to the datapath, once its sa_state is filled: by what names it on the wire, and,
 * of an outbound one, by what it carries. Nothing is ever taken away that is another SA's by now.
 */
#ifndef MAPS_PUBLISH_H
#define MAPS_PUBLISH_H

#include "maps.h"

/*
 * Enters it in sad (inbound) or sad_sent (outbound, which then carries nothing yet). 0 or -errno: -EEXIST when there is
 * an inbound SA with its SPI and destination. An outbound one takes another's place, for the peer chose the SPI.
 */
int sa_publish(const struct maps *maps, uint32_t slot);

/* The same for an inbound SA that is entered already: what has changed of it counts. */
int sa_publish_again(const struct maps *maps, uint32_t slot);

/* Takes it out of sad or sad_sent. */
void sa_withdraw(const struct maps *maps, uint32_t slot);

/* From now on the outbound SA carries what is looked up by that key, in place of any other. 0 or -errno. */
int sa_bind(const struct maps *maps, uint32_t slot, const struct sad_out_key *key);

/* Whether it is this SA that carries that. */
bool sa_is_bound(const struct maps *maps, uint32_t slot, const struct sad_out_key *key);

/* If it is, nothing does any more. */
void sa_unbind(const struct maps *maps, uint32_t slot, const struct sad_out_key *key);

#endif
