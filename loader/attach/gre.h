/* SPDX-License-Identifier: BSD-2-Clause */
/* The map `gre`: which NICs have multicast in GRE, and for whom. It is made from the file, the NICs' addresses and the
 * SAs. */
#ifndef LOADER_ATTACH_GRE_H
#define LOADER_ATTACH_GRE_H

#include "config/config.h"
#include "nics.h"

/*
 * Makes the map say what is so now. Called when a connection, a NIC, an address or, for a mesh, an SA has come or gone.
 * Peers that the map has no room for are named in the log; they get no multicast, neither in GRE nor in clear.
 */
void gre_sync(const struct maps *maps, const struct nics *nics, const struct config *config);

/* Names in the log each connection with gre = yes that is on no attached NIC, because nobody takes its multicast. */
void gre_report(const struct maps *maps, const struct config *config);

#endif
