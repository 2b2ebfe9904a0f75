/* SPDX-License-Identifier: BSD-2-Clause */
#include "events.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "event_text.h"
#include "journal.h"
#include "lib/clock.h"
#include "script.h"

/*
 * How much of a kind is told: so many at once, and one each so often (GCRA of ITU-T I.371). What others can cause must
 * not fill a journal, or keep a script from what matters; of the rest a thousand connections may come up at once.
 */
#define OTHERS_BURST 10
#define OTHERS_NS    1000000000ULL
#define OWN_BURST    4000
#define OWN_NS	     10000000ULL

struct rate {
	uint64_t due_ns;
	unsigned suppressed;
};

static struct {
	const char *instance; /* NULL: not started */
	struct feed feed;
	struct script script;
	int journal; /* -1: stderr is not the journal's */
	struct rate rates[KINDS];
} events = {.journal = -1};

static bool may_tell(enum event_kind kind)
{
	const bool others = kinds[kind].flags & KIND_OF_OTHERS;
	const uint64_t step = others ? OTHERS_NS : OWN_NS, burst = others ? OTHERS_BURST : OWN_BURST;
	const uint64_t now = clock_now();
	struct rate *r = &events.rates[kind];

	if (r->due_ns < now)
		r->due_ns = now;
	if (r->due_ns + step > now + burst * step) {
		r->suppressed++;
		return false;
	}
	r->due_ns += step;
	return true;
}

bool events_are_heard(void)
{
	return events.instance && (feed_has_readers(&events.feed) || events.journal >= 0 || events.script.path[0]);
}

void events_tell(enum event_kind kind, const char *connection, cJSON *values)
{
	cJSON *event;

	if (!events_are_heard() || !may_tell(kind)) {
		cJSON_Delete(values);
		return;
	}
	event = happening_new(kind, events.instance, connection, values);
	if (events.rates[kind].suppressed)
		cJSON_AddNumberToObject(event, "suppressed", events.rates[kind].suppressed);
	events.rates[kind].suppressed = 0;
	feed_send(&events.feed, event);
	if (events.journal >= 0)
		journal_send(events.journal, JOURNAL_SOCKET, event);
	script_run(&events.script, event);
	cJSON_Delete(event);
}

void events_tell_text(enum event_kind kind, const char *connection, const char *name, const char *text)
{
	cJSON *values = cJSON_CreateObject();

	cJSON_AddStringToObject(values, name, text);
	events_tell(kind, connection, values);
}

int events_start(struct event_base *base, const char *instance, const char *script)
{
	if (script_init(&events.script, base, script))
		return -ENOMEM;
	feed_init(&events.feed, base, instance);
	memset(events.rates, 0, sizeof(events.rates));
	/* Without it the log is there as it was. */
	events.journal = journal_is_stderr() ? journal_open() : -1;
	events.instance = instance;
	return 0;
}

int events_join(int socket, struct feed_reader **reader, struct fault *f)
{
	return feed_join(&events.feed, socket, reader, f);
}

void events_reap(void)
{
	script_reap(&events.script);
}

void events_stop(void)
{
	events.instance = NULL;
	feed_stop(&events.feed);
	script_stop(&events.script);
	if (events.journal >= 0)
		close(events.journal);
	events.journal = -1;
}
