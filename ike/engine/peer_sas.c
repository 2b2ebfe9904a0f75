/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer_sas.h"

#include "task.h"

struct ike_sa *peer_ike_up(const struct peer *p)
{
	struct ike_sa *sa;

	TAILQ_FOREACH_REVERSE(sa, &p->sas, ike_sa_list, of_peer)
		if (sa->state == IKE_UP && !sa->leaves)
			return sa;
	return NULL;
}

bool peer_is_under_way(const struct peer *p)
{
	struct ike_sa *sa;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (sa->state == IKE_INIT_SENT || sa->state == IKE_AUTH_SENT)
			return true;
	return false;
}

struct ike_sa *peer_doubtful(const struct peer *p)
{
	struct ike_sa *sa;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (sa->state == IKE_UP && ike_sa_is_doubtful(sa))
			return sa;
	return NULL;
}

/* A wider child does not carry it: each rule of a connection has an SA of its own (bpf/egress.h). */
bool peer_child_is_for(const struct child *c, const struct selector *s)
{
	return selector_equal(&c->selector, s) || selector_equal(&c->asked, s);
}

struct child *peer_child_up(const struct peer *p, const struct selector *s)
{
	struct child *c;

	TAILQ_FOREACH(c, &p->children, of_peer)
		if (c->state == CHILD_UP && child_is_wanted(c) && (!s || (!c->lane && peer_child_is_for(c, s))))
			return c;
	return NULL;
}

bool peer_has_outlived(const struct peer *p)
{
	const struct ike_sa *sa;
	const struct child *c;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (sa->state != IKE_DEAD && !ike_sa_is_wanted(sa))
			return true;
	TAILQ_FOREACH(c, &p->children, of_peer)
		if (!child_is_wanted(c))
			return true;
	return false;
}

int peer_selector_of(const struct child *c)
{
	const struct connection_config *config = c->peer->connection->config;
	int best = -1;

	for (unsigned i = 0; i < config->selector_count; i++)
		if (selector_contains(&config->selectors[i], &c->asked) &&
		    (best < 0 || selector_compare(&config->selectors[i], &config->selectors[best]) < 0))
			best = (int)i;
	return best;
}
