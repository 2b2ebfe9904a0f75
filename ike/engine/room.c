/* SPDX-License-Identifier: BSD-2-Clause */
#include "room.h"

#include "ike_sa_end.h"
#include "liveness.h"
#include "peer.h"

/* How much it is needed; negative: it is not there to be ended. */
static int worth(const struct ike_sa *sa)
{
	if (sa->state == IKE_DEAD)
		return ike_sa_lingers(sa) ? 0 : -1;
	return sa->state < IKE_UP ? -1 : sa->state == IKE_UP ? 2 : 1;
}

static bool is_needed_less(const struct ike_sa *a, const struct ike_sa *b)
{
	return worth(a) != worth(b) ? worth(a) < worth(b) : liveness_silence_ms(a) > liveness_silence_ms(b);
}

static struct ike_sa *least_needed(const struct ike_sa *sa, const struct ike_sa *old)
{
	struct ike_sa *least = NULL, *other;
	unsigned n = 0;

	TAILQ_FOREACH(other, &sa->peer->sas, of_peer) {
		if (worth(other) < 0)
			continue;
		n++;
		if (other != sa && other != old && (!least || is_needed_less(other, least)))
			least = other;
	}
	return n > IKE_SAS_MAX ? least : NULL;
}

void room_make(const struct ike_sa *sa, const struct ike_sa *old)
{
	struct ike_sa *other;

	while ((other = least_needed(sa, old))) {
		if (other->state == IKE_DEAD) {
			ike_sa_forget_answer(other);
			continue;
		}
		ike_log(other, "ended: the peer has opened %d more since", IKE_SAS_MAX);
		ike_sa_say_good_bye(other);
		ike_sa_die(other, NULL);
	}
}
