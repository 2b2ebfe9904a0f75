/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "life.h"

/* What a worker holds for an SA whose key is not there yet (worker/in/park.h). */
#define PARK_MS	     500
#define PARK_LOOK_MS 5
/* The datapath tells of the same thing no more often. */
#define TELL_MS 1000

static void add_flow(struct life *l, unsigned connection, unsigned index, int from, int to)
{
	l->flows[l->flow_count++] = (struct life_flow){
		.from = from,
		.to = to,
		.connection = connection,
		.index = index,
		.selector = plan_selector(connection, index, from),
		.on = true,
		.most = 1,
	};
}

void traffic_init(struct life *l)
{
	for (unsigned c = 0; c < LIFE_CONNECTIONS; c++)
		for (unsigned i = 0; i < life_plan[c].selector_count; i++)
			for (int from = 0; from < LIFE_HOSTS; from++)
				for (int to = 0; to < LIFE_HOSTS; to++)
					if (plan_is_between(c, from, to))
						add_flow(l, c, i, from, to);
	traffic_may_double(l, -1);
}

void traffic_may_double(struct life *l, int connection)
{
	for (unsigned i = 0; i < l->flow_count; i++) {
		struct life_flow *f = &l->flows[i];
		const struct plan *plan = &life_plan[f->connection];

		if (connection < 0 ? plan->start[f->from] != START_RESPOND && plan->start[f->to] != START_RESPOND
				   : f->connection == (unsigned)connection)
			f->most = 2;
	}
}

/* Both ends' packets begin at the same time. */
static void may_double_between(struct life *l, const struct life_flow *like)
{
	for (unsigned i = 0; i < l->flow_count; i++) {
		struct life_flow *f = &l->flows[i];

		if (f->connection == like->connection && f->index == like->index &&
		    f->from + f->to == like->from + like->to)
			f->most = 2;
	}
}

void traffic_choose(struct life *l)
{
	for (unsigned i = 0; i < l->flow_count; i++) {
		struct life_flow *f = &l->flows[i];
		const bool on = life_chance(l, 70);

		if (f->on && !on)
			life_wish(l, f->connection, f->from, f->to);
		else if (!f->on && on)
			may_double_between(l, f);
		f->on = on;
	}
}

static uint64_t host_now(const struct life *l, int host)
{
	return l->now_ms + l->hosts[host].ahead_ms;
}

/* Nobody's lane, but all's. */
static bool carries(const struct world_sa *sa, const struct life_flow *f, const struct life_host *to)
{
	return sa->used && sa->bound && !sa->lane && memcmp(sa->spec.dst, to->addr, 4) == 0 &&
	       selector_equal(&sa->spec.selector, &f->selector);
}

static struct world_sa *bound(struct life *l, struct life_flow *f)
{
	struct life_host *h = &l->hosts[f->from];

	if (carries(&h->sad[f->slot], f, &l->hosts[f->to]))
		return &h->sad[f->slot];
	for (f->slot = 0; f->slot < h->sas; f->slot++)
		if (carries(&h->sad[f->slot], f, &l->hosts[f->to]))
			return &h->sad[f->slot];
	f->slot = 0;
	return NULL;
}

void traffic_order(struct life *l, unsigned connection, int from, int to)
{
	for (unsigned i = 0; i < l->flow_count; i++) {
		struct life_flow *f = &l->flows[i];

		if (f->connection == connection && f->from == from && f->to == to && !bound(l, f))
			may_double_between(l, f);
	}
}

static const char *flow_text(const struct life_flow *f, char buf[SELECTOR_TEXT])
{
	return selector_text(&f->selector, buf);
}

static void acquire(struct life *l, struct life_flow *f)
{
	const struct life_host *from = &l->hosts[f->from], *to = &l->hosts[f->to];
	struct life_entry *entry = &l->hosts[f->from].file[f->connection];

	if (f->told_ms && l->now_ms < f->told_ms + TELL_MS)
		return;
	f->told_ms = l->now_ms;
	/* Who is to respond asks, too, on what the peer has opened (engine_acquire), while the peer does. */
	may_double_between(l, f);
	if (life_plan[f->connection].start[f->from] != START_RESPOND && plan_has(l, f->from, f)) {
		life_wish(l, f->connection, f->from, f->to);
		entry->held[f->to] = false;
	}
	memory_inside = true;
	engine_acquire(from->engine, from->addr, to->addr, (uint8_t)f->selector.proto, f->selector.local_port_min,
		       f->selector.remote_port_min);
	memory_inside = false;
	life_touch(l, f->from);
}

static void no_way(struct life *l, struct life_flow *f)
{
	char text[SELECTOR_TEXT];

	l->homeless++;
	if (f->armed)
		life_violated(l, "%c has no SA to send %s to %c by", "ABC"[f->from], flow_text(f, text), "ABC"[f->to]);
	acquire(l, f);
}

static void push(struct life *l, const struct life_esp *esp)
{
	if (l->esp_count == LIFE_ESP)
		life_violated(l, "too many packets of ESP on their way");
	l->esp[(l->esp_first + l->esp_count++) % LIFE_ESP] = *esp;
}

/* The SA of that lane; NULL: it has none of its own. */
static struct world_sa *bound_for(struct life *l, const struct life_flow *f, unsigned lane)
{
	struct life_host *h = &l->hosts[f->from];

