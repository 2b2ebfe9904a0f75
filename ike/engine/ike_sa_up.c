/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_sa_up.h"

#include <string.h>

#include "doubt.h"
#include "ike_sa_end.h"
#include "ike_sa_life.h"
#include "opening.h"
#include "reauth.h"
#include "redundant.h"
#include "room.h"

static unsigned needed_proofs(const struct connection_config *config)
{
	unsigned needed = PROOF_ADDRESS | PROOF_IDENTITY | PROOF_AUTH;

	if (config->cert)
		needed |= PROOF_CERTIFICATE;
	if (config->ppk_required)
		needed |= PROOF_PPK;
	return needed;
}

bool ike_sa_admit(struct ike_sa *sa)
{
	const unsigned needed = needed_proofs(ike_sa_config(sa));

	if ((sa->proofs & needed) != needed)
		return false;
	sa->state = IKE_UP;
	sa->up_ms = engine_now(sa->engine);
	return true;
}

/*
 * INITIAL_CONTACT: what was up before the peer began this one, it has forgotten (RFC 7296 section 2.4). Not so
 * its datapath, perhaps: as long as it does not have our answer, it takes packets by the old SA alone.
 */
static void end_older(struct ike_sa *sa)
{
	struct ike_sa *other = NULL;

	while ((other = ike_sa_beside(sa, other)))
		if ((other->state == IKE_UP || other->state == IKE_DELETING) && other->up_ms <= sa->started_ms)
			ike_sa_forgotten(other, "the peer has started anew: ended");
}

static const char *proof_text(const struct ike_sa *sa)
{
	if (sa->proofs & PROOF_PPK)
		return sa->proofs & PROOF_CERTIFICATE ? "certificate and PPK" : "PSK and PPK";
	return sa->proofs & PROOF_CERTIFICATE ? "certificate" : "PSK";
}

static void tell_up(const struct ike_sa *sa)
{
	cJSON *values = cJSON_CreateObject();

	cJSON_AddStringToObject(values, "proof", proof_text(sa));
	ike_tell(sa, "ike_sa_made", values);
}

void ike_sa_up(struct ike_sa *sa)
{
	const bool initial_contact = sa->handshake->initial_contact;

	opening_done(sa);
	handshake_free(sa);
	sa->line.up_ms = sa->up_ms;
	sa->line.ours = sa->initiator;
	memcpy(sa->line.low_nonce, sa->low_nonce, NONCE_SIZE);
	ike_sa_start_timers(sa);
	ike_log(sa, "up with %s by %s", sa->peer_id ? sa->peer_id : "?", proof_text(sa));
	tell_up(sa);
	if (initial_contact)
		end_older(sa);
	if (sa->in_doubt)
		doubt_settle(sa);
	reauth_on_up(sa);
	room_make(sa, NULL);
	redundant_end(sa->peer, sa);
}
