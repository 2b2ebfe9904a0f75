/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xdp-ipsec-worker: the datapath. Started by `xdp-ipsec run`, never by hand.
 *
 *   xdp-ipsec-worker --instance NAME --maps FD --vault FD --orders FD --ready FD [--aead NAME] [--lanes N]
 *     [--cpus LIST] [--latency low] [--beside] [--place FD [--outlives SECONDS]]
 *
 * It opens maps and vault as root, gives everything up, and then moves packets in its lanes, on the NICs whose sockets
 * the loader hands over (maps/worker_channel.h), until SIGTERM. What it knows is in the maps, so it may be killed at
 * any instant and started again. When the loader is gone it goes on with the NICs that it has, for a while.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "captures.h"
#include "lib/cpu_list.h"
#include "lib/privileges.h"
#include "loop.h"
#include "maps/turns.h"
#include "ports.h"
#include "sandbox.h"

/* A lane's own stack: batches of packets are on it, and nothing deep. */
#define STACK_SIZE (512 << 10)

struct arguments {
	const char *aead;
	int maps_fd; /* the directory of the instance's maps */
	int vault_fd;
	int orders_fd;
	int ready_fd;
	uint32_t lanes;
	bool low_latency;
	bool beside;	/* another worker is at work, whose place this one is to take */
	bool placed;	/* the next loader finds it, so it does not end with this one */
	int outlives_s; /* how long it goes on when nobody can give it orders any more */
	cpu_set_t cpus; /* none: wherever the kernel puts them */
};

/* What all lanes share. */
struct worker {
	struct maps maps;
	struct vault vault;
	const struct aead *aead;
	struct sa_lock *locks;
	struct ip_ids ip_ids;
	bool low_latency;
	struct lane *lanes;
	uint32_t lane_count;
	pthread_t threads[LANES_MAX];
	struct ports ports;
	struct captures captures;
};

static volatile sig_atomic_t ended;
static bool stop;

static void on_term(int signal)
{
	(void)signal;
	ended = 1;
}

/* The worker is told when to stop by the supervisor alone; SIGINT of a terminal reaches both. */
static void set_signals(void)
{
	struct sigaction term = {.sa_handler = on_term}, ignore = {.sa_handler = SIG_IGN};
	sigset_t blocked;

	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
}

static int refuse(struct fault *f)
{
	return fault(f, EINVAL, "xdp-ipsec-worker is started by 'xdp-ipsec run'");
}

static int parse(struct arguments *a, int argc, char **argv, struct fault *f)
{
	static const struct option options[] = {
		{"instance", required_argument, NULL, 'i'},
		{"maps", required_argument, NULL, 'm'},
		{"vault", required_argument, NULL, 'v'},
		{"orders", required_argument, NULL, 'o'},
		{"ready", required_argument, NULL, 'r'},
		{"aead", required_argument, NULL, 'a'},
		{"lanes", required_argument, NULL, 'l'},
		{"cpus", required_argument, NULL, 'c'},
		{"latency", required_argument, NULL, 't'},
		{"beside", no_argument, NULL, 'b'},
		{"outlives", required_argument, NULL, 'u'},
		{"place", required_argument, NULL, 'p'},
		{NULL, 0, NULL, 0},
	};
	int c;

	*a = (struct arguments){.aead = "auto", .maps_fd = -1, .vault_fd = -1, .orders_fd = -1, .ready_fd = -1};
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'i')
			continue; /* for who looks at the processes */
		if (c == 'm')
			a->maps_fd = atoi(optarg);
		else if (c == 'v')
			a->vault_fd = atoi(optarg);
		else if (c == 'o')
			a->orders_fd = atoi(optarg);
		else if (c == 'r')
			a->ready_fd = atoi(optarg);
		else if (c == 'a')
			a->aead = optarg;
		else if (c == 'l')
			a->lanes = (uint32_t)atoi(optarg);
		else if (c == 't')
			a->low_latency = strcmp(optarg, "low") == 0;
		else if (c == 'b')
			a->beside = true;
		else if (c == 'p')
			a->placed = true; /* by a lock that it has as long as it lives */
		else if (c == 'u')
			a->outlives_s = atoi(optarg);
		else if (c != 'c' || cpu_list_parse(optarg, &a->cpus, f))
			return refuse(f);
	}
	if (a->maps_fd < 0 || a->vault_fd < 0 || a->orders_fd < 0 || a->ready_fd < 0 || a->lanes > LANES_MAX)
		return refuse(f);
	return 0;
}

