/* SPDX-License-Identifier: BSD-2-Clause */
#include "many.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire.h"

/* Of the IKE header (RFC 7296 section 3.1). */
#define AT_EXCHANGE 18
#define AT_FLAGS    19
#define AT_ID	    20

static const uint8_t hub_address[4] = {10, 0, 0, 1};

static void host_address(unsigned host, uint8_t out[4])
{
	const uint32_t n = htonl((10U << 24 | 1U << 16) + host);

	memcpy(out, &n, 4);
}

/* Whichever of the two is no hub. */
static unsigned host_of(const uint8_t a[4], const uint8_t b[4])
{
	const uint8_t *addr = memcmp(a, hub_address, 4) == 0 ? b : a;
	uint32_t n;

	memcpy(&n, addr, 4);
	n = ntohl(n) & 0xffff;
	if (n >= MANY_MAX)
		abort();
	return n;
}

/* ---- what the engines ask of the world ---- */

static uint64_t op_now(void *arg)
{
	return ((struct many_end *)arg)->world->now_ms;
}

static int64_t op_wall(void *arg)
{
	return 1800000000 + (int64_t)(op_now(arg) / 1000);
}

/* splitmix64: the same run each time. */
static void op_random(void *arg, void *out, size_t size)
{
	struct many *w = ((struct many_end *)arg)->world;

	for (size_t done = 0; done < size; done += 8) {
		uint64_t z = (w->seed += 0x9e3779b97f4a7c15ULL);

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
		z ^= z >> 31;
		memcpy((uint8_t *)out + done, &z, size - done < 8 ? size - done : 8);
	}
}

static void grow(struct many *w)
{
	const size_t room = w->room ? 2 * w->room : 1024;
	struct many_datagram *bigger = calloc(room, sizeof(*bigger));

	for (size_t i = w->first; i < w->next; i++)
		bigger[i % room] = w->on_way[i % w->room];
	free(w->on_way);
	w->on_way = bigger;
	w->room = room;
}

/* The same again has the message ID of the last one: IDs grow by one with each request. */
static void count(struct many *w, const uint8_t *data)
{
	const size_t span = (size_t)((w->now_ms - w->counted_from_ms) / MANY_SPAN_MS);

	if (w->spans && span < w->spans && !(data[AT_FLAGS] & FLAG_RESPONSE))
		w->begun[data[AT_EXCHANGE]][span]++;
}

static uint64_t arrives_ms(struct many *w, int to)
{
	const uint64_t there = w->now_ms + w->latency_ms;

	if (to != HUB || !w->hub_ms)
		return there;
	w->hub_free_ms = (there > w->hub_free_ms ? there : w->hub_free_ms) + w->hub_ms;
	return w->hub_free_ms;
}

/* Behind what arrives before it, or with it. */
static void put_on_way(struct many *w, struct many_datagram d)
{
	size_t at = w->next++;

	for (; at > w->first && w->on_way[(at - 1) % w->room].at_ms > d.at_ms; at--)
		w->on_way[at % w->room] = w->on_way[(at - 1) % w->room];
	w->on_way[at % w->room] = d;
}

