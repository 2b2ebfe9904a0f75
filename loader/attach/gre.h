/* SPDX-License-Identifier: BSD-2-Clause */
/* Which NICs have multicast in GRE, for whom: the map `gre`, made from the file, the NICs' addresses and the SAs. */
#ifndef LOADER_ATTACH_GRE_H
#define LOADER_ATTACH_GRE_H

#include "config/config.h"
#include "nics.h"

/*
 * Makes the map say what is so now: to be called when a connection, a NIC, an address or, for a mesh, an SA has come or
 * gone. Peers beyond what it has room for are named in the log, and get nothing, in clear neither.
 */
void gre_sync(const struct maps *maps, const struct nics *nics, const struct config *config);

/* Names in the log each connection that has gre = yes and is on no attached NIC: nobody takes its multicast. */
void gre_report(const struct maps *maps, const struct config *config);

#endif
