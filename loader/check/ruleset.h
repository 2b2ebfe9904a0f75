/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of nftables in this network namespace, those of iptables-nft among them. */
#ifndef LOADER_CHECK_RULESET_H
#define LOADER_CHECK_RULESET_H

#include "lib/fault.h"
#include "lib/json.h"

/* As 'nft -j list ruleset' has them: the caller's to delete. 0; -ENOENT: there is no nft; or -errno. */
int ruleset_read(cJSON **out, struct fault *f);

/* Whether nftables has any table, which is known without nft. */
bool ruleset_is_there(void);

/* Whether there may be rules of iptables-legacy, which only that can tell. */
bool ruleset_old_is_there(void);

#endif
