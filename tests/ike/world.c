/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRAFFIC_MS 5
/* More than are on their way at any time. */
#define WORLD_TRAFFIC 256

/* ---- ops ---- */

static uint64_t op_now(void *arg)
{
	return ((struct world_host *)arg)->world->now_ms;
}

static int64_t op_wall(void *arg)
{
	return world_wall(((struct world_host *)arg)->world);
}

/* xorshift64*: the same run each time. */
static void op_random(void *arg, void *out, size_t size)
{
	struct world *w = ((struct world_host *)arg)->world;

	for (size_t i = 0; i < size; i++) {
		w->seed ^= w->seed >> 12;
		w->seed ^= w->seed << 25;
		w->seed ^= w->seed >> 27;
		((uint8_t *)out)[i] = (uint8_t)(w->seed * 0x2545f4914f6cdd1dULL >> 56);
	}
}

static void enqueue(struct world *w, const struct world_packet *p)
{
	if (w->packet_count == WORLD_PACKETS) {
		fprintf(stderr, "world: more packets than it can hold\n");
		abort();
	}
	w->packets[w->packet_count++] = *p;
}

void world_inject(struct world *w, const struct world_packet *p, uint64_t delay_ms)
{
	struct world_packet copy = *p;

	copy.data = malloc(p->size ? p->size : 1);
	memcpy(copy.data, p->data, p->size);
	copy.at_ms = w->now_ms + delay_ms;
	enqueue(w, &copy);
}

enum fate world_drop_all(struct world *w, struct world_packet *p, void *arg)
{
	(void)w;
	(void)p;
	(void)arg;
	return DROP;
}

static int op_send(void *arg, const struct path *path, const void *data, size_t size)
{
	struct world_host *h = arg;
	struct world *w = h->world;
	struct world_packet p = {.to = !h->number, .at_ms = w->now_ms + w->latency_ms, .size = size};

	if (h->send_error)
		return -h->send_error;
	memcpy(p.path.local, path->remote, 4);
	memcpy(p.path.remote, path->local, 4);
	p.path.local_port = path->remote_port;
	p.path.remote_port = path->local_port;
	p.data = malloc(size);
	memcpy(p.data, data, size);
	w->sent++;
	if (w->filter && w->filter(w, &p, w->filter_arg) == DROP)
		free(p.data);
	else
		enqueue(w, &p);
	return 0;
}

static uint32_t op_spi(void *arg, const uint8_t dst[4])
{
	uint32_t spi;

	(void)dst;
	do
		op_random(arg, &spi, sizeof(spi));
	while (spi < 256);
	return spi;
}

static struct sas sas_of(struct world_host *h)
{
	return (struct sas){h->sas, WORLD_SAS, !h->no_room, h->world->now_ms};
}

static int op_reserve(void *arg, uint32_t spi, const uint8_t src[4], const uint8_t dst[4], struct sa_handle *out)
{
	const struct sas s = sas_of(arg);

	return sas_reserve(&s, spi, src, dst, out);
}

static int checked(int err)
{
	if (err == -EINVAL) {
		fprintf(stderr, "world: an SA is put in the place of another, or an inbound one is bound\n");
		abort();
	}
	return err;
}

static int op_add(void *arg, const struct sa_spec *spec, struct sa_handle *out)
{
	const struct sas s = sas_of(arg);

	return checked(sas_add(&s, spec, out));
}

static int op_bind(void *arg, struct sa_handle handle, unsigned lane, bool lanes)
{
	const struct sas s = sas_of(arg);

	return checked(sas_bind(&s, handle, lane, lanes));
}

static void op_remove(void *arg, struct sa_handle handle)
{
	const struct sas s = sas_of(arg);

	sas_remove(&s, handle);
}

static bool op_usage(void *arg, struct sa_handle handle, struct sa_usage *out)
{
	const struct sas s = sas_of(arg);

	return sas_usage(&s, handle, s.now_ms, out);
}

