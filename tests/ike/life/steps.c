/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "life.h"

/* ---- orders ---- */

static int any_host(struct life *l)
{
	return (int)life_dice(l, LIFE_HOSTS);
}

static struct life_target any_target(struct life *l)
{
	const struct life_flow *f = &l->flows[life_dice(l, l->flow_count)];

	return (struct life_target){f->from, f->to, f->connection,
				    life_plan[f->connection].remote_bits < 32 ? l->hosts[f->to].addr : NULL};
}

static void note(struct life *l, const struct life_target *t, const char *what)
{
	life_note(l, "%c: %s %s to %c", "ABC"[t->host], what, life_plan[t->connection].name, "ABC"[t->remote]);
}

static struct engine *engine_at(struct life *l, const struct life_target *t)
{
	return l->hosts[t->host].engine;
}

static const char *name_of(const struct life_target *t)
{
	return life_plan[t->connection].name;
}

static void rekey(struct life *l, const struct life_target *t, bool ike)
{
	note(l, t, ike ? "rekey the IKE SA of" : "rekey");
	memory_inside = true;
	engine_rekey(engine_at(l, t), name_of(t), t->address, ike, life_ticket(l, t->host));
	life_touch(l, t->host);
}

static void initiate(struct life *l, const struct life_target *t)
{
	note(l, t, "initiate");
	/* In a peaceful episode what is up stays so. */
	if (l->rough)
		traffic_may_double(l, (int)t->connection);
	else
		traffic_order(l, t->connection, t->host, t->remote);
	if (l->hosts[t->host].file[t->connection].present) {
		life_wish(l, t->connection, t->host, t->remote);
		l->hosts[t->host].file[t->connection].held[t->remote] = false;
	}
	memory_inside = true;
	engine_initiate(engine_at(l, t), name_of(t), t->address, life_ticket(l, t->host));
	life_touch(l, t->host);
}

void step_terminate(struct life *l, const struct life_target *t)
{
	note(l, t, "terminate");
	traffic_disturb(l, t->host);
	if (l->hosts[t->host].file[t->connection].present)
		life_end(l, t->connection, t->host, t->remote);
	memory_inside = true;
	engine_terminate(engine_at(l, t), name_of(t), t->address, life_ticket(l, t->host));
	life_touch(l, t->host);
}

/* Both ends at the same instant, or the same end twice. */
static void simultaneous(struct life *l)
{
	struct life_target a = any_target(l), b = a;

	if (life_chance(l, 80)) {
		b.host = a.remote;
		b.remote = a.host;
		b.address = a.address ? l->hosts[b.remote].addr : NULL;
	}
	rekey(l, &a, life_chance(l, 30));
	if (life_chance(l, 30))
		life_run(l, life_dice(l, 250));
	rekey(l, &b, life_chance(l, 30));
}

/* ---- reload ---- */

static void forget_orders(struct life_host *h, unsigned connection)
{
	memset(h->file[connection].held, 0, sizeof(h->file[connection].held));
}

void step_change(struct life *l, int host, unsigned connection, const char *how)
{
	struct life_entry *entry = &l->hosts[host].file[connection];

	/* What is in the file as it was, a reload leaves alone: what was taken down stays so, and no packet is lost. */
	if (!life_plan[connection].at[host] || (how[0] == 'a' && entry->present))
		return;
	traffic_disturb_connection(l, host, connection);
	if (how[0] == 'r')
		entry->present = false;
	else if (how[0] == 'a')
		entry->present = true;
	else if (how[0] == 'n')
		entry->narrow = !entry->narrow;
	else
		entry->version++;
	forget_orders(&l->hosts[host], connection);
	for (int other = 0; other < LIFE_HOSTS; other++)
		if (plan_is_between(connection, host, other))
			life_wish(l, connection, host, other);
}

static void reload(struct life *l, int host, unsigned connection)
{
	static const char *const hows[] = {"remove", "add", "narrow", "touch"};
	const char *how = hows[life_dice(l, 4)];
	const bool all = life_chance(l, 15);

	life_note(l, "%c: reload, %s %s", "ABC"[host], how, all ? "all" : life_plan[connection].name);
	for (unsigned c = 0; c < LIFE_CONNECTIONS; c++)
		if (all || c == connection)
			step_change(l, host, c, how);
	life_configure(l, host);
}

/* ---- faults ---- */

void step_restart(struct life *l, int host, bool datapath)
{
	life_note(l, "%c: %s", "ABC"[host], datapath ? "forgets everything" : "IKE is killed and begins anew");
	traffic_disturb(l, host);
	/* Whoever had SAs opens them again, also who is to respond. */
	for (unsigned c = 0; c < LIFE_CONNECTIONS; c++)
		for (int other = 0; other < LIFE_HOSTS; other++)
			if (plan_is_between(c, host, other)) {
				life_wish(l, c, host, other);
				traffic_may_double(l, (int)c);
			}
	life_restart(l, host, datapath);
}

static void death(struct life *l, int host)
{
	struct life_host *h = &l->hosts[host];

	if (h->keyless) {
		step_restart(l, host, false);
	} else if (life_chance(l, 30)) {
		life_note(l, "%c: the key holder is dead", "ABC"[host]);
		traffic_disturb(l, host);
		h->keyless = true;
	} else {
		step_restart(l, host, life_chance(l, 50));
	}
}

static void room(struct life *l, int host)
{
	l->hosts[host].no_room = !l->hosts[host].no_room;
	life_note(l, "%c: the datapath has %s", "ABC"[host], l -> hosts[host].no_room ? "no room" : "room");
	traffic_disturb(l, host);
}

