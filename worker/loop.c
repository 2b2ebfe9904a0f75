/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "loop.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "in/fragments_in.h"
#include "in/inbound.h"
#include "maps/turns.h"
#include "out/outbound.h"

/*
 * How often what can wait is done: looking for keys of SAs whose end nobody told, giving up datagrams that will not
 * be complete, asking what the rings lost.
 */
#define CHORES_NS 1000000000ULL
/*
 * How long to sleep when the NIC is full, or its driver has stopped the queue: in copy mode neither completions nor a
 * queue that goes on wake anybody.
 * A veth's receiver drains what is outstanding in about this time; shorter takes the CPU
 * from it, longer leaves the wire idle.
 */
#define FULL_NS (50 * 1000)

/* So many packets since the last sleep are bulk (loop.h). */
#define BULK 8
/* How often it is looked whether a key has come that packets wait for. */
#define PARKED_NS (2 * 1000 * 1000)
/* A turn with this much says that more is waiting. */
#define FULL_TURN 64

/*
 * How long a queue with busy polling is polled after its last packet. Shorter, and every pause of a conversation ends
 * with an interrupt and a lane that has to wake up; longer, and a stray packet keeps a CPU busy for more.
 */
#define POLL_NS (1000 * 1000)

/*
 * How long queues may take to settle. Packets that wait for their key are the longest (PARK_NS); meanwhile the host's
 * wait in the TAP, which is why it is not more.
 */
#define SETTLE_NS PARK_NS
/* How often it is looked whether they have. */
#define SETTLING_NS (20 * 1000)

#define FDS_MAX (3 * PORTS_MAX * QUEUES_MAX + 1)

/* ---- a turn ---- */

/* Its next batch from the wire, then what the host wants to send. How much was done: packets in, frames out. */
static uint32_t run_queue(struct port_queue *p)
{
	uint32_t done = inbound_retry(p);

	if (p->lane->now < p->poll_until)
		xdp_queue_poll(&p->q);
	done += inbound_run(p);
	if (p->q.outstanding) {
		xdp_queue_reap(&p->q);
		xdp_queue_kick(&p->q);
	}
	inbound_end_turn(p, done >= FULL_TURN);
	done += outbound_run(p);
	if (done && p->busy_poll)
		p->poll_until = p->lane->poll_until = p->lane->now + POLL_NS;
	return done;
}

static uint32_t run_queues(struct lane *l)
{
	struct port_queue *p;
	uint32_t done = 0;

	if (__atomic_load_n(&l->handed, __ATOMIC_RELAXED))
		done += fragments_in_take_handed(l);
	TAILQ_FOREACH(p, &l->queues, of_lane)
		done += run_queue(p);
	return done;
}

static void count_lost(struct port_queue *p)
{
	drop(p->lane, NULL, REASON_RX_FULL, xdp_queue_lost(&p->q));
}

/* What can wait. */
static void do_chores(struct lane *l)
{
	struct port_queue *p;

	sa_cache_sweep(&l->sas);
	TAILQ_FOREACH(p, &l->queues, of_lane) {
		fragments_in_expire(p);
		outbound_expire(p);
		count_lost(p);
	}
}

/* ---- between turns ---- */

/* Of a NIC that takes nothing for a second no more is to be had by asking often. */
static bool waits_for_kick(struct port_queue *p)
{
	return xdp_queue_wants_kick(&p->q) && !xdp_queue_is_stuck(&p->q, p->lane->now);
}

/* A host that waits for the NIC's room is not asked again before there is some. */
static void wait_for_work(struct lane *l)
{
	struct pollfd fds[FDS_MAX];
	struct timespec timeout = {.tv_sec = 1}, *until = TAILQ_EMPTY(&l->queues) ? NULL : &timeout;
	bool full = false, parked = false;
	struct port_queue *p;
	uint64_t woken;
	nfds_t n = 1;

	fds[0] = (struct pollfd){.fd = l->wake, .events = POLLIN};
	TAILQ_FOREACH(p, &l->queues, of_lane) {
		fds[n++] = (struct pollfd){.fd = p->q.fd, .events = POLLIN};
		parked |= inbound_waits_for_key(p);
		full |= waits_for_kick(p);
		if (outbound_waits_for_nic(p)) {
			full = true;
		} else if (p->host.reads) {
			fds[n++] = (struct pollfd){.fd = p->host.fd, .events = POLLIN};
			fds[n++] = (struct pollfd){.fd = p->express.fd, .events = POLLIN};
		}
	}
	if (full || parked)
		timeout = (struct timespec){.tv_nsec = full ? FULL_NS : PARKED_NS};
	if (ppoll(fds, n, until, NULL) > 0 && fds[0].revents && read(l->wake, &woken, sizeof(woken)) < 0)
		return;
	TAILQ_FOREACH(p, &l->queues, of_lane)
		p->host.skip = p->express.skip = 0;
}

