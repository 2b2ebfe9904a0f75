/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one way in which we end an IKE SA that is up for the peer, too: a DELETE in its turn, and the end with its
 * answer. From the order on the IKE SA `leaves`, whether there was memory for the task or not: without, its life timer
 * tries again each second, for a peer that is not told goes on sending by SAs that are gone here.
 */
#ifndef IKE_ENGINE_IKE_SA_DELETE_H
#define IKE_ENGINE_IKE_SA_DELETE_H

#include "ike_sa.h"

/* Deletes the IKE SA, in ms. Of several orders the last one counts. */
void ike_sa_delete(struct ike_sa *sa, uint64_t ms);

/* Deletes the IKE SA as redundant, unless it is not redundant any more when its turn comes. */
void ike_sa_delete_redundant(struct ike_sa *sa, uint64_t ms);

/* Deletes the IKE SA at once, with the error for which it ends. */
void ike_sa_delete_for(struct ike_sa *sa, uint16_t reason);

/* The life timer: true if that was what it was set for. */
bool ike_sa_delete_again(struct ike_sa *sa);

/* What was to go goes as its heir, which has the task by now, if there was memory for one. */
void ike_sa_delete_heir(struct ike_sa *heir, struct ike_sa *old);

#endif