/* As many as there are CPUs for them, unless told otherwise. One that has no queue costs nothing. */
static uint32_t count_lanes(const struct arguments *a)
{
	const uint32_t cpus = cpu_list_count(&a->cpus);

	if (a->lanes)
		return a->lanes;
	return cpus < LANES_MAX ? cpus : LANES_MAX;
}

/* ---- start ---- */

static int open_maps(struct worker *w, const struct arguments *a, struct fault *f)
{
	char dir[BPFFS_PATH_MAX];
	int err;

	bpffs_inherited_dir(dir, a->maps_fd);
	err = maps_open(&w->maps, dir, f);
	close(a->maps_fd);
	/* The loader believes what is in it. */
	if (!err)
		err = maps_only_read(&w->maps, "ports", f);
	if (err)
		return err;
	/* What goes by in clear is none of its business. */
	maps_unmap(&w->maps, "spd_empty");
	/* What another worker was in the midst of is over with that worker. */
	if (!a->beside)
		turns_abandon(w->maps.turns);
	maps_close_fds(&w->maps);
	return 0;
}

static int make_lane(struct worker *w, uint32_t index, struct fault *f)
{
	struct lane *l = &w->lanes[index];
	int err;

	l->maps = &w->maps;
	l->aead = w->aead;
	l->locks = w->locks;
	l->ip_ids = &w->ip_ids;
	l->low_latency = w->low_latency;
	err = lane_init(l, w->lanes, index, w->lane_count, f);
	return err ? err : sa_cache_create(&l->sas, w->aead, &w->maps, &w->vault, f);
}

static int make_lanes(struct worker *w, struct fault *f)
{
	int err = ip_id_init(&w->ip_ids, f);

	w->locks = aligned_alloc(64, SA_LOCKS * sizeof(*w->locks));
	w->lanes = aligned_alloc(64, w->lane_count * sizeof(*w->lanes));
	if (!w->locks || !w->lanes)
		return fault(f, ENOMEM, "%s", strerror(ENOMEM));
	memset(w->locks, 0, SA_LOCKS * sizeof(*w->locks));
	memset(w->lanes, 0, w->lane_count * sizeof(*w->lanes));
	for (uint32_t i = 0; i < w->lane_count && !err; i++)
		err = make_lane(w, i, f);
	w->ports = (struct ports){.maps = &w->maps, .lanes = w->lanes, .lane_count = w->lane_count};
	w->captures = (struct captures){.lanes = w->lanes, .lane_count = w->lane_count};
	return err;
}

/* A thread's own beginning takes system calls that are left to none later. */
static sem_t begun;

/* The name is for who looks at threads (loader/daemon/lane_cpus.h). */
static void *run_lane(void *arg)
{
	const struct lane *l = arg;
	char name[16];

	snprintf(name, sizeof(name), LANE_THREAD "%u", l->index);
	prctl(PR_SET_NAME, name);
	sem_post(&begun);
	loop_run(arg, &stop);
	return NULL;
}

/* To one of the CPUs: each lane to the next one, round and round. */
static int pin(pthread_attr_t *attributes, const cpu_set_t *cpus, uint32_t lane)
{
	cpu_set_t one;

	if (CPU_COUNT(cpus) == 0)
		return 0;
	CPU_ZERO(&one);
	CPU_SET(cpu_list_nth(cpus, lane), &one);
	return pthread_attr_setaffinity_np(attributes, sizeof(one), &one);
}

/* Threads begin with what this one has: no privileges. There is nothing for them to do yet. */
static int start_lanes(struct worker *w, const cpu_set_t *cpus, struct fault *f)
{
	int err = 0;

	sem_init(&begun, 0, 0);
	for (uint32_t i = 0; i < w->lane_count && !err; i++) {
		pthread_attr_t attributes;

		pthread_attr_init(&attributes);
		pthread_attr_setstacksize(&attributes, STACK_SIZE);
		err = pin(&attributes, cpus, i);
		if (!err)
			err = pthread_create(&w->threads[i], &attributes, run_lane, &w->lanes[i]);
		pthread_attr_destroy(&attributes);
		if (err == EINVAL && CPU_COUNT(cpus))
			return fault(f, err, "lane %u cannot run on CPU %d: 'cpus' is of those that this host has", i,
				     cpu_list_nth(cpus, i));
		if (err)
			return fault(f, err, "lane %u: %s: %s", i, strerror(err),
				     privileges_remedy(err, "this machine has no more"));
	}
	for (uint32_t i = 0; i < w->lane_count; i++)
		sem_wait(&begun);
	return 0;
}

