/* SPDX-License-Identifier: BSD-2-Clause */
#include "port.h"

#include "packet/reassembly.h"

void port_drop_fragments(void *user, const struct lost_fragments *lost)
{
	struct port_queue *p = user;
	struct esp_sa *sa = sa_cache_get(&p->lane->sas, lost->slot, lost->generation);
	struct sa_state *state = sa ? sa->state : NULL;

	if (lost->at_hand)
		drop(p->lane, state, lost->why, lost->count);
	else
		drop_other(p->lane, NULL, state, lost->why, lost->count);
}
