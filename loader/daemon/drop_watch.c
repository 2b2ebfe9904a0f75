/* SPDX-License-Identifier: BSD-2-Clause */
#include "drop_watch.h"

#include <errno.h>

#include "events/events.h"
#include "lib/clock.h"

#define LOOK_S 1
/* Drops that go on are one event; with less, a packet now and then is one each. */
#define QUIET_NS (60 * 1000000000ULL)

static void tell(enum reason reason, uint64_t packets)
{
	cJSON *values = cJSON_CreateObject();

	cJSON_AddStringToObject(values, "reason", reason_name(reason));
	cJSON_AddNumberToObject(values, "packets", (double)packets);
	cJSON_AddStringToObject(values, "text", reason_text(reason));
	cJSON_AddStringToObject(values, "hint", reason_hint(reason));
	events_tell(KIND_DROPS, NULL, values);
}

void drop_watch_look(struct drop_watch *w, const struct counts_sum *sum, uint64_t now)
{
	for (enum reason reason = 0; reason < REASON_COUNT; reason++) {
		const uint64_t packets = sum->by_reason[reason] - w->seen.by_reason[reason];

		if (!packets || !reason_is_drop(reason) || !w->has_seen)
			continue;
		if (!w->moved_ns[reason] || now - w->moved_ns[reason] >= QUIET_NS)
			tell(reason, packets);
		w->moved_ns[reason] = now;
	}
	w->seen = *sum;
	w->has_seen = true;
}

/* What was dropped while nobody heard is nothing that happens to who hears now; it is looked all the same, so that he
 * hears of what is dropped from then on. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct drop_watch *w = arg;
	struct counts_sum sum;

	(void)fd;
	(void)what;
	nics_count_drops(w->nics);
	if (counts_read(w->maps, &sum, NULL))
		return;
	if (events_are_heard()) {
		drop_watch_look(w, &sum, clock_now());
		return;
	}
	w->seen = sum;
	w->has_seen = true;
}

int drop_watch_start(struct drop_watch *w, struct event_base *base, struct nics *nics)
{
	const struct timeval interval = {.tv_sec = LOOK_S};

	w->nics = nics;
	w->maps = nics->maps;
	w->has_seen = counts_read(w->maps, &w->seen, NULL) == 0;
	w->timer = event_new(base, -1, EV_PERSIST, on_timer, w);
	return w->timer && event_add(w->timer, &interval) == 0 ? 0 : -ENOMEM;
}

void drop_watch_stop(struct drop_watch *w)
{
	if (w->timer)
		event_free(w->timer);
	w->timer = NULL;
}