/* From here on the end of its orders tells of the loader's, also of one that has gone meanwhile. */
static int outlive_loader(struct fault *f)
{
	return prctl(PR_SET_PDEATHSIG, 0) < 0 ? fault(f, errno, "parent's death: %s", strerror(errno)) : 0;
}

static int prepare(struct worker *w, const struct arguments *a, struct fault *f)
{
	int err = open_maps(w, a, f);

	w->lane_count = count_lanes(a);
	w->low_latency = a->low_latency;
	if (!err)
		err = vault_map(&w->vault, a->vault_fd, false, f);
	if (!err) {
		w->aead = aead_select(a->aead, f);
		err = w->aead ? 0 : -ENOTSUP;
	}
	if (!err)
		err = make_lanes(w, f);
	if (!err)
		err = sandbox_drop_privileges(f);
	if (!err && a->placed)
		err = outlive_loader(f);
	if (!err)
		err = start_lanes(w, &a->cpus, f);
	return err ? err : sandbox_restrict_calls(f);
}

/* ---- what the loader says ---- */

enum next {
	GO_ON,
	LOADER_GONE,
	PLACE_TAKEN, /* another worker has it */
};

static enum next take_order(struct worker *w, int channel)
{
	struct worker_order order;
	struct worker_answer answer;
	int fds[WORKER_FDS_MAX];
	uint32_t n;
	int err = worker_order_receive(channel, &order, fds, &n);

	if (err)
		return err == -EBADMSG || err == -EAGAIN || err == -EINTR ? GO_ON : LOADER_GONE;
	if (order.kind == WORKER_CAPTURE)
		captures_obey(&w->captures, n ? fds[0] : -1, &answer);
	else
		ports_obey(&w->ports, &order, fds, &answer);
	if (worker_answer_send(channel, &answer))
		return LOADER_GONE;
	return order.kind == WORKER_LEAVE ? PLACE_TAKEN : GO_ON;
}

static enum next listen_to(struct worker *w, int channel)
{
	struct pollfd p = {.fd = channel, .events = POLLIN};
	enum next next = GO_ON;
	sigset_t none;

	sigemptyset(&none);
	while (!ended && next == GO_ON)
		if (ppoll(&p, 1, NULL, &none) > 0)
			next = take_order(w, channel);
	return next;
}

/* Nobody hears of what happens, and no SA is made anew: so not for ever. SAs keep to their limits all the same. */
static void go_on_alone(const struct worker *w, int seconds)
{
	static const char line[] = "xdp-ipsec-worker: the supervisor is gone: going on without for a while\n";
	const struct timespec patience = {.tv_sec = seconds};
	sigset_t none;

	if (!ports_any(&w->ports) || seconds <= 0)
		return;
	/* Who reads the log may be gone, too. */
	(void)!write(STDERR_FILENO, line, sizeof(line) - 1);
	sigemptyset(&none);
	if (!ended)
		ppoll(NULL, 0, &patience, &none);
}

static void end_lanes(struct worker *w)
{
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < w->lane_count; i++)
		lane_wake(&w->lanes[i]);
	for (uint32_t i = 0; i < w->lane_count; i++)
		pthread_join(w->threads[i], NULL);
}

/* By one plain write: stdio would ask for more system calls than are left. */
static void tell_ready(int fd, const struct worker *w)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "ready %s %u\n", w->aead->name, w->lane_count);

	if (write(fd, line, (size_t)n) != n)
		_exit(1);
}

int main(int argc, char **argv)
{
	static struct worker worker;
	struct arguments arguments;
	struct fault f = {""};

	privileges_harden();
	set_signals();
	/* Sleeps of tens of microseconds must not become hundreds. The lanes inherit that. */
	prctl(PR_SET_TIMERSLACK, 1);
	/* An arena for each thread would take more system calls than are left. No lane allocates per packet. */
	mallopt(M_ARENA_MAX, 1);
	if (parse(&arguments, argc, argv, &f) < 0 || prepare(&worker, &arguments, &f) < 0) {
		fprintf(stderr, "xdp-ipsec-worker: %s\n", f.text);
		return 1;
	}
	tell_ready(arguments.ready_fd, &worker);
	if (listen_to(&worker, arguments.orders_fd) == LOADER_GONE)
		go_on_alone(&worker, arguments.outlives_s);
	ports_end(&worker.ports);
	end_lanes(&worker);
	return 0;
}
