/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random life of IKE (tests/ike/life/): episodes of orders, faults and a bad network, each followed by a calm in which
 * everything that is to be up must come up, and all that is not must go.
 *
 *   test_life                      the seeds of make check, so many steps in all
 *   test_life --seed S --steps N   one life; --trace: with all that the engines say
 *                                  --moods BITS: with so much of enum mood alone
 *   test_life --seconds T          seeds of chance, for so long
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "life/life.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* What make check has, in all: without the sanitizers it is a look whether the test itself still works. */
#define STEPS_SANITIZED 20000
#define STEPS_PLAIN	4000
#define SEEDS		16
/* What an episode has. */
#define STEPS_MIN 20
#define STEPS_MAX 80
/*
 * The bound for coming to rest: a peer that is silently gone is found after 10 s and 24 s of asking, what it was to be
 * asked is tried again after 60 s at most, and that may be refused once for what the other end is still to find.
 */
#define CALM_MS 240000
/* So many times in a row, since one of two IKE SAs that came up at once goes a second later, with its children. */
#define LOOK_MS 500
#define LOOKS	5
/* At rest, nothing has to be said. */
#define QUIET_MS	30000
#define QUIET_DATAGRAMS 60

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static struct life *living;
/* What may happen at all: to find what it takes. */
static unsigned moods_allowed = ~0U;

/* What makes an episode; none of them: only rekeys, delays, repetitions, and then no packet of ESP may be lost. */
enum mood {
	MOOD_LOSS = 1 << 0, /* datagrams of IKE */
	MOOD_TERMINATE = 1 << 1,
	MOOD_RELOAD = 1 << 2,
	MOOD_DEATH = 1 << 3,
	MOOD_ROOM = 1 << 4,
	MOOD_CLOCK = 1 << 5,
	MOOD_MEMORY = 1 << 6,
	MOOD_HOSTILE = 1 << 7,
	MOOD_LIMITS = 1 << 8,
	MOODS = 9,
};

/* ---- orders ---- */

static int any_host(struct life *l)
{
	return (int)life_dice(l, LIFE_HOSTS);
}

/* A connection between two hosts, as one of them sees it. */
struct target {
	int host;
	int remote;
	unsigned connection;
	const uint8_t *address; /* NULL unless it is a mesh */
};

static struct target any_target(struct life *l)
{
	const struct life_flow *f = &l->flows[life_dice(l, l->flow_count)];

	return (struct target){f->from, f->to, f->connection,
			       life_plan[f->connection].remote_bits < 32 ? l->hosts[f->to].addr : NULL};
}

static void note(struct life *l, const struct target *t, const char *what)
{
	life_note(l, "%c: %s %s to %c", "ABC"[t->host], what, life_plan[t->connection].name, "ABC"[t->remote]);
}

static struct engine *engine_at(struct life *l, const struct target *t)
{
	return l->hosts[t->host].engine;
}

static const char *name_of(const struct target *t)
{
	return life_plan[t->connection].name;
}

static void rekey(struct life *l, const struct target *t, bool ike)
{
	note(l, t, ike ? "rekey the IKE SA of" : "rekey");
	cheap_inside = true;
	engine_rekey(engine_at(l, t), name_of(t), t->address, ike, life_ticket(l, t->host));
	life_touch(l, t->host);
}

static void initiate(struct life *l, const struct target *t)
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
	cheap_inside = true;
	engine_initiate(engine_at(l, t), name_of(t), t->address, life_ticket(l, t->host));
	life_touch(l, t->host);
}

static void terminate(struct life *l, const struct target *t)
{
	note(l, t, "terminate");
	traffic_disturb(l, t->host);
	if (l->hosts[t->host].file[t->connection].present)
		life_end(l, t->connection, t->host, t->remote);
	cheap_inside = true;
	engine_terminate(engine_at(l, t), name_of(t), t->address, life_ticket(l, t->host));
	life_touch(l, t->host);
}

/* Both ends at the same instant, or the same end twice. */
static void simultaneous(struct life *l)
{
	struct target a = any_target(l), b = a;

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

static void change(struct life *l, int host, unsigned connection, const char *how)
{
	struct life_entry *entry = &l->hosts[host].file[connection];

	if (!life_plan[connection].at[host])
		return;
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
	traffic_disturb(l, host);
	for (unsigned c = 0; c < LIFE_CONNECTIONS; c++)
		if (all || c == connection)
			change(l, host, c, how);
	life_configure(l, host);
}

/* ---- faults ---- */

static void restart(struct life *l, int host, bool datapath)
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
		restart(l, host, false);
	} else if (life_chance(l, 30)) {
		life_note(l, "%c: the key holder is dead", "ABC"[host]);
		traffic_disturb(l, host);
		h->keyless = true;
	} else {
		restart(l, host, life_chance(l, 50));
	}
}

