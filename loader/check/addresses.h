/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of a connection that no two hosts can speak between, and the way back that the kernel wants. */
#ifndef LOADER_CHECK_ADDRESSES_H
#define LOADER_CHECK_ADDRESSES_H

#include "config/connection_config.h"
#include "config/policy_config.h"
#include "report.h"

/* Whether `remote`, if it is one host's, can be one: not this host's own, nor one that is for all of a network here.
 * False: it was said why not. */
bool check_remote(struct report *r, const struct connection_config *c);

/* Warns of a policy whose src is no address of this host. */
void check_source(struct report *r, const struct policy_config *p);

/* Strict reverse path filtering where the local address is on another interface than the one that the route to the peer
 * has. dev: the latter. */
void check_reverse_path(struct report *r, const struct connection_config *c, const char *dev);

#endif