/* Of two IKE SAs that both ends began at once, one goes: but to who has leapt in between they are not of one time
 * (redundant.c), and both stay until they are rekeyed. */
static void jump(struct life *l, int host)
{
	const uint64_t ms = 500 + (uint64_t)life_dice(l, 1000) * life_dice(l, 3000);

	life_note(l, "%c: the clock leaps by %llu ms", "ABC"[host], (unsigned long long)ms);
	traffic_disturb(l, host);
	for (unsigned c = 0; c < LIFE_CONNECTIONS; c++)
		if (life_plan[c].at[host])
			traffic_may_double(l, (int)c);
	l->hosts[host].ahead_ms += ms;
	life_touch(l, host);
}

static void memory(struct life *l)
{
	memory_fails_in = 1 + life_dice(l, 40);
	l->poor = true;
	life_note(l, "allocation %u from here fails", memory_fails_in);
	traffic_disturb(l, -1);
}

static void limit(struct life *l, int host)
{
	struct life_host *h = &l->hosts[host];
	const unsigned slot = h->sas ? life_dice(l, h->sas) : 0;
	const bool hard = life_chance(l, 20);

	if (!h->sad[slot].used)
		return;
	life_note(l, "%c: a %s limit in slot %u", "ABC"[host], hard ? "hard" : "soft", slot);
	memory_inside = true;
	engine_limit(h->engine, (struct sa_handle){slot, h->sad[slot].generation}, hard);
	life_touch(l, host);
}

static void address(struct life *l, int host)
{
	const bool present = life_chance(l, 50);

	life_note(l, "%c: its address %s", "ABC"[host], present ? "is there" : "is gone");
	traffic_disturb(l, host);
	memory_inside = true;
	engine_address(l->hosts[host].engine, l->hosts[host].addr, present);
	life_touch(l, host);
}

static void dead(struct life *l, const struct life_target *t)
{
	note(l, t, "nothing comes through");
	traffic_disturb(l, t->host);
	memory_inside = true;
	engine_dead(engine_at(l, t), name_of(t));
	life_touch(l, t->host);
}

/* ---- a step ---- */

/* What is about to go is just being rekeyed, by one end or the other. */
static void rekey_before(struct life *l, const struct life_target *t)
{
	struct life_target other = *t;

	if (life_chance(l, 50))
		return;
	if (life_chance(l, 40)) {
		other.host = t->remote;
		other.remote = t->host;
		other.address = t->address ? l->hosts[t->host].addr : NULL;
	}
	rekey(l, &other, life_chance(l, 50));
	life_run(l, life_dice(l, (unsigned)(2 * l->latency_ms + l->jitter_ms) + 1));
}

/* A connection's only child is one that C alone has asked for, on whatever IKE SA there is; it is rekeyed, and perhaps
 * the connection goes. */
static void lodge(struct life *l)
{
	struct life_target t = any_target(l);

	while (t.remote != LIFE_C)
		t = any_target(l);
	for (unsigned i = 0; i < l->flow_count; i++)
		if (l->flows[i].connection == t.connection && l->flows[i].from == LIFE_C && l->flows[i].to == t.host)
			hostile_ask_for(l, t.host, &l->flows[i].selector);
	life_run(l, 2 * l->latency_ms + 2);
	rekey(l, &t, false);
	if (life_chance(l, 50))
		reload(l, t.host, t.connection);
	else
		step_terminate(l, &t);
}

static void act_in_mood(struct life *l, enum mood mood)
{
	const int host = any_host(l);
	const struct life_target t = any_target(l);

	switch (mood) {
	case MOOD_TERMINATE:
		rekey_before(l, &t);
		step_terminate(l, &t);
		break;
	case MOOD_RELOAD:
		rekey_before(l, &t);
		reload(l, t.host, t.connection);
		break;
	case MOOD_DEATH:
		if (life_chance(l, 60))
			death(l, host);
		else if (life_chance(l, 50))
			address(l, host);
		else
			dead(l, &t);
		break;
	case MOOD_ROOM:
		room(l, host);
		break;
	case MOOD_CLOCK:
		jump(l, host);
		break;
	case MOOD_MEMORY:
		memory(l);
		break;
	case MOOD_HOSTILE:
		if (life_chance(l, 10))
			lodge(l);
		else
			hostile_send(l);
		break;
	case MOOD_LIMITS:
		limit(l, host);
		break;
	default:
		break;
	}
}

static void act(struct life *l, unsigned moods)
{
	const unsigned what = life_dice(l, 100);
	const struct life_target t = any_target(l);
	unsigned mood = life_dice(l, MOODS);

	while (moods && !(moods & 1U << mood))
		mood = (mood + 1) % MOODS;
	if (moods && life_chance(l, 50))
		act_in_mood(l, (enum mood)(1U << mood));
	else if (what < 40)
		simultaneous(l);
	else if (what < 65)
		rekey(l, &t, false);
	else if (what < 85)
		rekey(l, &t, true);
	else
		initiate(l, &t);
}

static void wait_a_while(struct life *l)
{
	static const uint64_t most[] = {1, 20, 200, 500, 1500};
	const uint64_t ms = life_dice(l, (unsigned)most[life_dice(l, 5)] + 1);

	life_run(l, life_chance(l, 1) ? 20 * ms : ms);
}

void step_take(struct life *l, unsigned moods)
{
	for (unsigned n = 1 + life_dice(l, 3) / 2 + life_chance(l, 10) * 3; n; n--)
		act(l, moods);
	wait_a_while(l);
	if (l->step % 16 == 0)
		life_check_bounds(l);
	l->step++;
}
