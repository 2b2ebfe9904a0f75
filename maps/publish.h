/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What makes the SA of a slot known to the datapath, once its sa_state is filled: by what names it on the wire, and,
 * of an outbound one, by what it carries. An entry that is another SA's by now is never taken away.
 */
#ifndef MAPS_PUBLISH_H
#define MAPS_PUBLISH_H

#include "maps.h"

/*
 * Enters the SA in sad (inbound), or in sad_sent (outbound, where it carries nothing yet). 0, -errno, or -EEXIST when
 * there is an inbound SA with the same SPI and destination. An outbound SA takes the place of another, because it is
 * the peer that chose the SPI.
 */
int sa_publish(const struct maps *maps, uint32_t slot);

/* Enters an inbound SA anew, as its sa_state is now. 0, or -ENOENT when it was not entered. */
int sa_publish_again(const struct maps *maps, uint32_t slot);

/* Whether the SA is in sad or sad_sent. */
bool sa_is_published(const struct maps *maps, uint32_t slot);

/* Takes the SA out of sad or sad_sent. */
void sa_withdraw(const struct maps *maps, uint32_t slot);

/* From now on the outbound SA carries what is looked up by that key, in place of any other SA. 0 or -errno. */
int sa_bind(const struct maps *maps, uint32_t slot, const struct sad_out_key *key);

/* Whether this SA carries what is looked up by that key. */
bool sa_is_bound(const struct maps *maps, uint32_t slot, const struct sad_out_key *key);

/* If this SA carries what is looked up by that key, no SA does from now on. */
void sa_unbind(const struct maps *maps, uint32_t slot, const struct sad_out_key *key);

#endif
