/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference_policy.h"

struct ref_view ref_view_in(const struct ref_packet *p)
{
	return (struct ref_view){p->dst, p->src, p->proto, p->has_ports, p->ports_seen, p->dport, p->sport};
}

struct ref_view ref_view_out(const struct ref_packet *p)
{
	return (struct ref_view){p->src, p->dst, p->proto, p->has_ports, p->ports_seen, p->sport, p->dport};
}

bool ref_is_any(const struct ref_selector *s)
{
	return s->local.min == 0 && s->local.max == 65535 && s->remote.min == 0 && s->remote.max == 65535;
}

bool ref_keeps_back(enum ref_decision decision)
{
	return decision == DECIDED_PROTECT || decision == DECIDED_DISCARD;
}

static bool is_in(const struct ref_range *r, uint16_t port)
{
	return port >= r->min && port <= r->max;
}

/* Ports that are not to be seen may be any that are protected. */
static bool takes(const struct ref_policy *r, const struct ref_view *v)
{
	if (r->sel.proto && r->sel.proto != v->proto)
		return false;
	if (v->ports_seen)
		return is_in(&r->sel.local, v->local_port) && is_in(&r->sel.remote, v->remote_port);
	return ref_is_any(&r->sel) || (v->has_ports && r->action == REF_PROTECT);
}

static bool covers(const struct ref_policy *r, uint32_t remote)
{
	const uint32_t mask = r->length ? 0xffffffffU << (32 - r->length) : 0;

	return ((r->remote ^ remote) & mask) == 0;
}

/* The nth policy for that remote address, the longest prefix first; NULL: there are not so many. */
static const struct ref_policy *nth_for(const struct ref_host *h, uint32_t remote, unsigned n)
{
	for (int length = 32; length >= 0; length--)
		for (unsigned i = 0; i < h->policy_count; i++)
			if (h->policies[i].length == length && covers(&h->policies[i], remote) && n-- == 0)
				return &h->policies[i];
	return NULL;
}

struct ref_decided ref_decide(const struct ref_host *h, const struct ref_view *v)
{
	const struct ref_policy *r, *cover = NULL;

	for (unsigned n = 0; (r = nth_for(h, v->remote, n)); n++) {
		if (!takes(r, v))
			continue;
		if (r->local && r->local != v->local) {
			if (r->connection && !cover)
				cover = r;
			continue;
		}
		if (cover && r->action == REF_BYPASS && r->length < cover->length)
			break;
		return (struct ref_decided){(enum ref_decision)r->action, r, false};
	}
	return cover ? (struct ref_decided){DECIDED_PROTECT, NULL, true}
		     : (struct ref_decided){DECIDED_NONE, NULL, false};
}

bool ref_is_connected(const struct ref_host *h, uint32_t local, uint32_t remote)
{
	const struct ref_policy *r;

	for (unsigned n = 0; (r = nth_for(h, remote, n)); n++)
		if (r->connection && (!r->local || r->local == local))
			return true;
	return false;
}

struct ref_decided ref_decide_but_ike(const struct ref_host *h, const struct ref_view *v, bool ike)
{
	struct ref_decided d = ref_decide(h, v);

	if (ike && ref_keeps_back(d.decision) && ref_is_connected(h, v->local, v->remote))
		d = (struct ref_decided){DECIDED_IKE, NULL, false};
	return d;
}

bool ref_may_protect(const struct ref_host *h, uint32_t local, uint32_t remote)
{
	const struct ref_policy *r, *cover = NULL;

	for (unsigned n = 0; (r = nth_for(h, remote, n)); n++) {
		if (r->local && r->local != local) {
			if (r->connection && !cover)
				cover = r;
			continue;
		}
		if (r->action == REF_PROTECT)
			return true;
		/* Nothing gets past this one, but what is covered. */
		if (!r->sel.proto && ref_is_any(&r->sel))
			return cover && r->length < cover->length;
	}
	return cover;
}

bool ref_protects_some(const struct ref_host *h, uint32_t local, uint32_t remote)
{
	const struct ref_policy *r;

	for (unsigned n = 0; (r = nth_for(h, remote, n)); n++) {
		if (r->local && r->local != local)
			continue;
		if (r->action == REF_PROTECT || (!r->sel.proto && ref_is_any(&r->sel)))
			return r->action == REF_PROTECT;
	}
	return false;
}
