/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/ports.c: how NICs go, from lanes that are at work. Each lane has a NIC of one queue. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#define LANES 8
#include "half_datagram.h"
#include "lanes.h"
#include "loop.h"
#include "packets.h"
#include "ports.h"

/* Longer than anything here takes. */
#define SECONDS_MAX 120
/* What a queue is given to settle, and what a machine may take that has other things to do. */
#define SETTLE_NS (500 * 1000 * 1000ULL)
#define SLACK_NS  (1000 * 1000 * 1000ULL)

static struct lanes lanes;
static struct ports ports;
static struct queue *queues[LANES];
static struct memory_ring tx;
static struct xdp_desc tx_descs[RING_SIZE];
static pthread_t threads[LANES];
static bool stop;

/* The set frees it, by its first member. */
static void open_nic(uint32_t nic)
{
	struct port_set *set = &ports.set[nic];
	struct queue *q = calloc(1, sizeof(*q));

	_Static_assert(offsetof(struct queue, port) == 0, "who frees the one frees the other");
	assert_non_null(q);
	queue_open(q, &lanes, nic);
	q->port.index = nic;
	q->port.shared = &lanes.maps.port[nic];
	q->port.q.rings.tx = RING_PROD(&tx, tx_descs, RING_SIZE);
	TAILQ_INSERT_TAIL(&lanes.lane[nic].queues, &q->port, of_lane);
	*set = (struct port_set){.queues = &q->port, .count = 1, .memory = q->memory, .link = -1};
	set->fragments[nic] = q->port.fragments;
	queues[nic] = q;
}

static int set_up(void **unused)
{
	(void)unused;
	lanes_open(&lanes, aead_select("openssl", NULL));
	ports = (struct ports){.maps = &lanes.maps, .lanes = lanes.lane, .lane_count = LANES};
	for (uint32_t i = 0; i < LANES; i++)
		open_nic(i);
	alarm(SECONDS_MAX);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	alarm(0);
	lanes_close(&lanes);
	return 0;
}

static void *run(void *arg)
{
	loop_run(arg, &stop);
	return NULL;
}

static void begin_lanes(void)
{
	for (uint32_t i = 0; i < LANES; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run, &lanes.lane[i]), 0);
}

static void end_lanes(void)
{
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < LANES; i++)
		lane_wake(&lanes.lane[i]);
	for (uint32_t i = 0; i < LANES; i++)
		pthread_join(threads[i], NULL);
	stop = false;
}

/* The answer to an order, and how long it took, ns. */
static uint64_t obey(enum worker_order_kind kind, uint32_t nic)
{
	const struct worker_order order = {.kind = kind, .port = nic};
	const uint64_t before = maps_now();
	struct worker_answer answer;
	int none = -1;

	ports_obey(&ports, &order, &none, &answer);
	assert_int_equal(answer.kind, kind);
	return maps_now() - before;
}

/* However many there are that have something half done: who waits for this worker's NICs does not wait for long. */
static void all_lanes_settle_at_once(void **unused)
{
	uint64_t took;

	(void)unused;
	for (uint32_t i = 0; i < LANES; i++)
		begin_datagram(queues[i], IP_MF);
	begin_lanes();
	took = obey(WORKER_LEAVE, 0);
	end_lanes();
	assert_in_range(took, SETTLE_NS, SETTLE_NS + SLACK_NS);
	assert_false(ports_any(&ports));
	assert_int_equal(counted(&lanes, REASON_FRAG_TIMEOUT), LANES);
}

/* A packet whose SA is there, and its key not yet. */
static void park(struct queue *q)
{
	const struct xdp_desc early = {.addr = umem_take(&q->port.q.umem)};

	lanes.maps.sa[7] = (struct sa_state){.generation = 1, .direction = SA_INBOUND};
	assert_true(park_add(&q->port.in->park, 7, 1, &early, maps_now()));
}

/* Nobody goes on with the NICs, nor waits for what is half done. */
static void what_lanes_hold_at_the_end_is_counted(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < LANES; i++) {
		begin_datagram(queues[i], IP_MF);
		park(queues[i]);
	}
	begin_lanes();
	ports_end(&ports);
	end_lanes();
	assert_int_equal(counted(&lanes, REASON_NO_SA), LANES);
	assert_int_equal(counted(&lanes, REASON_FRAG_TIMEOUT), LANES);
	for (uint32_t i = 0; i < LANES; i++)
		assert_true(TAILQ_EMPTY(&lanes.lane[i].queues));
	begin_lanes();
	obey(WORKER_LEAVE, 0);
	end_lanes();
}

#define ON_LANES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_LANES(all_lanes_settle_at_once),
		ON_LANES(what_lanes_hold_at_the_end_is_counted),
	};

	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
