/* SPDX-License-Identifier: BSD-2-Clause */
#include "mortal.h"

#include "engine_state.h"

void mortal_end(struct engine *e, struct mortal *m)
{
	if (m->ending)
		return;
	m->ending = true;
	TAILQ_INSERT_TAIL(&e->ending, m, of_engine);
}

void mortal_forget(struct engine *e, struct mortal *m)
{
	if (!m->ending)
		return;
	m->ending = false;
	TAILQ_REMOVE(&e->ending, m, of_engine);
}

/* One's end may be the next one's: a peer goes with its last IKE SA. */
void mortals_reap(struct engine *e)
{
	struct mortal *m;

	while ((m = TAILQ_FIRST(&e->ending))) {
		mortal_forget(e, m);
		m->reap(m);
	}
}
