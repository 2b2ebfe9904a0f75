/* SPDX-License-Identifier: BSD-2-Clause */
#include "liveness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "events/events.h"
#include "lib/clock.h"
#include "lib/key_index.h"
#include "lib/log.h"
#include "liveness_book.h"
#include "liveness_way.h"

/* Identifiers are of 16 bits. */
#define WATCHED_MAX 65536
/* Answers read at a time: the other parts of the loop have their turn, too. */
#define ANSWERS_MAX 256

struct watched {
	struct liveness *set;
	char name[CONNECTION_NAME_MAX];
	uint8_t local[4];
	uint8_t remote[4];
	struct liveness_book book;
	enum liveness_way way;
	struct event *timer;
	uint16_t id;
};

static void tell(enum event_kind kind, const struct watched *w, const char *name, uint64_t value)
{
	cJSON *values = cJSON_CreateObject();

	cJSON_AddNumberToObject(values, name, (double)value);
	events_tell(kind, w->name, values);
}

static void on_news(struct watched *w, enum liveness_news news)
{
	const struct liveness_book *m = &w->book;

	if (news == LIVENESS_BACK) {
		log_line("%s: monitor: answered after %" PRIu64 " s, in %" PRIu64 " us: up", w->name,
			 clock_seconds_since(m->down_ns), m->rtt_us);
		tell(KIND_MONITOR_UP, w, "rtt_us", m->rtt_us);
	} else if (news == LIVENESS_DEAD) {
		log_warning("%s: monitor: no answer inside the SA to %u probes in a row: down, and its SAs end",
			    w->name, m->unanswered);
		tell(KIND_MONITOR_DOWN, w, "unanswered", m->unanswered);
		w->set->on_dead(w->set->arg, w->name);
	}
}

/* ---- out ---- */

/* One that cannot leave counts as one without an answer: the way to the peer is not there. */
static void probe(struct watched *w, int ifindex)
{
	struct echo request = {.id = w->id};
	struct liveness_book *m = &w->book;

	memcpy(request.cookie, w->set->secret, ECHO_SECRET_SIZE);
	if (getrandom(request.cookie + ECHO_SECRET_SIZE, ECHO_COOKIE_SIZE - ECHO_SECRET_SIZE, 0) < 0)
		return;
	liveness_book_sent(m, request.cookie, clock_now());
	request.seq = m->seq;
	memcpy(request.local, w->local, 4);
	memcpy(request.remote, w->remote, 4);
	if (ifindex)
		echo_send(w->set->fd, &request, ifindex);
}

static void look_for_way(struct watched *w, int *ifindex)
{
	const enum liveness_way way = liveness_way(w->set->maps, w->local, w->remote, ifindex);
	const char *remedy = liveness_way_remedy(way);

	if (way != w->way && remedy)
		log_warning("%s: monitor: not probed: %s", w->name, remedy);
	w->way = way;
}

static void start_timer(const struct watched *w, uint64_t ms)
{
	const struct timeval t = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

	evtimer_add(w->timer, &t);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct watched *w = arg;
	int ifindex = 0;

	(void)fd;
	(void)what;
	start_timer(w, w->book.interval_ms);
	on_news(w, liveness_book_settle(&w->book, clock_now()));
	look_for_way(w, &ifindex);
	if (w->set->is_way_open(w->set->arg) && (w->way == WAY_SEALED || w->way == WAY_NO_ROUTE))
		probe(w, ifindex);
	else
		liveness_book_idle(&w->book);
}

/* ---- in ---- */

static void take(struct liveness *set, const struct echo *answer, uint64_t came_ns)
{
	struct watched *w = answer->id < set->count ? set->watched[answer->id] : NULL;

	if (!w || memcmp(w->local, answer->local, 4) != 0 || memcmp(w->remote, answer->remote, 4) != 0)
		return;
	on_news(w, liveness_book_answer(&w->book, answer->seq, answer->cookie, came_ns));
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct echo answer;
	uint64_t waited_ns;

	(void)what;
	for (unsigned i = 0; i < ANSWERS_MAX && echo_receive(fd, &answer, &waited_ns); i++)
		take(arg, &answer, clock_now() - waited_ns);
}

static int open_socket(struct liveness *set, struct fault *f)
{
	if (getrandom(set->secret, sizeof(set->secret), 0) != (ssize_t)sizeof(set->secret))
		return fault(f, errno, "monitor: random numbers: %s", strerror(errno));
	set->fd = echo_open(set->secret, f);
	if (set->fd < 0)
		return set->fd;
	set->readable = event_new(set->base, set->fd, EV_READ | EV_PERSIST, on_readable, set);
	if (set->readable && event_add(set->readable, NULL) == 0)
		return 0;
	liveness_stop(set);
	return fault(f, ENOMEM, "monitor: %s", strerror(ENOMEM));
}

/* ---- what is watched ---- */

static bool is_watched(const void *array, size_t place, const void *connection)
{
	const struct watched *w = ((struct watched *const *)array)[place];
	const struct connection_config *c = connection;

	return strcmp(w->name, c->name) == 0 && memcmp(w->local, c->local, 4) == 0 &&
	       memcmp(w->remote, c->remote.addr, 4) == 0;
}

