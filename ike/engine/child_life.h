/* SPDX-License-Identifier: BSD-2-Clause */
/* When a child is rekeyed, and when it ends. */
#ifndef IKE_CHILD_LIFE_H
#define IKE_CHILD_LIFE_H

#include "child.h"

/* Tells the peer, so much later, and then it leaves. Without memory for that its hard timer tries again. */
void child_delete(struct child *c, uint64_t ms);

/* A limit has been seen by the datapath. */
void child_on_limit(struct child *c, bool hard);

/* c->soft, c->hard are due. */
void child_on_soft(struct timer *timer);
void child_on_hard(struct timer *timer);

#endif