/*
 * A lane without queues takes no turns, as it uses no slot: the worker that this one is to take the place of may have a
 * lane of its number.
 */
static void begin_turn(const struct lane *l)
{
	if (!TAILQ_EMPTY(&l->queues))
		turn_begin(l->maps->turns, l->index);
}

static void end_turn(const struct lane *l)
{
	if (!TAILQ_EMPTY(&l->queues))
		turn_end(l->maps->turns, l->index);
}

/* Where a whole batch had gathered, looking sooner would only cost those that deliver. */
static void nap(const struct lane *l, uint32_t awake)
{
	const struct timespec pause = {.tv_nsec = l->low_latency && awake < FULL_TURN ? NAP_LOW_NS : NAP_NS};

	ppoll(NULL, 0, &pause, NULL);
}

/* Sleeps, or not, after a turn in which so much was done; *awake counts that since the last sleep. */
static void rest(struct lane *l, uint32_t done, uint32_t *awake)
{
	*awake += done;
	if (done >= FULL_TURN || (done && *awake < BULK) || l->now < l->poll_until)
		return;
	end_turn(l);
	if (l->settling)
		ppoll(NULL, 0, &(struct timespec){.tv_nsec = SETTLING_NS}, NULL);
	else if (*awake >= BULK)
		nap(l, *awake);
	else
		wait_for_work(l);
	*awake = 0;
}

static bool is_removed(const struct port_queue *p, const struct lane_order *order)
{
	return order->remove == LANE_ALL_NICS || order->remove == (int)p->index;
}

/* The lane itself counts what is lost, for nobody else writes its counters; and for its SA, as in any turn. */
static void give_up(struct lane *l, const struct lane_order *order)
{
	struct port_queue *p;

	begin_turn(l);
	TAILQ_FOREACH(p, &l->queues, of_lane) {
		if (!is_removed(p, order))
			continue;
		inbound_give_up(p);
		outbound_give_up(p);
		/* Else another worker goes on with what is in the rings. */
		if (!order->settle)
			inbound_refuse(p);
		count_lost(p);
	}
	end_turn(l);
}

static void remove_queues(struct lane *l, struct lane_order *order)
{
	struct port_queue *p, *next;

	give_up(l, order);
	for (p = TAILQ_FIRST(&l->queues); p; p = next) {
		next = TAILQ_NEXT(p, of_lane);
		if (!is_removed(p, order))
			continue;
		TAILQ_REMOVE(&l->queues, p, of_lane);
		TAILQ_INSERT_TAIL(&order->removed, p, of_lane);
	}
}

static bool is_half_done(const struct lane *l, const struct lane_order *order)
{
	const struct port_queue *p;

	if (__atomic_load_n(&l->handed, __ATOMIC_RELAXED))
		return true;
	TAILQ_FOREACH(p, &l->queues, of_lane)
		if (is_removed(p, order) &&
		    (outbound_is_half_done(p) || inbound_waits_for_key(p) || fragments_in_is_half_done(p)))
			return true;
	return false;
}

/* Nothing new is begun; the rest is given up when its time is over, for a NIC may take nothing at all. */
static bool has_settled(struct lane *l, const struct lane_order *order)
{
	if (!order->settle)
		return true;
	if (!l->settling)
		l->settling = l->now;
	if (is_half_done(l, order) && l->now - l->settling < SETTLE_NS)
		return false;
	l->settling = 0;
	return true;
}

void loop_obey(struct lane *l, struct lane_order *order)
{
	struct port_queue *p;

	if (order->remove >= 0)
		remove_queues(l, order);
	if (order->captures)
		l->capture = order->capture;
	TAILQ_CONCAT(&l->queues, &order->add, of_lane);
	l->readers = 0;
	TAILQ_FOREACH(p, &l->queues, of_lane)
		l->readers += p->host.reads;
	__atomic_store_n(&l->order, NULL, __ATOMIC_RELEASE);
}

void loop_run(struct lane *l, const bool *stop)
{
	uint64_t chores = 0;
	uint32_t awake = 0;

	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
		struct lane_order *order = __atomic_load_n(&l->order, __ATOMIC_ACQUIRE);
		uint32_t done;

		l->now = maps_now();
		sa_cache_follow(&l->sas);
		if (order && has_settled(l, order))
			loop_obey(l, order);
		begin_turn(l);
		done = run_queues(l);
		if (l->now - chores > CHORES_NS) {
			do_chores(l);
			chores = l->now;
		}
		rest(l, done, &awake);
	}
	/* From lanes that had a NIC for longer. */
	while (__atomic_load_n(&l->handed, __ATOMIC_RELAXED))
		fragments_in_take_handed(l);
	end_turn(l);
}
