/* SPDX-License-Identifier: BSD-2-Clause */
#include "port.h"

void port_drop_fragments(void *user, uint32_t slot, uint32_t generation, enum reason why, uint32_t fragments)
{
	struct port_queue *p = user;
	struct esp_sa *sa = sa_cache_get(&p->lane->sas, slot, generation);

	drop(p->lane, sa ? sa->state : NULL, why, fragments);
}