static int op_send(void *arg, const struct path *path, const void *data, size_t size)
{
	struct many_end *end = arg;
	struct many *w = end->world;
	const unsigned host = host_of(path->local, path->remote);
	struct many_datagram d = {.to = !end->number, .size = size};

	w->datagrams++;
	w->to_host[host]++;
	count(w, data);
	if (w->gone[host])
		return 0;
	d.at_ms = arrives_ms(w, d.to);
	memcpy(d.path.local, path->remote, 4);
	memcpy(d.path.remote, path->local, 4);
	d.path.local_port = path->remote_port;
	d.path.remote_port = path->local_port;
	d.data = malloc(size);
	memcpy(d.data, data, size);
	if (w->next - w->first == w->room)
		grow(w);
	put_on_way(w, d);
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

/* Generations are all 1, since no slot is used twice. */
static int claim(struct many_end *end, const uint8_t src[4], const uint8_t dst[4], bool inbound, struct sa_handle *out)
{
	if (end->count == end->room) {
		end->room = end->room ? 2 * end->room : 1024;
		end->sas = realloc(end->sas, end->room * sizeof(*end->sas));
	}
	end->sas[end->count] = (struct many_sa){
		.host = host_of(src, dst), .used = true, .inbound = inbound, .made_ms = end->world->now_ms};
	*out = (struct sa_handle){end->count++ * end->world->slot_step, 1};
	return 0;
}

static struct many_sa *sa_of(struct many_end *end, struct sa_handle sa)
{
	return &end->sas[sa.slot / end->world->slot_step];
}

static int op_reserve(void *arg, uint32_t spi, const uint8_t src[4], const uint8_t dst[4], struct sa_handle *out)
{
	(void)spi;
	return claim(arg, src, dst, true, out);
}

static int op_add(void *arg, const struct sa_spec *spec, struct sa_handle *out)
{
	if (!spec->reserved.generation)
		return claim(arg, spec->src, spec->dst, spec->inbound, out);
	*out = spec->reserved;
	return 0;
}

static int op_bind(void *arg, struct sa_handle sa, unsigned lane, bool lanes)
{
	(void)arg;
	(void)sa;
	(void)lane;
	(void)lanes;
	return 0;
}

static void op_remove(void *arg, struct sa_handle sa)
{
	if (sa.generation)
		sa_of(arg, sa)->used = false;
}

/* Nothing ever uses one. */
static bool op_usage(void *arg, struct sa_handle sa, struct sa_usage *out)
{
	*out = (struct sa_usage){.idle_ms = UINT64_MAX};
	return sa_of(arg, sa)->used;
}

static void op_each_orphan(void *arg, orphan_fn fn, void *fn_arg)
{
	static const struct selector all = SELECTOR_ALL;
	const struct many_end *end = arg;

	for (unsigned i = 0; i < end->count; i++) {
		uint8_t host[4];

		if (!end->sas[i].used || !end->sas[i].orphan)
			continue;
		host_address(end->sas[i].host, host);
		fn(fn_arg, end->number == HUB ? hub_address : host, end->number == HUB ? host : hub_address, &all,
		   3600000);
	}
}

/* Of one host the list is short: found by a number that is kept beside. */
static void op_remove_orphans(void *arg, const uint8_t local[4], const uint8_t remote[4], const struct selector *within,
			      unsigned number)
{
	struct many_end *end = arg;
	const unsigned host = host_of(local, remote);

	(void)within;
	(void)number;
	end->orphans[host] = 0;
}

static void op_log(void *arg, unsigned flags, const char *line)
{
	(void)flags;
	if (getenv("IKE_TEST_LOG"))
		fprintf(stderr, "%8llu %s: %s\n", (unsigned long long)op_now(arg),
			((struct many_end *)arg)->number == HUB ? "hub" : "hosts", line);
}

static void op_done(void *arg, uint64_t ticket, const char *error)
{
	(void)ticket;
	((struct many_end *)arg)->done += !error;
}

static void op_changed(void *arg, const char *name, const char *how)
{
	(void)name;
	(void)how;
	((struct many_end *)arg)->changed++;
}

static struct engine *new_engine(struct many_end *end)
{
	const struct engine_ops ops = {
		.arg = end,
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
		.keys = keyring_ops(end->ring),
		.log = op_log,
		.done = op_done,
		.changed = op_changed,
	};

	return engine_new(&ops);
}

/* ---- life ---- */

struct many *many_new(unsigned hosts)
{
	struct many *w = calloc(1, sizeof(*w));

	*w = (struct many){.now_ms = MANY_BEGIN, .seed = 1, .latency_ms = 1, .hosts = hosts, .slot_step = 1};
	for (int i = 0; i < 2; i++) {
		struct many_end *end = &w->ends[i];

		end->world = w;
		end->number = i;
		end->ring = keyring_new();
		keyring_add(end->ring, 1, KEY_PSK, "secret", 6, NULL);
		end->engine = new_engine(end);
	}
	return w;
}

void many_free(struct many *w)
{
	for (int i = 0; i < 2; i++) {
		engine_free(w->ends[i].engine, false);
		keyring_free(w->ends[i].ring);
		free(w->ends[i].sas);
	}
	for (; w->first < w->next; w->first++)
		free(w->on_way[w->first % w->room].data);
	for (int i = 0; i < 256; i++)
		free(w->begun[i]);
	free(w->on_way);
	free(w);
}

void many_restart(struct many *w, int number)
{
	struct many_end *end = &w->ends[number];

	engine_free(end->engine, false);
	for (unsigned i = 0; i < end->count; i++) {
		end->sas[i].orphan = end->sas[i].used;
		end->orphans[end->sas[i].host] += end->sas[i].used;
	}
	end->engine = new_engine(end);
}

/* ---- configurations ---- */

/* Of that end with that host. */
static struct connection_config *connection(int end, unsigned host, enum start_mode start)
{
	struct connection_config *c = calloc(1, sizeof(*c));

	snprintf(c->name, sizeof(c->name), "c%u", host);
	memcpy(end == HUB ? c->local : c->remote, hub_address, 4);
	host_address(host, end == HUB ? c->remote : c->local);
	c->remote_bits = 32;
	c->psk_key = 1;
	c->local_id = (struct identity){.type = ID_IPV4_ADDR, .size = 4};
	memcpy(c->local_id.data, c->local, 4);
	c->selectors[0] = SELECTOR_ALL;
	c->selector_count = 1;
	c->start = start;
	c->esn = ESN_OFFERED;
	c->replay_window = 1024;
	c->rekey_ms = 3600000;
	c->lifetime_ms = 4200000;
	c->ike_rekey_ms = 28800000;
	c->dpd_ms = 10000;
	memcpy(c->digest, &host, sizeof(host));
	return c;
}

static void change_it(struct connection_config *c, unsigned host, many_change *change)
{
	if (change)
		change(c, host);
}

static void configure_all(struct many *w, int end, enum start_mode start, many_change *change)
{
	struct ike_config config = {.connections = calloc(w->hosts, sizeof(*config.connections)), .count = w->hosts};

	for (unsigned i = 0; i < w->hosts; i++) {
		config.connections[i] = connection(end, i, start);
		change_it(config.connections[i], i, change);
	}
	engine_configure(w->ends[end].engine, &config);
}

void many_configure_hosts(struct many *w, enum start_mode start, many_change *change)
{
	configure_all(w, HOSTS, start, change);
}

void many_configure_each(struct many *w, enum start_mode start, many_change *change)
{
	configure_all(w, HUB, start, change);
}

void many_configure_mesh(struct many *w, enum start_mode start, many_change *change)
{
	struct ike_config config = {.connections = calloc(1, sizeof(*config.connections)), .count = 1};

	config.connections[0] = connection(HUB, 0, start);
	config.connections[0]->remote_bits = 16;
	change_it(config.connections[0], 0, change);
	engine_configure(w->ends[HUB].engine, &config);
}

void many_change_one(struct many *w, unsigned host, many_change *change)
{
	struct ike_config config = {.connections = calloc(1, sizeof(*config.connections)),
				    .count = 1,
				    .kept = calloc(w->hosts, CONNECTION_NAME_MAX)};

	config.connections[0] = connection(HOSTS, host, START_INITIATE);
	config.connections[0]->digest[31] = 1;
	change_it(config.connections[0], host, change);
	for (unsigned i = 0; i < w->hosts; i++)
		if (i != host)
			snprintf(config.kept[config.kept_count++], CONNECTION_NAME_MAX, "c%u", i);
	engine_configure(w->ends[HOSTS].engine, &config);
}

void many_acquire(struct many *w, unsigned host)
{
	uint8_t remote[4];

	host_address(host, remote);
	engine_acquire(w->ends[HUB].engine, hub_address, remote, 1, 0, 0);
}

/* ---- time ---- */

static uint64_t tick(struct many *w)
{
	const uint64_t hub = engine_tick(w->ends[HUB].engine), hosts = engine_tick(w->ends[HOSTS].engine);

	return hub < hosts ? hub : hosts;
}

static void deliver(struct many *w)
{
	struct many_datagram d = w->on_way[w->first++ % w->room];

	engine_receive(w->ends[d.to].engine, &d.path, d.data, d.size);
	free(d.data);
}

void many_run(struct many *w, uint64_t ms)
{
	const uint64_t end = w->now_ms + ms;

	for (;;) {
		uint64_t next = tick(w);

		if (w->first < w->next && w->on_way[w->first % w->room].at_ms < next)
			next = w->on_way[w->first % w->room].at_ms;
		if (next > end)
			break;
		if (next > w->now_ms)
			w->now_ms = next;
		if (w->first < w->next && w->on_way[w->first % w->room].at_ms <= w->now_ms)
			deliver(w);
	}
	w->now_ms = end;
}

/* ---- looking ---- */

static bool is_there(const struct many_end *end, const struct many_sa *sa)
{
	return sa->used && !(sa->orphan && !end->orphans[sa->host]);
}

unsigned many_sas(const struct many *w, int number)
{
	const struct many_end *end = &w->ends[number];
	unsigned n = 0;

	for (unsigned i = 0; i < end->count; i++)
		n += is_there(end, &end->sas[i]);
	return n;
}

unsigned many_orphans(const struct many *w, int number)
{
	const struct many_end *end = &w->ends[number];
	unsigned n = 0;

	for (unsigned i = 0; i < end->count; i++)
		n += end->sas[i].orphan && is_there(end, &end->sas[i]);
	return n;
}

struct sa_handle many_outbound(const struct many *w, int number, unsigned host)
{
	const struct many_end *end = &w->ends[number];
	unsigned i = 0;

	while (i < end->count && (end->sas[i].host != host || end->sas[i].inbound || !is_there(end, &end->sas[i])))
		i++;
	return (struct sa_handle){i * w->slot_step, 1};
}

uint64_t many_made(const struct many *w, int number, unsigned host)
{
	const struct many_end *end = &w->ends[number];
	uint64_t made = 0;

	for (unsigned i = 0; i < end->count; i++)
		if (end->sas[i].host == host && is_there(end, &end->sas[i]))
			made = end->sas[i].made_ms;
	return made;
}

void many_count_begin(struct many *w, uint64_t ms)
{
	w->counted_from_ms = w->now_ms;
	w->spans = (size_t)(ms / MANY_SPAN_MS);
	for (int i = 0; i < 256; i++) {
		free(w->begun[i]);
		w->begun[i] = calloc(w->spans, sizeof(unsigned));
	}
}

unsigned many_most(const struct many *w, uint8_t exchange)
{
	unsigned most = 0;

	for (size_t i = 0; i < w->spans; i++)
		if (w->begun[exchange][i] > most)
			most = w->begun[exchange][i];
	return most;
}

double many_mean(const struct many *w, uint8_t exchange)
{
	double sum = 0;

	for (size_t i = 0; i < w->spans; i++)
		sum += w->begun[exchange][i];
	return sum / (double)w->spans;
}