/* Two with the other host: one each way, of which the second has half as much time. */
static void op_each_orphan(void *arg, orphan_fn fn, void *fn_arg)
{
	struct world_host *h = arg;

	for (int i = 0; i < 2 && h->orphans_ms; i++)
		fn(fn_arg, h->addr, h->world->hosts[!h->number].addr, &h->orphans_for, h->orphans_ms >> i);
}

static void op_remove_orphans(void *arg, const uint8_t local[4], const uint8_t remote[4], const struct selector *within,
			      unsigned count)
{
	struct world_host *h = arg;

	if (memcmp(local, h->addr, 4) != 0 || memcmp(remote, h->world->hosts[!h->number].addr, 4) != 0 ||
	    !selector_within(&h->orphans_for, within, count))
		return;
	h->orphans_ms = 0;
	for (unsigned i = 0; i < WORLD_SAS; i++)
		if (h->sas[i].orphan)
			h->sas[i] = (struct world_sa){.generation = h->sas[i].generation};
}

static void op_log(void *arg, unsigned flags, const char *line)
{
	struct world_host *h = arg;
	const size_t room = WORLD_LOG - h->log_size;
	int n;

	h->remote_lines += flags & LINE_OF_REMOTE;
	if (getenv("IKE_TEST_LOG"))
		fprintf(stderr, "%8llu host %d: %s\n", (unsigned long long)h->world->now_ms, h->number, line);
	n = snprintf(h->log + h->log_size, room, "%s\n", line);
	if (n > 0 && (size_t)n < room)
		h->log_size += (size_t)n;
}

static void op_tell(void *arg, bool remote, const char *event, const char *connection, cJSON *values)
{
	struct world_host *h = arg;
	const size_t n = strlen(h->told);

	(void)remote;
	snprintf(h->told + n, sizeof(h->told) - n, "%s %s\n", event, connection ? connection : "-");
	cJSON_Delete(values);
}

static void op_done(void *arg, uint64_t ticket, const char *error)
{
	struct world_host *h = arg;

	h->done_ticket = ticket;
	h->done_count++;
	snprintf(h->done_error, sizeof(h->done_error), "%s", error ? error : "");
}

/* Both ends log the same. */
static void op_keylog(void *arg, uint64_t spi_i, uint64_t spi_r, const struct ike_keys *keys)
{
	struct world *w = ((struct world_host *)arg)->world;

	w->keys[w->key_count++ % WORLD_KEYS] = (struct world_keys){spi_i, spi_r, *keys};
}

/* A chance of its own: what the engines draw is the same without hands. */
static int op_give(void *arg, const struct job *job)
{
	struct world_host *h = arg;
	struct world *w = h->world;
	uint64_t at_ms = w->now_ms;

	w->chance = w->chance * 6364136223846793005ULL + 1442695040888963407ULL;
	if (w->hands_held)
		at_ms = UINT64_MAX;
	else if (w->hands_ms)
		at_ms += (w->chance >> 33) % (w->hands_ms + 1);
	return played_give(&h->hands, job, at_ms);
}

/* ---- life ---- */

/* IKE_TEST_HANDS=none, or the milliseconds that a job may take: for who runs the tests of all that there is once more.
 */
static void choose_hands(struct world *w)
{
	const char *wanted = getenv("IKE_TEST_HANDS");

	w->no_hands = wanted && strcmp(wanted, "none") == 0;
	w->hands_ms = wanted ? strtoul(wanted, NULL, 10) : 0;
}

static struct engine *new_engine(struct world_host *h)
{
	const struct engine_ops ops = {
		.arg = h,
		.now_ms = op_now,
		.wall_s = op_wall,
		.random = op_random,
		.send = op_send,
		.sa_spi = op_spi,
		.sa_reserve = op_reserve,
		.sa_add = op_add,
		.sa_bind = op_bind,
		.sa_remove = op_remove,
		.sa_usage = op_usage,
		.sa_each_orphan = op_each_orphan,
		.sa_remove_orphans = op_remove_orphans,
		.keys = keyring_ops(h->ring),
		.hands = {h->world->no_hands ? NULL : op_give, h},
		.log = op_log,
		.tell = op_tell,
		.done = op_done,
		.keylog = op_keylog,
	};