static void room(struct life *l, int host)
{
	l->hosts[host].no_room = !l->hosts[host].no_room;
	life_note(l, "%c: the datapath has %s", "ABC"[host], l -> hosts[host].no_room ? "no room" : "room");
	traffic_disturb(l, host);
}

static void jump(struct life *l, int host)
{
	const uint64_t ms = 500 + (uint64_t)life_dice(l, 1000) * life_dice(l, 3000);

	life_note(l, "%c: the clock leaps by %llu ms", "ABC"[host], (unsigned long long)ms);
	traffic_disturb(l, host);
	l->hosts[host].ahead_ms += ms;
	life_touch(l, host);
}

static void memory(struct life *l)
{
	cheap_fail_in = 1 + life_dice(l, 40);
	l->poor = true;
	life_note(l, "allocation %u from here fails", cheap_fail_in);
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
	cheap_inside = true;
	engine_limit(h->engine, (struct sa_handle){slot, h->sad[slot].generation}, hard);
	life_touch(l, host);
}

static void address(struct life *l, int host)
{
	const bool present = life_chance(l, 50);

	life_note(l, "%c: its address %s", "ABC"[host], present ? "is there" : "is gone");
	traffic_disturb(l, host);
	cheap_inside = true;
	engine_address(l->hosts[host].engine, l->hosts[host].addr, present);
	life_touch(l, host);
}

static void dead(struct life *l, const struct target *t)
{
	note(l, t, "nothing comes through");
	traffic_disturb(l, t->host);
	cheap_inside = true;
	engine_dead(engine_at(l, t), name_of(t));
	life_touch(l, t->host);
}

/* ---- a step ---- */

/* What is about to go is just being rekeyed, by one end or the other. */
static void rekey_before(struct life *l, const struct target *t)
{
	struct target other = *t;

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
	struct target t = any_target(l);

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
		terminate(l, &t);
}

