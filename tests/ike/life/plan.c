/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "life.h"

#define ANY(number) \
	{ \
		SELECTOR_ANY_PORT, .proto = (number) \
	}
#define DPORT(number, from, to) \
	{ \
		.local_port_max = 0xffff, .remote_port_min = (from), .remote_port_max = (to), .proto = (number) \
	}
#define SPORT(number, from, to) \
	{ \
		.local_port_min = (from), .local_port_max = (to), .remote_port_max = 0xffff, .proto = (number) \
	}

#define WISH_MS 60000

/*
 * All have the same proof, so a child of any may be asked for on the IKE SA of any other between
 * the same two hosts. No two selectors meet: of each there is one child, or none.
 */
const struct plan life_plan[LIFE_CONNECTIONS] = {
	{"ab", 32, {true, true, false}, {START_INITIATE, START_RESPOND}, 2, {ANY(6), DPORT(17, 1000, 2000)}},
	{"ab-trap", 32, {true, true, false}, {START_TRAP, START_TRAP}, 1, {ANY(132)}},
	{"bc", 32, {false, true, true}, {START_TRAP, START_INITIATE, START_INITIATE}, 2, {ANY(6), ANY(17)}},
	{"ac",
	 32,
	 {true, false, true},
	 {START_RESPOND, START_TRAP, START_INITIATE},
	 2,
	 {DPORT(6, 179, 179), SPORT(17, 53, 53)}},
	{"mesh", 24, {true, true, true}, {START_TRAP, START_TRAP, START_TRAP}, 2, {ANY(89), ANY(1)}},
	{"ac-trap", 32, {true, false, true}, {START_TRAP, START_TRAP, START_TRAP}, 1, {ANY(47)}},
};

bool plan_is_between(unsigned connection, int a, int b)
{
	return a != b && life_plan[connection].at[a] && life_plan[connection].at[b];
}

/* Whose view is in the table: the lower number's. */
static bool is_first(unsigned connection, int host, int remote)
{
	(void)connection;
	return host < remote;
}

static int peer_in(unsigned connection, int host)
{
	for (int i = 0; i < LIFE_HOSTS; i++)
		if (plan_is_between(connection, host, i))
			return i;
	return -1;
}

static bool is_mesh(unsigned connection)
{
	return life_plan[connection].remote_bits < 32;
}

struct selector plan_selector(unsigned connection, unsigned index, int host)
{
	const struct selector *s = &life_plan[connection].selectors[index];

	/* A mesh's say nothing of ports. */
	if (is_mesh(connection) || is_first(connection, host, peer_in(connection, host)))
		return *s;
	return selector_mirrored(s);
}

/* ---- the file ---- */

static unsigned selectors_at(const struct life_host *h, unsigned connection)
{
	const unsigned count = life_plan[connection].selector_count;

	return h->file[connection].narrow && count > 1 ? count - 1 : count;
}

static struct connection_config *config_of(const struct life_host *h, unsigned connection)
{
	static const uint8_t net[4] = {192, 0, 2, 0};
	const struct plan *plan = &life_plan[connection];
	const struct life_entry *entry = &h->file[connection];
	struct connection_config *c = calloc(1, sizeof(*c));

	snprintf(c->name, sizeof(c->name), "%s", plan->name);
	memcpy(c->local, h->addr, 4);
	memcpy(c->remote, is_mesh(connection) ? net : h->life->hosts[peer_in(connection, h->number)].addr, 4);
	c->remote_bits = plan->remote_bits;
	c->psk_key = 1;
	c->local_id = (struct identity){.type = ID_IPV4_ADDR, .size = 4};
	memcpy(c->local_id.data, c->local, 4);
	c->selector_count = selectors_at(h, connection);
	for (unsigned i = 0; i < c->selector_count; i++)
		c->selectors[i] = plan_selector(connection, i, h->number);
	c->start = plan->start[h->number];
	c->esn = ESN_OFFERED;
	c->per_queue = h->life->per_queue;
	c->replay_window = 1024;
	c->rekey_ms = h->life->rekey_ms;
	c->lifetime_ms = c->rekey_ms * 7 / 6;
	c->ike_rekey_ms = h->life->ike_rekey_ms;
	c->dpd_ms = 10000;
	c->digest[0] = (uint8_t)(connection + 1);
	c->digest[1] = entry->narrow;
	c->digest[2] = entry->version;
	return c;
}