static const struct watched *find(const struct liveness *set, const struct key_index *names,
				  const struct connection_config *c)
{
	const size_t place = key_index_find(names, key_hash_text(c->name), is_watched, set->watched, c);

	return place == KEY_INDEX_NONE ? NULL : set->watched[place];
}

/* Without memory for it, who is not found is watched as one that is new. */
static struct key_index names_of(const struct liveness *set)
{
	struct key_index names = {0};

	for (unsigned i = 0; i < set->count; i++)
		key_index_add(&names, key_hash_text(set->watched[i]->name), i);
	return names;
}

static void watched_free(struct watched *w)
{
	if (!w)
		return;
	if (w->timer)
		event_free(w->timer);
	free(w);
}

static struct watched *watched_new(struct liveness *set, const struct connection_config *c,
				   const struct watched *before, unsigned id)
{
	struct watched *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->set = set;
	w->id = (uint16_t)id;
	snprintf(w->name, sizeof(w->name), "%s", c->name);
	memcpy(w->local, c->local, 4);
	memcpy(w->remote, c->remote.addr, 4);
	if (before) {
		w->book = before->book;
		w->way = before->way;
		/* Its answer would bear the identifier of before. */
		w->book.sent -= w->book.waiting;
		w->book.waiting = false;
	}
	liveness_book_set(&w->book, c->monitor_ms, c->threshold);
	w->timer = evtimer_new(set->base, on_time, w);
	if (w->timer)
		return w;
	watched_free(w);
	return NULL;
}

static void free_list(struct watched **list, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		watched_free(list[i]);
	free(list);
}

static unsigned count_monitored(const struct config *config)
{
	unsigned n = 0;

	for (unsigned i = 0; i < config->connection_count; i++)
		n += config->connections[i].monitor_ms != 0;
	return n;
}

/* Spread over their intervals: a thousand of them are no burst. */
static void start_timers(const struct liveness *set)
{
	for (unsigned i = 0; i < set->count; i++)
		start_timer(set->watched[i], set->watched[i]->book.interval_ms * (i + 1) / set->count);
}

int liveness_configure(struct liveness *set, const struct config *config, struct fault *f)
{
	const unsigned count = count_monitored(config);
	struct key_index names;
	struct watched **list;
	unsigned n = 0;
	int err = count && set->fd < 0 ? open_socket(set, f) : 0;

	if (err)
		return err;
	if (count > WATCHED_MAX)
		return fault(f, E2BIG, "monitor: no more than %d connections can have it", WATCHED_MAX);
	list = calloc(count ? count : 1, sizeof(*list));
	names = names_of(set);
	for (unsigned i = 0; list && i < config->connection_count; i++) {
		const struct connection_config *c = &config->connections[i];

		if (c->monitor_ms && (list[n] = watched_new(set, c, find(set, &names, c), n)))
			n++;
	}
	key_index_clear(&names);
	if (!list || n < count) {
		free_list(list, list ? n : 0);
		return fault(f, ENOMEM, "monitor: %s", strerror(ENOMEM));
	}
	free_list(set->watched, set->count);
	set->watched = list;
	set->count = n;
	start_timers(set);
	return 0;
}

/* ---- status ---- */

static void add_us(cJSON *o, const char *name, uint64_t us)
{
	if (us)
		json_add_u64(o, name, us);
	else
		cJSON_AddNullToObject(o, name);
}

static cJSON *monitor_json(const struct liveness_book *m)
{
	cJSON *o = cJSON_CreateObject(), *rtt;

	cJSON_AddNumberToObject(o, "interval_s", (double)m->interval_ms / 1000);
	cJSON_AddNumberToObject(o, "threshold", m->threshold);
	cJSON_AddStringToObject(o, "state", liveness_book_state_name(m->state));
	if (m->state == LIVENESS_DOWN)
		cJSON_AddNumberToObject(o, "down_s", (double)clock_seconds_since(m->down_ns));
	else
		cJSON_AddNullToObject(o, "down_s");
	json_add_u64(o, "sent", m->sent);
	json_add_u64(o, "received", m->received);
	json_add_u64(o, "lost", m->lost);
	rtt = cJSON_AddObjectToObject(o, "rtt_us");
	add_us(rtt, "last", m->rtt_us);
	add_us(rtt, "avg", m->rtt_avg_us);
	return o;
}

cJSON *liveness_json(const struct liveness *set)
{
	cJSON *o = cJSON_CreateObject();

	for (unsigned i = 0; i < set->count; i++)
		cJSON_AddItemToObject(o, set->watched[i]->name, monitor_json(&set->watched[i]->book));
	return o;
}

/* ---- life ---- */

void liveness_init(struct liveness *set)
{
	set->fd = -1;
	set->readable = NULL;
	set->watched = NULL;
	set->count = 0;
}

void liveness_stop(struct liveness *set)
{
	if (!set->base)
		return;
	free_list(set->watched, set->count);
	if (set->readable)
		event_free(set->readable);
	if (set->fd >= 0)
		close(set->fd);
	liveness_init(set);
}
