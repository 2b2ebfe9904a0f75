/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer has IKE_SAS_MAX IKE SAs at most. One more ends the least needed one: a dead one that is kept for its last
 * answer, or one on its way out, or one that is up; among equals the one that has been silent longest.
 */
#ifndef IKE_ENGINE_ROOM_H
#define IKE_ENGINE_ROOM_H

#include "ike_sa.h"

/* sa has come up, or takes over from old (or NULL); neither of the two ends. */
void room_make(const struct ike_sa *sa, const struct ike_sa *old);

#endif
