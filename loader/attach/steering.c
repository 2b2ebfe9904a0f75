/* SPDX-License-Identifier: BSD-2-Clause */
#include "steering.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "maps/slots.h"
#include "steering_hash.h"
#include "steering_undo.h"

/* An SA that is new has this long none of its own: its packets come by their addresses, and are opened all the same. */
static const struct timeval PERIOD = {.tv_sec = 1};

static const struct {
	const char *name;
	const char *text;
} words[] = {
	[STEERING_ONE_QUEUE] = {"one_queue", "one queue"},
	[STEERING_RSS] = {"rss", "an SA's packets go by SPI (RSS)"},
	[STEERING_NTUPLE] = {"ntuple", "an SA's packets go by SPI (ntuple rules)"},
	[STEERING_ADDRESSES] = {"addresses", "by addresses: one peer stays on one queue"},
};

const char *steering_name(enum port_steering steering)
{
	return steering <= STEERING_ADDRESSES ? words[steering].name : NULL;
}

const char *steering_text(enum port_steering steering)
{
	return steering <= STEERING_ADDRESSES && words[steering].text ? words[steering].text : "not known";
}

static enum port_steering as_it_is(const char *name)
{
	return steering_hash_look(name) == STEERING_HASH_SPI ? STEERING_RSS : STEERING_ADDRESSES;
}

/* ---- what it would be ---- */

struct steering_forecast steering_look(const struct interface_config *config, const struct netdev *dev)
{
	const enum steering_hash hash = steering_hash_look(dev->name);
	const enum steering_wish wish = config->steering;

	if (nic_queues(config, dev) == 1)
		return (struct steering_forecast){STEERING_ONE_QUEUE, false};
	if (wish != STEER_NTUPLE && hash == STEERING_HASH_SPI)
		return (struct steering_forecast){STEERING_RSS, false};
	if ((wish == STEER_AUTO || wish == STEER_RSS) && hash == STEERING_HASH_MAYBE)
		return (struct steering_forecast){STEERING_RSS, true};
	if ((wish == STEER_AUTO && steering_rules_look(dev->name)) || wish == STEER_NTUPLE)
		return (struct steering_forecast){STEERING_NTUPLE, true};
	return (struct steering_forecast){STEERING_ADDRESSES, false};
}

/* ---- having it done ---- */

static struct steering_place place_of(const struct steering *s, const struct nic *nic)
{
	return (struct steering_place){
		.run_dir = s->nics->run_dir,
		.dev = nic->config.name,
		.name = nic->dev.name,
	};
}

/* The one that can be had, and what keeps the other from being had in f. */
static enum port_steering choose(const struct steering_place *at, struct steering_nic *n, enum steering_wish wish,
				 struct fault *f)
{
	const enum steering_hash hash = steering_hash_look(at->name);

	if (wish == STEER_OFF || (wish != STEER_NTUPLE && hash == STEERING_HASH_SPI))
		return as_it_is(at->name);
	fault(f, EOPNOTSUPP, "its driver does not hash ESP by SPI");
	if (wish != STEER_NTUPLE && hash == STEERING_HASH_MAYBE && steering_hash_take(at, &n->record, f) == 0)
		return STEERING_RSS;
	if (wish != STEER_RSS && steering_rules_begin(at, &n->rules, &n->record, wish == STEER_NTUPLE, f) == 0)
		return STEERING_NTUPLE;
	return as_it_is(at->name);
}

/* Of an earlier run, or with other settings: what is not asked for any more is put back. The hash is let be where it is
 * to be the same, since some drivers stop the NIC for a moment to change it. */
static void begin(const struct steering *s, const struct nic *nic, struct steering_nic *n)
{
	const struct steering_place at = place_of(s, nic);
	const enum steering_wish wish = nic->config.steering;

	n->rules.count = 0;
	if (!steering_record_read(&at, &n->record) ||
	    (n->record.ifindex == nic->dev.ifindex && !n->record.spi_count && !n->record.rules_were_off &&
	     (wish == STEER_AUTO || wish == STEER_RSS)))
		return;
	steering_undo(at.run_dir, at.dev);
	steering_record_read(&at, &n->record);
}

