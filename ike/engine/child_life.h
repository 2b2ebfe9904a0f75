/* SPDX-License-Identifier: BSD-2-Clause */
/* When a child is rekeyed, and when it ends: by its time, and by what has passed through its halves. */
#ifndef IKE_ENGINE_CHILD_LIFE_H
#define IKE_ENGINE_CHILD_LIFE_H

#include "child.h"

/* Has the peer told in ms that the child is deleted; the child leaves when the answer comes. Without memory for the
 * task the hard timer tries again. */
void child_delete(struct child *c, uint64_t ms);

/* Has the child rekeyed; or, if there is another one for the same that is to stay, deleted. False: it is not up, or
 * there is no memory. */
bool child_rekey(struct child *c);

/* A child has come up. Two for the same carry well until one is to be rekeyed; of more, which several IKE SAs have
 * brought at once, the lowest are due soon. */
void child_thin_out(const struct child *newest);

/*
 * The child has come in the place of another one, whose DELETE is still to come or to go. To rekey it now would make a
 * chain of which the middle is both, new and old: strongSwan (6.0) closes such a one without a word and sends by none
 * of the three.
 */
bool child_is_taking_over(const struct child *c);

/* The peer asked for it: our answer may be on its way still, or be lost, until a later request, or a packet on it,
 * shows that it came. Not by the clock, which may leap. */
bool child_is_unheard(const struct child *c);

/* The datapath has seen a limit passed; hard: the half carries nothing more. */
void child_on_limit(struct child *c, bool hard);

/* c->soft, c->hard are due. */
void child_on_soft(struct timer *timer);
void child_on_hard(struct timer *timer);

#endif
