/* SPDX-License-Identifier: BSD-2-Clause */
/* What an engine has inside, for tests that must get at what no order reaches. */
#ifndef TESTS_IKE_INSIDE_H
#define TESTS_IKE_INSIDE_H

#include "engine/ike_sa_end.h"
#include "engine/peer_sas.h"
#include "engine/proven.h"
#include "engine/request.h"
#include "world.h"

/* The only peer of the only connection of that host; its IKE SA and its child that are up, or NULL. */
static inline struct peer *inside_peer(struct world *w, int host)
{
	return TAILQ_FIRST(&TAILQ_FIRST(&w->hosts[host].engine->connections)->peers);
}

static inline struct ike_sa *inside_ike(struct world *w, int host)
{
	return peer_ike_up(inside_peer(w, host));
}

static inline struct child *inside_child(struct world *w, int host)
{
	return peer_child_up(inside_peer(w, host), NULL);
}

#endif
