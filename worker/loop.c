/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "loop.h"

#include <poll.h>
#include <time.h>

#include "inbound.h"
#include "maps/turns.h"
#include "outbound.h"

/*
 * How often what can wait is done: wiping the keys of SAs that were taken away, giving up datagrams that will not
 * be complete, asking what the rings lost.
 */
#define CHORES_NS 1000000000ULL
/*
 * How long to sleep when the NIC is full: completions wake nobody in copy mode.
 * A veth's receiver drains what is outstanding in about this time; shorter takes the CPU
 * from it, longer leaves the wire idle.
 */
#define FULL_NS (50 * 1000)

/*
 * In the midst of bulk the next packets come anyway. Asleep on its sockets the
 * worker would be woken by each of them, which costs the CPU that delivers them
 * as much as its own; a nap that no packet ends lets them gather, and
 * super-packets grow. Shorter naps bring no batches; longer ones let TCP's window
 * and the rings run out. A packet or two, as of a ping, are not bulk and never
 * wait; nor do the host's super-packets, which are a few frames however large.
 */
#define NAP_NS (60 * 1000)
#define BULK   8
/* How often it is looked whether a key has come that packets wait for. */
#define PARKED_NS (2 * 1000 * 1000)
/* A turn with this much says that more is waiting. */
#define FULL_TURN 64

/*
 * How often, at least, it is looked whether the worker is to end. SIGTERM comes in only while it waits for
 * packets, or it could come just before that; in the midst of bulk it waits for none.
 */
#define LOOK_NS (10 * 1000 * 1000)

#define FDS_MAX (PORTS_MAX * (QUEUES_MAX + 1))

struct waiter {
	struct pollfd fds[FDS_MAX];
	uint32_t count;
};

static uint32_t run_queue(struct port_state *p, struct xdp_queue *q)
{
	uint32_t done = inbound_run(p, q);

	if (q->outstanding) {
		xdp_queue_reap(q);
		xdp_queue_kick(q);
	}
	return done;
}

/* One turn: every queue's next batch, then what the host wants to send. How much was done: packets in, frames out. */
static uint32_t run_port(struct port_state *p)
{
	uint32_t done = inbound_retry(p);

	for (uint32_t i = 0; i < p->queue_count; i++)
		done += run_queue(p, &p->queues[i]);
	inbound_end_turn(p, done >= FULL_TURN);
	return done + outbound_run(p);
}

static void add(struct waiter *w, int fd)
{
	w->fds[w->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* A host that waits for the NIC's room is not asked again before there is some. */
static void wait_for_work(struct port_state *ports, uint32_t count)
{
	static struct waiter w;
	struct timespec timeout = {.tv_sec = 1};
	bool full = false, parked = false;
	sigset_t none;

	w.count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct port_state *p = &ports[i];

		for (uint32_t q = 0; q < p->queue_count; q++)
			add(&w, p->queues[q].fd);
		parked |= inbound_waits_for_key(p);
		if (outbound_waits_for_nic(p))
			full = true;
		else
			add(&w, p->host.fd);
	}
	if (full || parked)
		timeout = (struct timespec){.tv_nsec = full ? FULL_NS : PARKED_NS};
	sigemptyset(&none);
	ppoll(w.fds, w.count, &timeout, &none);
}

/* Lets in a signal that has come. */
static void look_for_end(void)
{
	const struct timespec at_once = {0};
	sigset_t none;

	sigemptyset(&none);
	ppoll(NULL, 0, &at_once, &none);
}

static void nap(void)
{
	const struct timespec pause = {.tv_nsec = NAP_NS};

	ppoll(NULL, 0, &pause, NULL);
}

/* Sleeps, or not, after a turn in which so much was done; *awake counts that since the last sleep. */
static void rest(struct worker *w, struct port_state *ports, uint32_t count, uint32_t done, uint32_t *awake)
{
	*awake += done;
	if (done >= FULL_TURN || (done && *awake < BULK))
		return;
	turn_end(w->maps.turns, w->lane);
	if (*awake >= BULK)
		nap();
	else
		wait_for_work(ports, count);
	*awake = 0;
}

static void do_chores(struct worker *w, struct port_state *ports, uint32_t count)
{
	sa_cache_sweep(&w->sas);
	for (uint32_t i = 0; i < count; i++) {
		inbound_expire(&ports[i]);
		outbound_expire(&ports[i]);
		for (uint32_t q = 0; q < ports[i].queue_count; q++)
			drop(w, NULL, REASON_RX_FULL, xdp_queue_lost(&ports[i].queues[q]));
	}
}

void loop_run(struct worker *w, struct port_state *ports, uint32_t count, const volatile sig_atomic_t *stop)
{
	uint64_t chores = 0, looked = 0;
	uint32_t awake = 0;

	while (!*stop) {
		uint32_t done = 0;

		turn_begin(w->maps.turns, w->lane);
		w->now = maps_now();
		for (uint32_t i = 0; i < count; i++)
			done += run_port(&ports[i]);
		if (w->now - chores > CHORES_NS) {
			do_chores(w, ports, count);
			chores = w->now;
		}
		if (w->now - looked > LOOK_NS) {
			look_for_end();
			looked = w->now;
		}
		rest(w, ports, count, done, &awake);
	}
	turn_end(w->maps.turns, w->lane);
}
