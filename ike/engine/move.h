/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A new IKE SA takes over what older ones between the same two carry: make before break. The peer has proven itself
 * anew on the new one. Each child of an old one gets a child like it on the new one, and only then the old IKE SA is
 * deleted.
 */
#ifndef IKE_ENGINE_MOVE_H
#define IKE_ENGINE_MOVE_H

#include "ike_sa.h"

/* Asks for what is missing on sa. When all has moved, the old ones are deleted; when time is up, sa is, unless an old
 * one may not stay. Either ends the move: sa->moves is false. */
void move_go_on(struct ike_sa *sa);

/* Another IKE SA is taking over what sa carries. */
bool move_is_under_way(const struct ike_sa *sa);

#endif