static void act_in_mood(struct life *l, enum mood mood)
{
	const int host = any_host(l);
	const struct target t = any_target(l);

	switch (mood) {
	case MOOD_TERMINATE:
		rekey_before(l, &t);
		terminate(l, &t);
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
	const struct target t = any_target(l);
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

static void step(struct life *l, unsigned moods)
{
	for (unsigned n = 1 + life_dice(l, 3) / 2 + life_chance(l, 10) * 3; n; n--)
		act(l, moods);
	wait_a_while(l);
	if (l->step % 16 == 0)
		life_check_bounds(l);
	l->step++;
}

/* ---- an episode ---- */

static unsigned choose_moods(struct life *l)
{
	static const uint64_t latencies[] = {1, 1, 20, 100, 100};
	unsigned moods = 0;

	l->latency_ms = latencies[life_dice(l, 5)];
	l->jitter_ms = life_chance(l, 30) ? 1 + life_dice(l, 150) : 0;
	l->repeat = life_chance(l, 30) ? 20 : 0;
	for (unsigned n = life_chance(l, 40) ? 0 : 1 + life_dice(l, 3); n; n--)
		moods |= 1U << life_dice(l, MOODS);
	/* Who misuses its keys finds most where connections come and go. */
	if (moods & MOOD_HOSTILE && life_chance(l, 50))
		moods |= MOOD_RELOAD;
	moods &= moods_allowed;
	l->rough = moods;
	if (moods)
		traffic_may_double(l, -1);
	if (moods & MOOD_LOSS) {
		traffic_disturb(l, -1);
		l->lose = 5 + life_dice(l, 40);
	}
	if (moods & MOOD_HOSTILE) {
		traffic_disturb(l, LIFE_C);
		l->hostile = true;
	}
	life_note(l, "an episode of moods 0x%x: %llu + %llu ms, %u %% lost, %u %% repeated", moods,
		  (unsigned long long)l->latency_ms, (unsigned long long)l->jitter_ms, l->lose, l->repeat);
	return moods;
}

/* Nothing hinders any more. Most often the files fit again: then true. */
static bool calm_down(struct life *l)
{
	const bool mend = life_chance(l, 80);

	l->lose = l->repeat = 0;
	l->jitter_ms = 0;
	cheap_fail_in = 0;
	if (l->hostile)
		restart(l, LIFE_C, true);
	l->hostile = false;
	for (int host = 0; host < LIFE_HOSTS; host++) {
		struct life_host *h = &l->hosts[host];
		bool changed = false;

		h->no_room = false;
		if (h->keyless)
			restart(l, host, false);
		engine_address(h->engine, h->addr, true);
		life_touch(l, host);
		for (unsigned c = 0; mend && c < LIFE_CONNECTIONS; c++) {
			if (!life_plan[c].at[host] || (h->file[c].present && !h->file[c].narrow))
				continue;
			h->file[c].narrow = false;
			change(l, host, c, "add");
			traffic_may_double(l, (int)c);
			changed = true;
		}
		if (changed)
			traffic_disturb(l, host);
		/* Or it had no memory for what the file says. */
		if (changed || l->poor)
			life_configure(l, host);
	}
	l->poor = false;
	life_note(l, "calm%s", mend ? "" : ", with the files as they are");
	return mend;
}

static void settle(struct life *l)
{
	const uint64_t begin = l->now_ms;
	char why[LIFE_WHY];

	for (unsigned looks = 0; looks < LOOKS; looks++) {
		if (!life_settled(l, why))
			looks = 0;
		if (l->now_ms > begin + CALM_MS)
			life_violated(l, "after %d s of calm: %s", CALM_MS / 1000, why);
		life_run(l, LOOK_MS);
	}
	life_note(l, "at rest after %llu ms", (unsigned long long)(l->now_ms - begin));
}

/* What is at rest stays so. */
static void be_quiet(struct life *l)
{
	const unsigned before = l->datagrams;
	char why[LIFE_WHY];

	if (l->rekey_ms < 10 * QUIET_MS)
		return;
	life_run(l, QUIET_MS);
	if (l->datagrams > before + QUIET_DATAGRAMS)
		life_violated(l, "%u datagrams in %d s, and there is nothing to say", l->datagrams - before,
			      QUIET_MS / 1000);
	if (!life_settled(l, why))
		life_violated(l, "it was at rest, and is no more: %s", why);
}

/* What nobody sends any more is taken down, some of it. */
static void end_idle(struct life *l)
{
	for (unsigned i = 0; i < l->flow_count; i++) {
		const struct life_flow *f = &l->flows[i];
		const struct target t = {f->from, f->to, f->connection,
					 life_plan[f->connection].remote_bits < 32 ? l->hosts[f->to].addr : NULL};

		if (f->index == 0 && !life_has_traffic(l, f->connection, f->from, f->to) && life_chance(l, 40))
			terminate(l, &t);
	}
}

static void episode(struct life *l, unsigned steps)
{
	unsigned moods;
	bool fits;

	life_take_count(l);
	traffic_arm(l);
	traffic_choose(l);
	moods = choose_moods(l);
	if (moods & (MOOD_TERMINATE | MOOD_HOSTILE))
		end_idle(l);
	while (steps--)
		step(l, moods);
	fits = calm_down(l);
	settle(l);
	/* Where they do not fit, what cannot be is asked for now and then. */
	if (fits && life_chance(l, 20))
		be_quiet(l);
}

static void live(uint64_t seed, unsigned steps, bool trace)
{
	struct life *l = living = life_new(seed, trace);

	settle(l);
	while (l->step < steps) {
		const unsigned n = STEPS_MIN + life_dice(l, STEPS_MAX - STEPS_MIN);

		episode(l, n < steps - l->step ? n : steps - l->step);
	}
	printf("seed %llu: %u steps, %llu s, %llu packets carried, %llu lost, %llu without an SA\n",
	       (unsigned long long)seed, l->step, (unsigned long long)l->now_ms / 1000, (unsigned long long)l->carried,
	       (unsigned long long)l->lost, (unsigned long long)l->homeless);
	fflush(stdout);
	life_free(l);
	if (&__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check()) {
		fprintf(stderr, "seed %llu: memory is lost\n", (unsigned long long)seed);
		exit(EXIT_FAILURE);
	}
	living = NULL;
}

/* ---- which lives ---- */

static void on_death(void)
{
	if (living)
		life_tell(living);
}

static uint64_t seed_of_chance(void)
{
	uint64_t seed = 0;
	const int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, &seed, sizeof(seed)) != sizeof(seed))
		perror("/dev/urandom");
	close(fd);
	return seed >> 16;
}

static void live_for(unsigned seconds)
{
	const time_t end = time(NULL) + (time_t)seconds;

	while (time(NULL) < end)
		live(seed_of_chance(), 500, false);
}

static unsigned number(const char *text)
{
	return (unsigned)strtoul(text, NULL, 0);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},	   {"steps", required_argument, NULL, 'n'},
		{"seconds", required_argument, NULL, 't'}, {"moods", required_argument, NULL, 'm'},
		{"trace", no_argument, NULL, 'v'},	   {0}};
	unsigned steps = SANITIZED ? STEPS_SANITIZED : STEPS_PLAIN, seconds = 0;
	const char *seed = NULL;
	bool trace = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			seed = optarg;
		else if (c == 'n')
			steps = number(optarg);
		else if (c == 't')
			seconds = number(optarg);
		else if (c == 'm')
			moods_allowed = number(optarg);
		else if (c == 'v')
			trace = true;
		else
			return 2;
	}
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(on_death);
	if (seconds)
		live_for(seconds);
	else if (seed)
		live(strtoull(seed, NULL, 0), steps, trace);
	for (uint64_t s = 1; !seconds && !seed && s <= SEEDS; s++)
		live(s, steps / SEEDS, trace);
	return 0;
}
