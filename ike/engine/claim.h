/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our INITIAL_CONTACT (RFC 7296 section 2.4): the claim that this IKE SA is the first between two hosts with these
 * identities.
 *
 * While one IKE SA has claimed that and has no answer yet, no other one between the same two sends its IKE_AUTH. The
 * peer ends what it has when it reads the claim, and the order in which it reads is not always that in which we
 * sent: it would end one of the others without a word, and here that one would be up.
 */
#ifndef IKE_ENGINE_CLAIM_H
#define IKE_ENGINE_CLAIM_H

#include "ike_sa.h"

/* The IKE SA may claim to be the first: no other one between the two is up, of whatever connection, and no other
 * IKE_AUTH is on its way. */
bool claim_may_be_made(const struct ike_sa *sa);

/* The IKE SA's IKE_AUTH must wait, for another one's claim has no answer yet. claim_settle of that one kicks it. */
bool claim_must_wait(const struct ike_sa *sa);

/* The IKE SA's claim, if it has made one, is answered or given up: the IKE SAs that wait for that go on. */
void claim_settle(struct ike_sa *sa);

#endif
