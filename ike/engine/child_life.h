/* SPDX-License-Identifier: BSD-2-Clause */
/* When a child is rekeyed, and when it ends: by its time, and by what has passed through its halves. */
#ifndef IKE_CHILD_LIFE_H
#define IKE_CHILD_LIFE_H

#include "child.h"

/* Has the peer told in ms that the child is deleted; the child leaves when the answer comes. Without memory for the
 * task the hard timer tries again. */
void child_delete(struct child *c, uint64_t ms);

/* The datapath has seen a limit passed; hard: the half carries nothing more. */
void child_on_limit(struct child *c, bool hard);

/* c->soft, c->hard are due. */
void child_on_soft(struct timer *timer);
void child_on_hard(struct timer *timer);

#endif