void life_configure(struct life *l, int host)
{
	struct life_host *h = &l->hosts[host];
	struct ike_config config = {.connections = calloc(LIFE_CONNECTIONS, sizeof(*config.connections)),
				    .cookie_threshold = UINT32_MAX};

	for (unsigned c = 0; c < LIFE_CONNECTIONS; c++)
		if (h->file[c].present)
			config.connections[config.count++] = config_of(h, c);
	memory_inside = true;
	engine_configure(h->engine, &config);
	memory_inside = false;
	life_touch(l, host);
}

/* ---- who wants what ---- */

bool plan_has(const struct life *l, int host, const struct life_flow *f)
{
	return l->hosts[host].file[f->connection].present && f->index < selectors_at(&l->hosts[host], f->connection);
}

static bool has_more(const struct life *l, int host, int remote, unsigned connection)
{
	for (unsigned i = 0; i < l->flow_count; i++) {
		const struct life_flow *f = &l->flows[i];

		if (f->connection == connection && f->from == host && f->to == remote && plan_has(l, host, f) &&
		    !plan_has(l, remote, f))
			return true;
	}
	return false;
}

/* No two selectors of the plan meet. */
static const struct life_flow *flow_for(const struct life *l, int host, int remote, const struct selector *s)
{
	for (unsigned i = 0; i < l->flow_count; i++) {
		const struct life_flow *f = &l->flows[i];

		if (f->from == host && f->to == remote && plan_has(l, host, f) && selector_contains(&f->selector, s))
			return f;
	}
	return NULL;
}

bool plan_is_lame(const struct life *l, int host, int remote, const struct selector *s)
{
	const struct life_flow *f = flow_for(l, host, remote, s);

	return f && has_more(l, host, remote, f->connection);
}

bool plan_shares(const struct life *l, int host, int remote, const struct selector *s)
{
	const struct life_flow *f = flow_for(l, host, remote, s);

	return f && plan_has(l, remote, f);
}

static bool sends(const struct life *l, int from, int to, const struct life_flow *like)
{
	for (unsigned i = 0; i < l->flow_count; i++) {
		const struct life_flow *f = &l->flows[i];

		if (f->from == from && f->to == to && f->connection == like->connection && f->index == like->index)
			return f->on;
	}
	return false;
}

static bool wants(const struct life *l, int host, int remote, const struct life_flow *f)
{
	switch (life_plan[f->connection].start[host]) {
	case START_INITIATE:
		/* A packet brings up what was taken down. */
		return !l->hosts[host].file[f->connection].held[remote] || sends(l, host, remote, f);
	case START_TRAP:
		return sends(l, host, remote, f);
	default:
		return false;
	}
}

bool life_has_traffic(const struct life *l, unsigned connection, int a, int b)
{
	for (unsigned i = 0; i < l->flow_count; i++) {
		const struct life_flow *f = &l->flows[i];

		if (f->connection == connection && f->on && f->from + f->to == a + b)
			return true;
	}
	return false;
}

enum wanted life_wanted(const struct life *l, const struct life_flow *f)
{
	if (!plan_has(l, f->from, f) || !plan_has(l, f->to, f))
		return MUST_BE_DOWN;
	if (wants(l, f->from, f->to, f) || wants(l, f->to, f->from, f))
		return MUST_BE_UP;
	return l->hosts[f->from].file[f->connection].ended[f->to] ? MUST_BE_DOWN : MAY_BE_UP;
}

static bool anybody_wants(const struct life *l, unsigned connection, int a, int b)
{
	for (unsigned i = 0; i < l->flow_count; i++) {
		const struct life_flow *f = &l->flows[i];

		if (f->connection == connection && f->from == a && f->to == b &&
		    (wants(l, a, b, f) || wants(l, b, a, f)))
			return true;
	}
	return false;
}

void life_wish(struct life *l, unsigned connection, int a, int b)
{
	for (int i = 0; i < 2; i++) {
		struct life_entry *entry = &l->hosts[i ? b : a].file[connection];

		entry->ended[i ? a : b] = false;
		entry->wished_ms[i ? a : b] = l->now_ms;
	}
}

/* Whoever wanted it a moment ago may have asked the peer already, and the two cross. */
void life_end(struct life *l, unsigned connection, int by, int remote)
{
	struct life_entry *entry = &l->hosts[by].file[connection];

	if (anybody_wants(l, connection, by, remote))
		life_wish(l, connection, by, remote);
	entry->held[remote] = true;
	if (anybody_wants(l, connection, by, remote) || l->now_ms < entry->wished_ms[remote] + WISH_MS)
		return;
	entry->ended[remote] = true;
	l->hosts[remote].file[connection].ended[by] = true;
}
