/* SPDX-License-Identifier: BSD-2-Clause */
/* Which IKE SA of a peer's ends for one more, once it has IKE_SAS_MAX. */
#ifndef IKE_ROOM_H
#define IKE_ROOM_H

#include "ike_sa.h"

/* One more has come up, or taken over from old (or NULL): if those are too many, the ones that are needed least end. */
void room_make(const struct ike_sa *sa, const struct ike_sa *old);

#endif