	return engine_new(&ops);
}

static void init_host(struct world *w, int number)
{
	struct world_host *h = &w->hosts[number];
	const uint8_t addr[4] = {192, 0, 2, (uint8_t)(number + 1)};

	h->world = w;
	h->number = number;
	memcpy(h->addr, addr, 4);
	h->orphans_for = SELECTOR_ALL;
	h->ring = keyring_new();
	keyring_add(h->ring, 1, KEY_PSK, "secret", 6, NULL);
	played_hands_init(&h->hands, keyring_ops(h->ring));
	h->engine = new_engine(h);
}

void world_restart(struct world *w, int host)
{
	struct world_host *h = &w->hosts[host];

	engine_free(h->engine, false);
	played_forget(&h->hands);
	for (unsigned i = 0; i < WORLD_SAS; i++)
		h->sas[i].orphan = h->sas[i].used;
	h->orphans_ms = 3600000;
	h->engine = new_engine(h);
}

void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->now_ms = WORLD_BEGIN_MS;
	w->wall_s = 1800000000;
	w->seed = 88172645463325252ULL;
	w->latency_ms = 1;
	choose_hands(w);
	init_host(w, 0);
	init_host(w, 1);
}

void world_free(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		engine_free(w->hosts[i].engine, false);
		played_hands_free(&w->hosts[i].hands);
		keyring_free(w->hosts[i].ring);
	}
	for (unsigned i = 0; i < w->packet_count; i++)
		free(w->packets[i].data);
}

void world_again(struct world *w, uint64_t seed)
{
	world_free(w);
	world_init(w);
	w->seed += seed * 0x9e3779b97f4a7c15ULL;
}

int world_setup(void **state)
{
	*state = malloc(sizeof(struct world));
	world_init(*state);
	return 0;
}

int world_teardown(void **state)
{
	world_free(*state);
	free(*state);
	return 0;
}

struct connection_config *world_connection(struct world *w, int host)
{
	struct connection_config *c = calloc(1, sizeof(*c));

	snprintf(c->name, sizeof(c->name), "c%d", host);
	memcpy(c->local, w->hosts[host].addr, 4);
	memcpy(c->remote, w->hosts[!host].addr, 4);
	c->remote_bits = 32;
	c->psk_key = 1;
	c->local_id = (struct identity){.type = ID_IPV4_ADDR, .size = 4};
	memcpy(c->local_id.data, c->local, 4);
	c->selectors[0] = SELECTOR_ALL;
	c->selector_count = 1;
	c->start = START_RESPOND;
	c->esn = ESN_OFFERED;
	c->replay_window = 1024;
	c->rekey_ms = 3600000;
	c->lifetime_ms = 4200000;
	c->ike_rekey_ms = 28800000;
	c->dpd_ms = 10000;
	c->digest[0] = (uint8_t)(host + 1);
	return c;
}

void world_configure(struct world *w, int host, struct connection_config *c)
{
	struct ike_config config = {
		.connections = calloc(1, sizeof(c)), .count = 1, .cookie_threshold = w->cookie_threshold};

	config.connections[0] = c;
	engine_configure(w->hosts[host].engine, &config);
}

void world_configure_both(struct world *w, enum start_mode start)
{
	struct connection_config *first = world_connection(w, 0);

	first->start = start;
	world_configure(w, 1, world_connection(w, 1));
	world_configure(w, 0, first);
}

/* ---- time ---- */

static uint64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void receive(struct world *w, const struct world_packet *p)
{
	const uint64_t begin = real_ns();

	engine_receive(w->hosts[p->to].engine, &p->path, p->data, p->size);
	w->spent_ns[p->to] += real_ns() - begin;
}

static uint64_t tick(struct world *w, int host)
{
	const uint64_t begin = real_ns(), due = engine_tick(w->hosts[host].engine);

	w->spent_ns[host] += real_ns() - begin;
	return due;
}

static bool do_job(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		struct world_host *h = &w->hosts[i];
		const uint64_t begin = real_ns();
		const bool done = played_do(&h->hands, h->engine, w->now_ms);

		w->spent_ns[i] += real_ns() - begin;
		if (done)
			return true;
	}
	return false;
}

