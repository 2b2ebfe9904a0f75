/* SPDX-License-Identifier: BSD-2-Clause */
/* Which NICs have multicast in GRE, for whom: the map `gre`, made from the file, the NICs' addresses and the SAs. */
#ifndef LOADER_GRE_H
#define LOADER_GRE_H

#include "config.h"
#include "nics.h"

/*
 * Makes the map say what is so now: to be called when a connection, a NIC, an address or, for a mesh, an SA has come or
 * gone. What it cannot do is said in the log; what then is not in the map is not sent, in clear neither.
 */
void gre_sync(const struct maps *maps, const struct nics *nics, const struct config *config);

#endif
