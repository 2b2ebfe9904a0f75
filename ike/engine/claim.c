/* SPDX-License-Identifier: BSD-2-Clause */
#include "claim.h"

static bool is_on_its_way(const struct ike_sa *sa)
{
	return sa->state == IKE_AUTH_SENT && sa->running;
}

bool claim_may_be_made(const struct ike_sa *sa)
{
	const struct ike_sa *other = NULL;

	while ((other = ike_sa_beside(sa, other)))
		if (is_on_its_way(other) || (other->state > IKE_AUTH_SENT && other->state != IKE_DEAD))
			return false;
	return true;
}

bool claim_must_wait(const struct ike_sa *sa)
{
	const struct ike_sa *other = NULL;

	if (sa->state != IKE_AUTH_SENT)
		return false;
	while ((other = ike_sa_beside(sa, other)))
		if (is_on_its_way(other) && other->handshake->claims_first)
			return true;
	return false;
}

void claim_settle(struct ike_sa *sa)
{
	struct ike_sa *other = NULL;

	if (!sa->handshake || !sa->handshake->claims_first)
		return;
	sa->handshake->claims_first = false;
	while ((other = ike_sa_beside(sa, other)))
		if (other->state == IKE_AUTH_SENT)
			ike_sa_kick(other, engine_now(sa->engine));
}
