/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A new IKE SA takes over what older ones between the same two carry: make before break. The peer has proven itself
 * anew on the new one. Each child of an old one gets a child like it on the new one, and only then the old IKE SA is
 * deleted.
 */
#ifndef IKE_MOVE_H
#define IKE_MOVE_H

#include "ike_sa.h"

/* A step of it: asks for what is missing, and ends the move when all is there, or time is up. Then sa->moves is false.
 */
void move_go_on(struct ike_sa *sa);

/* Another IKE SA is taking over what this one has. */
bool move_is_under_way(const struct ike_sa *sa);

#endif
