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
#define STEPS_SANITIZED 10000
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
/* What was asked before has its answer or is given up in 24 s, and so has what came of that. */
#define ANSWERED_MS 60000
/* At rest, nothing has to be said. */
#define QUIET_MS	30000
#define QUIET_DATAGRAMS 60

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static struct life *living;
/* What may happen at all: to find what it takes. */
static unsigned moods_allowed = ~0U;

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
	memory_fails_in = 0;
	if (l->hostile)
		step_restart(l, LIFE_C, true);
	l->hostile = false;
	for (int host = 0; host < LIFE_HOSTS; host++) {
		struct life_host *h = &l->hosts[host];
		bool changed = false;

		h->no_room = false;
		if (h->keyless)
			step_restart(l, host, false);
		engine_address(h->engine, h->addr, true);
		life_touch(l, host);
		for (unsigned c = 0; mend && c < LIFE_CONNECTIONS; c++) {
			if (!life_plan[c].at[host] || (h->file[c].present && !h->file[c].narrow))
				continue;
			if (h->file[c].narrow)
				step_change(l, host, c, "narrow");
			step_change(l, host, c, "add");
			traffic_may_double(l, (int)c);
			changed = true;
		}
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
	const uint64_t end = l->now_ms + ANSWERED_MS + QUIET_MS;
	unsigned before;
	char why[LIFE_WHY];

	/* Since clocks leap, that may be of any SA, at any time. The status rounds down to seconds. */
	if (life_rekeys_within(l, ANSWERED_MS + QUIET_MS + 1000))
		return;
	life_run(l, ANSWERED_MS);
	for (before = l->datagrams; l->now_ms < end; life_run(l, LOOK_MS))
		if (!life_settled(l, why))
			life_violated(l, "it was at rest, and is no more: %s", why);
	if (l->datagrams > before + QUIET_DATAGRAMS)
		life_violated(l, "%u datagrams in %d s, and there is nothing to say", l->datagrams - before,
			      QUIET_MS / 1000);
}

/* What nobody sends any more is taken down, some of it. */
static void end_idle(struct life *l)
{
	for (unsigned i = 0; i < l->flow_count; i++) {
		const struct life_flow *f = &l->flows[i];
		const struct life_target t = {f->from, f->to, f->connection,
					      life_plan[f->connection].remote_bits < 32 ? l->hosts[f->to].addr : NULL};

		if (f->index == 0 && !life_has_traffic(l, f->connection, f->from, f->to) && life_chance(l, 40))
			step_terminate(l, &t);
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
		step_take(l, moods);
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
