/* SPDX-License-Identifier: BSD-2-Clause */
#include "mortal.h"

#include <stddef.h>

void mortal_end(struct mortal_list *ending, struct mortal *m)
{
	if (m->ending)
		return;
	m->ending = true;
	TAILQ_INSERT_TAIL(ending, m, of_list);
}

void mortal_forget(struct mortal_list *ending, struct mortal *m)
{
	if (!m->ending)
		return;
	m->ending = false;
	TAILQ_REMOVE(ending, m, of_list);
}

struct mortal *mortal_take(struct mortal_list *ending)
{
	struct mortal *m = TAILQ_FIRST(ending);

	if (m)
		mortal_forget(ending, m);
	return m;
}