static bool deliver_due(struct world *w)
{
	if (do_job(w))
		return true;
	for (unsigned i = 0; i < w->packet_count; i++) {
		struct world_packet p = w->packets[i];

		if (p.at_ms > w->now_ms)
			continue;
		memmove(&w->packets[i], &w->packets[i + 1], (w->packet_count - i - 1) * sizeof(p));
		w->packet_count--;
		receive(w, &p);
		free(p.data);
		return true;
	}
	return false;
}

static uint64_t next_event(struct world *w)
{
	uint64_t next = UINT64_MAX;

	for (int i = 0; i < 2; i++) {
		const uint64_t due = tick(w, i);

		if (due < next)
			next = due;
	}
	for (int i = 0; i < 2; i++)
		if (played_next(&w->hosts[i].hands) < next)
			next = played_next(&w->hosts[i].hands);
	for (unsigned i = 0; i < w->packet_count; i++)
		if (w->packets[i].at_ms < next)
			next = w->packets[i].at_ms;
	return next;
}

void world_run(struct world *w, uint64_t ms)
{
	const uint64_t end = w->now_ms + ms;

	for (;;) {
		uint64_t next = next_event(w);

		if (next > end)
			break;
		if (next > w->now_ms)
			w->now_ms = next;
		while (deliver_due(w))
			next_event(w);
	}
	w->now_ms = end;
}

/* Packets on their way, in the order of their arrival: each takes the same time. */
struct traffic {
	struct world_sa sent[WORLD_TRAFFIC]; /* by which SA */
	uint64_t at_ms[WORLD_TRAFFIC];
	int from[WORLD_TRAFFIC];
	unsigned first;
	unsigned next;
};

static bool depart(struct world *w, struct traffic *t, int from)
{
	struct world_sa *out = world_bound(w, from);
	const unsigned i = t->next++ % WORLD_TRAFFIC;

	if (!out)
		return false;
	out->packets++;
	out->last_ms = w->now_ms;
	t->sent[i] = *out;
	t->from[i] = from;
	t->at_ms[i] = w->now_ms + w->latency_ms;
	return true;
}

/* What comes for an SA that has no key yet is held until it has. */
static bool arrive(struct world *w, const struct traffic *t, unsigned i)
{
	struct world_sa *in = world_partner(w, t->from[i], &t->sent[i]);

	if (!in)
		return world_reserved(w, !t->from[i], t->sent[i].spec.spi);
	in->packets++;
	in->last_ms = w->now_ms;
	return true;
}

static uint64_t arrival(const struct traffic *t, uint64_t otherwise)
{
	const uint64_t at = t->at_ms[t->first % WORLD_TRAFFIC];

	return t->first != t->next && at < otherwise ? at : otherwise;
}

bool world_run_under_traffic(struct world *w, uint64_t ms)
{
	const uint64_t end = w->now_ms + ms;
	struct traffic t = {0};
	uint64_t send_ms = w->now_ms;

	for (;;) {
		for (; arrival(&t, UINT64_MAX) <= w->now_ms; t.first++)
			if (!arrive(w, &t, t.first % WORLD_TRAFFIC))
				return false;
		if (w->now_ms == end)
			return true;
		if (w->now_ms == send_ms) {
			if (!depart(w, &t, 0) || !depart(w, &t, 1))
				return false;
			send_ms += TRAFFIC_MS;
		}
		world_run(w, arrival(&t, send_ms < end ? send_ms : end) - w->now_ms);
	}
}

/* ---- orders ---- */

static const char *name_at(int host)
{
	return host ? "c1" : "c0";
}

void world_initiate(struct world *w, int host)
{
	engine_initiate(w->hosts[host].engine, name_at(host), NULL, 7);
}

void world_terminate(struct world *w, int host)
{
	engine_terminate(w->hosts[host].engine, name_at(host), NULL, 8);
}

void world_rekey(struct world *w, int host, bool ike)
{
	engine_rekey(w->hosts[host].engine, name_at(host), NULL, ike, 9);
}