static void say(const struct nic *nic, enum port_steering got, const struct fault *f)
{
	const enum steering_wish wish = nic->config.steering;
	const bool failed =
		(wish == STEER_RSS && got != STEERING_RSS) || (wish == STEER_NTUPLE && got != STEERING_NTUPLE);

	if (got == STEERING_ONE_QUEUE)
		return;
	log_line("%s: steering: %s%s%s", nic->config.name, steering_text(got), failed ? ": " : "",
		 failed ? f->text : "");
}

void steering_attach(struct steering *s, struct nic *nic)
{
	struct steering_nic *n = &s->nic[nics_index(s->nics, nic)];
	const struct steering_place at = place_of(s, nic);
	enum port_steering got = STEERING_ONE_QUEUE;
	struct fault f = {""};

	begin(s, nic, n);
	n->record.ifindex = nic->dev.ifindex;
	if (nic_queues(&nic->config, &nic->dev) > 1)
		got = choose(&at, n, nic->config.steering, &f);
	nics_port(s->nics, nic)->steering = (uint8_t)got;
	say(nic, got, &f);
}

/* ---- following the SAD ---- */

/* Sorted; returns how many are left. */
static uint32_t drop_twins(uint32_t *spis, uint32_t count)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++)
		if (!n || spis[n - 1] != spis[i])
			spis[n++] = spis[i];
	return n;
}

/* Of inbound SAs that are taken on that NIC, with room for one of each slot; sorted, each once: SAs at two addresses
 * may have the same. Half an SA that is just being made is looked at the next time. */
static uint32_t collect(const struct maps *maps, uint32_t ifindex, uint32_t *spis)
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < maps->slots; slot++) {
		const struct sa_state *sa = &maps->sa[slot];

		if (slot_in_use(slot_generation(maps->sa, slot)) && sa->direction == SA_INBOUND && sa->spi &&
		    (!sa->ifindex || sa->ifindex == ifindex))
			spis[n++] = sa->spi;
	}
	qsort(spis, n, sizeof(spis[0]), steering_spi_compare);
	return drop_twins(spis, n);
}

static void follow(struct steering *s, const struct nic *nic)
{
	struct steering_nic *n = &s->nic[nics_index(s->nics, nic)];
	const struct steering_place at = place_of(s, nic);
	uint32_t *spis = malloc(s->nics->maps->slots * sizeof(*spis));
	const uint32_t count = spis ? collect(s->nics->maps, (uint32_t)nic->dev.ifindex, spis) : 0;
	struct fault f;

	/* Without memory the rules stay as they are. */
	if (spis && steering_rules_follow(&at, &n->rules, &n->record, spis, count, nic->queues, &f))
		log_warning("%s: steering: %s", nic->config.name, f.text);
	free(spis);
}

static bool has_rules(const struct steering *s, const struct nic *nic)
{
	return nic->used && nic->present && nics_port(s->nics, nic)->steering == STEERING_NTUPLE;
}

void steering_follow(struct steering *s)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (has_rules(s, &s->nics->nic[i]))
			follow(s, &s->nics->nic[i]);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	steering_follow(arg);
}

void steering_start(struct steering *s, struct event_base *base, struct nics *nics)
{
	s->nics = nics;
	s->timer = event_new(base, -1, EV_PERSIST, on_timer, s);
	if (!s->timer || event_add(s->timer, &PERIOD) < 0)
		log_warning("steering: %s: SAs get no rules", strerror(ENOMEM));
}

static void clear(struct steering *s, const struct nic *nic)
{
	struct steering_nic *n = &s->nic[nics_index(s->nics, nic)];
	const struct steering_place at = place_of(s, nic);
	uint32_t before = has_rules(s, nic) ? n->rules.count : 0;
	struct fault f;

	for (; before; before = n->rules.count < before ? n->rules.count : 0)
		if (steering_rules_follow(&at, &n->rules, &n->record, NULL, 0, 1, &f))
			log_warning("%s: steering: %s", nic->config.name, f.text);
}

void steering_stop(struct steering *s)
{
	if (!s->timer)
		return;
	event_free(s->timer);
	s->timer = NULL;
	for (unsigned i = 0; i < PORTS_MAX; i++)
		clear(s, &s->nics->nic[i]);
}