	for (unsigned i = 0; i < h->sas; i++)
		if (h->sad[i].used && h->sad[i].bound && h->sad[i].lane == lane &&
		    memcmp(h->sad[i].spec.dst, l->hosts[f->to].addr, 4) == 0 &&
		    selector_equal(&h->sad[i].spec.selector, &f->selector))
			return &h->sad[i];
	return NULL;
}

static void acquire_for_lane(struct life *l, struct life_flow *f, unsigned lane)
{
	const struct life_host *from = &l->hosts[f->from], *to = &l->hosts[f->to];

	if (f->lane_told_ms && l->now_ms < f->lane_told_ms + TELL_MS)
		return;
	f->lane_told_ms = l->now_ms;
	memory_inside = true;
	engine_acquire_for_lane(from->engine, from->addr, to->addr, (uint8_t)f->selector.proto,
				f->selector.local_port_min, f->selector.remote_port_min, lane);
	memory_inside = false;
	life_touch(l, f->from);
}

/* From one CPU or the other, as tc does it (bpf/egress.h). */
static struct world_sa *choose(struct life *l, struct life_flow *f)
{
	struct world_sa *all = bound(l, f), *own = NULL;
	const unsigned lane = all && all->lanes ? 1 + life_dice(l, LIFE_LANES) : 0;

	if (lane)
		own = bound_for(l, f, lane);
	if (lane && !own)
		acquire_for_lane(l, f, lane);
	return own ? own : all;
}

static void send_one(struct life *l, unsigned number)
{
	struct life_flow *f = &l->flows[number];
	struct world_sa *sa = choose(l, f);
	struct life_esp esp = {
		.at_ms = l->now_ms + l->latency_ms, .sent_ms = l->now_ms, .flow = number, .armed = f->armed};

	if (!sa) {
		no_way(l, f);
		return;
	}
	sa->packets++;
	sa->last_ms = host_now(l, f->from);
	esp.spi = sa->spec.spi;
	memcpy(esp.key, sa->spec.keymat, sizeof(esp.key));
	push(l, &esp);
}

void traffic_send(struct life *l)
{
	for (unsigned i = 0; i < l->flow_count; i++)
		if (l->flows[i].on)
			send_one(l, i);
}

struct world_sa *life_inbound(struct life_host *h, uint32_t spi, uint32_t *guess)
{
	const struct world_sa *at = &h->sad[*guess];

	if (at->used && at->spec.inbound && at->spec.spi == spi)
		return &h->sad[*guess];
	for (*guess = 0; *guess < h->sas; ++*guess) {
		at = &h->sad[*guess];
		if (at->used && at->spec.inbound && at->spec.spi == spi)
			return &h->sad[*guess];
	}
	*guess = 0;
	return NULL;
}

static void tell_unknown(struct life *l, const struct life_flow *f, uint32_t spi)
{
	struct life_host *h = &l->hosts[f->to];

	if (h->told_ms && l->now_ms < h->told_ms + TELL_MS)
		return;
	h->told_ms = l->now_ms;
	memory_inside = true;
	engine_unknown_spi(h->engine, h->addr, l->hosts[f->from].addr, spi);
	memory_inside = false;
	life_touch(l, f->to);
}

static void lost(struct life *l, const struct life_esp *esp)
{
	const struct life_flow *f = &l->flows[esp->flow];
	char text[SELECTOR_TEXT];

	l->lost++;
	if (esp->armed && f->armed)
		life_violated(l, "a packet of %s from %c, sent at %llu with SPI 0x%08x, is not opened by %c",
			      flow_text(f, text), "ABC"[f->from], (unsigned long long)esp -> sent_ms, esp -> spi,
			      "ABC"[f->to]);
	tell_unknown(l, f, esp->spi);
}

static void arrive(struct life *l, struct life_esp *esp)
{
	const struct life_flow *f = &l->flows[esp->flow];
	struct life_host *to = &l->hosts[f->to];
	struct world_sa *sa = life_inbound(to, esp->spi, &esp->slot);

	if (sa && sa->reserved && l->now_ms < esp->sent_ms + l->latency_ms + PARK_MS) {
		esp->at_ms = l->now_ms + PARK_LOOK_MS;
		push(l, esp);
	} else if (!sa || sa->reserved || memcmp(sa->spec.keymat, esp->key, sizeof(esp->key)) != 0) {
		lost(l, esp);
	} else {
		l->carried++;
		sa->packets++;
		sa->last_ms = host_now(l, f->to);
	}
}

void traffic_arrive(struct life *l)
{
	while (l->esp_count && l->esp[l->esp_first].at_ms <= l->now_ms) {
		struct life_esp esp = l->esp[l->esp_first];

		l->esp_first = (l->esp_first + 1) % LIFE_ESP;
		l->esp_count--;
		arrive(l, &esp);
	}
}

/* What the other end's file does not have may still leave by an SA of an earlier run, until that has come to its end
 * (check.c), and arrives nowhere. */
void traffic_arm(struct life *l)
{
	for (unsigned i = 0; i < l->flow_count; i++) {
		struct life_flow *f = &l->flows[i];

		f->armed = f->on && bound(l, f) && plan_has(l, f->to, f);
	}
}

void traffic_disturb(struct life *l, int host)
{
	for (unsigned i = 0; i < l->flow_count; i++)
		if (host < 0 || l->flows[i].from == host || l->flows[i].to == host)
			l->flows[i].armed = false;
}

void traffic_disturb_connection(struct life *l, int host, unsigned connection)
{
	for (unsigned i = 0; i < l->flow_count; i++)
		if (l->flows[i].connection == connection && (l->flows[i].from == host || l->flows[i].to == host))
			l->flows[i].armed = false;
}
