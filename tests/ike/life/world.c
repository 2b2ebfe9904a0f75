/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "life.h"

#define NO_TIME UINT64_MAX

static const char letters[] = "ABC";

/* ---- chance ---- */

/* xorshift64*: the same run each time. */
static uint64_t draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

unsigned life_dice(struct life *l, unsigned n)
{
	return (unsigned)((draw(&l->dice) >> 32) % n);
}

bool life_chance(struct life *l, unsigned percent)
{
	return life_dice(l, 100) < percent;
}

/* ---- ops ---- */

static uint64_t op_now(void *arg)
{
	const struct life_host *h = arg;

	return h->life->now_ms + h->ahead_ms;
}

static int64_t op_wall(void *arg)
{
	const struct life_host *h = arg;

	return h->life->wall_s + (int64_t)(op_now(arg) / 1000);
}

static void op_random(void *arg, void *out, size_t size)
{
	struct life *l = ((struct life_host *)arg)->life;

	for (size_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = (uint8_t)(draw(&l->noise) >> 56);
}

static int host_of(const struct life *l, const uint8_t addr[4])
{
	for (int i = 0; i < LIFE_HOSTS; i++)
		if (memcmp(l->hosts[i].addr, addr, 4) == 0)
			return i;
	return -1;
}

void life_enqueue(struct life *l, int from, const struct world_packet *p, uint64_t delay_ms)
{
	if (l->packet_count == LIFE_PACKETS)
		life_violated(l, "%u datagrams of IKE are on their way", LIFE_PACKETS);
	l->packets[l->packet_count] = (struct life_packet){from, *p};
	l->packets[l->packet_count++].p.at_ms = l->now_ms + delay_ms;
}

static uint64_t delay(struct life *l)
{
	return l->latency_ms + (l->jitter_ms ? life_dice(l, (unsigned)l->jitter_ms) : 0);
}

static void enqueue_again(struct life *l, int from, const struct world_packet *p)
{
	struct world_packet copy = *p;

	copy.data = malloc(p->size);
	memcpy(copy.data, p->data, p->size);
	life_enqueue(l, from, &copy, delay(l) + life_dice(l, 1000));
}

static int op_send(void *arg, const struct path *path, const void *data, size_t size)
{
	struct life_host *h = arg;
	struct life *l = h->life;
	struct world_packet p = {.to = host_of(l, path->remote), .size = size};
	const bool inside = memory_inside;

	l->datagrams++;
	if (p.to < 0)
		return 0;
	memcpy(p.path.local, path->remote, 4);
	memcpy(p.path.remote, path->local, 4);
	p.path.local_port = path->remote_port;
	p.path.remote_port = path->local_port;
	memory_inside = false;
	p.data = malloc(size);
	memcpy(p.data, data, size);
	if (h->number == LIFE_C)
		hostile_look(l, &p);
	else if (p.to == LIFE_C)
		over_on_sent(l, h->number, &p);
	if (life_chance(l, l->repeat))
		enqueue_again(l, h->number, &p);
	if (life_chance(l, l->lose))
		free(p.data);
	else
		life_enqueue(l, h->number, &p, delay(l));
	memory_inside = inside;
	return 0;
}

/* One that no SA has: sad.c looks, too. */
static uint32_t op_spi(void *arg, const uint8_t dst[4])
{
	uint32_t spi, guess = 0;

	(void)dst;
	do
		op_random(arg, &spi, sizeof(spi));
	while (spi < 256 || life_inbound(arg, spi, &guess));
	return spi;
}

static struct sas sas_of(struct life_host *h)
{
	return (struct sas){h->sad, LIFE_SAS, !h->no_room, h->life->now_ms};
}

/* What an operation gave out. */
static int took(struct life_host *h, int err, const struct sa_handle *out)
{
	if (err == -EINVAL)
		life_violated(h->life, "%c: an SA is put in the place of another", letters[h->number]);
	if (!err && out->slot >= h->sas)
		h->sas = out->slot + 1;
	return err;
}

static int op_reserve(void *arg, uint32_t spi, const uint8_t src[4], const uint8_t dst[4], struct sa_handle *out)
{
	const struct sas s = sas_of(arg);

	return took(arg, sas_reserve(&s, spi, src, dst, out), out);
}

static int op_add(void *arg, const struct sa_spec *spec, struct sa_handle *out)
{
	const struct sas s = sas_of(arg);

	return took(arg, sas_add(&s, spec, out), out);
}

static int op_bind(void *arg, struct sa_handle handle, unsigned lane, bool lanes)
{
	struct life_host *h = arg;
	const struct sas s = sas_of(h);
	const int err = sas_bind(&s, handle, lane, lanes);

	if (err == -EINVAL)
		life_violated(h->life, "%c: an inbound SA is bound", letters[h->number]);
	return err;
}

static void op_remove(void *arg, struct sa_handle handle)
{
	const struct sas s = sas_of(arg);

	sas_remove(&s, handle);
}

static bool op_usage(void *arg, struct sa_handle handle, struct sa_usage *out)
{
	const struct sas s = sas_of(arg);

	return sas_usage(&s, handle, op_now(arg), out);
}

static void op_each_orphan(void *arg, orphan_fn fn, void *fn_arg)
{
	struct life_host *h = arg;

	for (unsigned i = 0; i < h->sas; i++) {
		const struct world_sa *sa = &h->sad[i];
		const uint64_t age = h->life->now_ms - sa->made_ms, life = sa->spec.limits.hard_ms;
		const struct selector selector = sa->spec.selector;

		if (sa->used && sa->orphan)
			fn(fn_arg, sa->spec.inbound ? sa->spec.dst : sa->spec.src,
			   sa->spec.inbound ? sa->spec.src : sa->spec.dst, &selector, life > age ? life - age : 0);
	}
}

static void op_remove_orphans(void *arg, const uint8_t local[4], const uint8_t remote[4], const struct selector *within,
			      unsigned count)
{
	struct life_host *h = arg;

	for (unsigned i = 0; i < h->sas; i++) {
		struct world_sa *sa = &h->sad[i];
		const uint8_t *ours = sa->spec.inbound ? sa->spec.dst : sa->spec.src;
		const uint8_t *theirs = sa->spec.inbound ? sa->spec.src : sa->spec.dst;

		if (sa->used && sa->orphan && memcmp(ours, local, 4) == 0 && memcmp(theirs, remote, 4) == 0 &&
		    selector_within(&sa->spec.selector, within, count))
			*sa = (struct world_sa){.generation = sa->generation};
	}
}

static void op_log(void *arg, unsigned flags, const char *line)
{
	const struct life_host *h = arg;

	if (h->life->trace)
		fprintf(stderr, "%10llu %c%s %s\n", (unsigned long long)h->life->now_ms, letters[h->number],
			flags & LINE_OF_REMOTE ? "?" : ":", line);
}

static void op_done(void *arg, uint64_t ticket, const char *error)
{
	struct life_host *h = arg;
	struct life_ticket *t = &h->tickets[ticket % LIFE_TICKETS];

	if (!t->open || t->ticket != ticket)
		life_violated(h->life, "%c: order %llu has come to an end twice", letters[h->number],
			      (unsigned long long)ticket);
	t->open = false;
	if (h->life->trace)
		fprintf(stderr, "%10llu %c: order %llu is done: %s\n", (unsigned long long)h->life->now_ms,
			letters[h->number], (unsigned long long)ticket, error ? error : "well");
}

static void op_keylog(void *arg, uint64_t spi_i, uint64_t spi_r, const struct ike_keys *keys)
{
	struct life_host *h = arg;
	struct world *book = &h->life->book;

	if (h->number == LIFE_C)
		book->keys[book->key_count++ % WORLD_KEYS] = (struct world_keys){spi_i, spi_r, *keys};
}

static int op_psk_auth(void *arg, uint32_t key, uint16_t prf, const uint8_t *octets, size_t size, uint8_t *out)
{
	struct life_host *h = arg;
	const struct keyholder_ops ops = keyring_ops(h->ring);

	return h->keyless ? -1 : ops.psk_auth(ops.arg, key, prf, octets, size, out);
}

/* One takes long now and then, and then nobody takes anything for a while: the engine does it. */
static int op_give(void *arg, const struct job *job)
{
	struct life_host *h = arg;
	struct life *l = h->life;
	const bool inside = memory_inside;
	const uint64_t chance = draw(&l->haste) >> 32;
	uint64_t ms = l->hands_ms ? chance % (l->hands_ms + 1) : 0;
	int err;

	/* More than 1.5 s is a peer that does not answer (doubt.h), and costs packets as one that is away does. */
	if (chance % 32 == 0)
		ms *= l->lose ? 60 : 8;
	h->hands.full = h->hands.out > 1 && chance % 8 == 0;
	memory_inside = false;
	err = played_give(&h->hands, job, l->now_ms + ms);
	memory_inside = inside;
	return err;
}

/* ---- life ---- */

static struct engine *new_engine(struct life_host *h)
{
	struct engine_ops ops = {
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
		.log = op_log,
		.done = op_done,
		.keylog = op_keylog,
	};

	ops.keys.psk_auth = op_psk_auth;
	ops.keys.arg = h;
	if (h->life->hands)
		ops.hands = (struct hands_ops){op_give, h};
	return engine_new(&ops);
}

static void init_host(struct life *l, int number)
{
	struct life_host *h = &l->hosts[number];
	const uint8_t addr[4] = {192, 0, 2, (uint8_t)(number + 1)};

	h->life = l;
	h->number = number;
	memcpy(h->addr, addr, 4);
	h->ring = keyring_new();
	played_hands_init(&h->hands, keyring_ops(h->ring));
	keyring_add(h->ring, 1, KEY_PSK, "secret of the three", 19, NULL);
	for (unsigned c = 0; c < LIFE_CONNECTIONS; c++)
		h->file[c].present = life_plan[c].at[number];
	h->engine = new_engine(h);
}

struct life *life_new(uint64_t seed, bool trace)
{
	struct life *l = calloc(1, sizeof(*l));

	l->seed = seed;
	l->trace = trace;
	l->dice = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	l->noise = l->dice ^ 88172645463325252ULL;
	l->haste = l->dice ^ 0x2545f4914f6cdd1dULL;
	/* One in four has none; of the others one in three has some that take no time. */
	l->hands = seed / 2 % 4 != 0;
	l->hands_ms = seed / 2 % 3 * 20;
	l->now_ms = 1000000;
	l->wall_s = 1800000000;
	l->latency_ms = 1;
	l->traffic_ms = 40;
	/* Some live fast: what their own timers begin collides with what is ordered. */
	l->rekey_ms = life_chance(l, 25) ? 150000 : 3600000;
	l->ike_rekey_ms = 2 * l->rekey_ms + 7000;
	l->per_queue = seed % 2;
	for (int i = 0; i < LIFE_HOSTS; i++)
		init_host(l, i);
	traffic_init(l);
	for (int i = 0; i < LIFE_HOSTS; i++)
		life_configure(l, i);
	return l;
}

void life_free(struct life *l)
{
	for (int i = 0; i < LIFE_HOSTS; i++) {
		engine_free(l->hosts[i].engine, life_chance(l, 50));
		memory_inside = false;
		played_hands_free(&l->hosts[i].hands);
		keyring_free(l->hosts[i].ring);
	}
	memory_inside = false;
	for (unsigned i = 0; i < l->packet_count; i++)
		free(l->packets[i].p.data);
	free(l);
}

void life_restart(struct life *l, int host, bool datapath)
{
	struct life_host *h = &l->hosts[host];

	engine_free(h->engine, false);
	memory_inside = false;
	played_forget(&h->hands);
	for (unsigned i = 0; i < h->sas; i++) {
		struct world_sa *sa = &h->sad[i];

		/* What is only reserved has no key, and nobody's run takes it over (sad.c). */
		if (datapath || sa->reserved)
			sa->used = sa->bound = false;
		sa->orphan = sa->used;
	}
	memset(h->tickets, 0, sizeof(h->tickets));
	for (unsigned c = 0; c < LIFE_CONNECTIONS; c++)
		memset(h->file[c].held, 0, sizeof(h->file[c].held));
	h->keyless = false;
	h->orphans += !datapath;
	h->engine = new_engine(h);
	life_configure(l, host);
}

uint64_t life_ticket(struct life *l, int host)
{
	static uint64_t last;
	struct life_ticket *t = &l->hosts[host].tickets[++last % LIFE_TICKETS];

	if (t->open)
		life_violated(l, "%c: order %llu has had no end for %llu s", letters[host],
			      (unsigned long long)t->ticket, (unsigned long long)(l->now_ms - t->since_ms) / 1000);
	*t = (struct life_ticket){true, last, l->now_ms};
	return last;
}

/* ---- time ---- */

void life_touch(struct life *l, int host)
{
	struct life_host *h = &l->hosts[host];
	uint64_t due;

	memory_inside = true;
	due = engine_tick(h->engine);
	memory_inside = false;
	h->due_ms = due;
}

static uint64_t due_at(const struct life_host *h)
{
	if (h->due_ms == NO_TIME)
		return NO_TIME;
	return h->due_ms > h->ahead_ms ? h->due_ms - h->ahead_ms : 0;
}

static bool deliver(struct life *l)
{
	struct life_packet p;
	unsigned best = 0;

	for (unsigned i = 1; i < l->packet_count; i++)
		if (l->packets[i].p.at_ms < l->packets[best].p.at_ms)
			best = i;
	if (!l->packet_count || l->packets[best].p.at_ms > l->now_ms)
		return false;
	p = l->packets[best];
	memmove(&l->packets[best], &l->packets[best + 1], (--l->packet_count - best) * sizeof(p));
	if (p.from == LIFE_C)
		over_on_arrival(l, &p.p);
	memory_inside = true;
	engine_receive(l->hosts[p.p.to].engine, &p.p.path, p.p.data, p.p.size);
	life_touch(l, p.p.to);
	free(p.p.data);
	return true;
}

static bool do_job(struct life *l, int host)
{
	struct life_host *h = &l->hosts[host];
	bool done;

	memory_inside = true;
	done = played_do(&h->hands, h->engine, l->now_ms);
	if (done)
		life_touch(l, host);
	memory_inside = false;
	return done;
}

static uint64_t next_event(const struct life *l)
{
	uint64_t next = l->traffic_ms ? l->next_traffic_ms : NO_TIME;

	for (int i = 0; i < LIFE_HOSTS; i++)
		if (due_at(&l->hosts[i]) < next)
			next = due_at(&l->hosts[i]);
	for (int i = 0; i < LIFE_HOSTS; i++)
		if (played_next(&l->hosts[i].hands) < next)
			next = played_next(&l->hosts[i].hands);
	for (unsigned i = 0; i < l->packet_count; i++)
		if (l->packets[i].p.at_ms < next)
			next = l->packets[i].p.at_ms;
	if (l->esp_count && l->esp[l->esp_first].at_ms < next)
		next = l->esp[l->esp_first].at_ms;
	return next > l->now_ms ? next : l->now_ms;
}

static void happen(struct life *l)
{
	while (deliver(l))
		;
	for (int i = 0; i < LIFE_HOSTS; i++)
		while (do_job(l, i))
			;
	for (int i = 0; i < LIFE_HOSTS; i++)
		if (due_at(&l->hosts[i]) <= l->now_ms)
			life_touch(l, i);
	traffic_arrive(l);
	if (l->traffic_ms && l->next_traffic_ms <= l->now_ms) {
		traffic_send(l);
		l->next_traffic_ms = l->now_ms + l->traffic_ms;
	}
}

void life_run(struct life *l, uint64_t ms)
{
	const uint64_t end = l->now_ms + ms;
	unsigned still = 0;

	for (;;) {
		const uint64_t next = next_event(l);

		if (next > end)
			break;
		still = next == l->now_ms ? still + 1 : 0;
		if (still > 100000)
			life_violated(l, "time stands still: something is due again and again");
		l->now_ms = next;
		happen(l);
	}
	l->now_ms = end;
}

/* ---- telling ---- */

void life_note(struct life *l, const char *format, ...)
{
	char *line = l->orders[l->order_count++ % LIFE_ORDERS];
	const int n = snprintf(line, sizeof(l->orders[0]), "%6u %10llu ", l->step, (unsigned long long)l->now_ms);
	va_list args;

	va_start(args, format);
	vsnprintf(line + n, sizeof(l->orders[0]) - (size_t)n, format, args);
	va_end(args);
	if (l->trace)
		fprintf(stderr, "---- %s\n", line);
}

void life_tell(const struct life *l)
{
	const unsigned first = l->order_count > LIFE_ORDERS ? l->order_count - LIFE_ORDERS : 0;

	fprintf(stderr, "the last orders:\n");
	for (unsigned i = first; i < l->order_count; i++)
		fprintf(stderr, "  %s\n", l->orders[i % LIFE_ORDERS]);
	fprintf(stderr, "step %u of seed %llu. Once more: test_life --seed %llu --steps %u --trace\n", l->step,
		(unsigned long long)l->seed, (unsigned long long)l->seed, l->step + 1);
}

void life_violated(struct life *l, const char *format, ...)
{
	va_list args;

	memory_inside = false;
	life_dump(l);
	fprintf(stderr, "VIOLATED: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	life_tell(l);
	abort();
}
