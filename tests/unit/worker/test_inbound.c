/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/in/inbound.c and fragments_in.c: what the rings of a queue have to go through, and lanes that get packets of
 * one SA. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "esp_ends.h"
#include "packet/fragment.h"
#include "lanes.h"
#include "maps/replay_memory.h"
#include "loop.h"
#include "packets.h"

#define FRAMES 100

/* Other queues had all frames, and now they are free again: nothing can come to this one before it gets some. */
static void a_queue_that_ran_dry_gets_frames(void **state)
{
	static uint64_t addrs[RING_SIZE], frames[FRAMES];
	struct memory_ring rx = {0}, fill = {0};
	struct port_queue port = {
		.q.umem = {.frame_size = 2048, .spans_at = 2048 * FRAMES, .free_frames = frames},
		.q.rings.rx = RING_CONS(&rx, NULL, RING_SIZE),
		.q.rings.fill = RING_PROD(&fill, addrs, RING_SIZE),
	};

	(void)state;
	assert_int_equal(inbound_run(&port), 0);
	assert_int_equal(fill.producer, 0);
	for (uint64_t i = 0; i < FRAMES; i++)
		umem_give(&port.q.umem, i * 2048);
	assert_int_equal(inbound_run(&port), 0);
	assert_int_equal(fill.producer, FRAMES);
	assert_int_equal(port.q.umem.free_count, 0);
}

/* ---- two lanes, one SA ---- */

#define SLOT 5
/* Longer than anything here takes. */
#define SECONDS_MAX 120
/* What is sent: packets of this size, whose number is in front, by a protocol that nobody merges. */
#define PAYLOAD	     600
#define EXPERIMENTAL 253
#define ROUNDS	     16
#define NUMBERS	     (ROUNDS * 1024)

static struct lanes lanes;
static struct queue queues[LANES];
static uint8_t accepted[NUMBERS];

static int open_lanes(void **unused)
{
	struct sa_state *sa;

	lanes_open(&lanes, backend);
	connect_ends(0, 0);
	sa = &lanes.maps.sa[SLOT];
	*sa = receiver.state;
	memcpy(sa->src, test_src, 4);
	memcpy(sa->dst, test_dst, 4);
	assert_int_equal(replay_make_room(&lanes.maps, SLOT, REPLAY_WINDOW_MAX), 0);
	sa->replay_window = REPLAY_WINDOW_MAX;
	sa->sel = (struct selector){.local_port_max = UINT16_MAX, .remote_port_max = UINT16_MAX};
	lanes.vault.entries[SLOT] = key;
	lanes.maps.port[PORT] = (struct port){.queues = LANES, .mtu = 1500};
	for (uint32_t i = 0; i < LANES; i++)
		queue_open(&queues[i], &lanes, i);
	alarm(SECONDS_MAX);
	(void)unused;
	return 0;
}

static int close_lanes(void **unused)
{
	(void)unused;
	alarm(0);
	for (uint32_t i = 0; i < LANES; i++)
		queue_close(&queues[i]);
	lanes_close(&lanes);
	return 0;
}

/* Packet `number`, sealed. The frame's length. */
static uint32_t seal(uint8_t *frame, uint32_t number)
{
	uint8_t payload[PAYLOAD + HOST_TAIL] = {0}, *esp;
	const size_t len = esp_sealed_size(PAYLOAD);

	memcpy(payload, &number, sizeof(number));
	esp = make_ip(frame, PROTO_ESP, len, (uint16_t)number);
	assert_int_equal(esp_seal(backend, &sender.sa, number + 1, EXPERIMENTAL, esp, payload, PAYLOAD), len);
	return (uint32_t)(ETH_LEN + IP_LEN_MIN + len);
}

static void receive_by(struct queue *q, const uint8_t *frame, uint32_t len)
{
	const struct rx_meta meta = {.slot = SLOT, .l3_offset = ETH_LEN, .generation = key.generation};

	while (!queue_receive(q, &meta, frame, len))
		sched_yield();
}

/* What the host got: each packet as often as it did. */
static void look_at_hosts(void)
{
	uint8_t frame[sizeof(struct virtio_net_hdr) + ETH_LEN + IP_LEN_MIN + PAYLOAD];

	memset(accepted, 0, sizeof(accepted));
	for (uint32_t i = 0; i < LANES; i++) {
		const int fd = queues[i].port.host.fd;

		lseek(fd, 0, SEEK_SET);
		while (read(fd, frame, sizeof(frame)) == sizeof(frame)) {
			uint32_t number;

			memcpy(&number, frame + sizeof(frame) - PAYLOAD, sizeof(number));
			assert_in_range(number, 0, NUMBERS - 1);
			accepted[number]++;
		}
	}
}

static void assert_each_was_accepted_once(uint32_t numbers)
{
	const struct sa_state *sa = &lanes.maps.sa[SLOT];

	look_at_hosts();
	for (uint32_t i = 0; i < NUMBERS; i++)
		assert_int_equal(accepted[i], i < numbers);
	assert_int_equal(counted(&lanes, REASON_OPENED), numbers);
	assert_int_equal(sa->packets, numbers);
	assert_int_equal(sa->bytes, (uint64_t)numbers * PAYLOAD);
	assert_int_equal(sa->seq, numbers);
}

static pthread_barrier_t together;

static void *take_all(void *arg)
{
	struct queue *q = arg;

	pthread_barrier_wait(&together);
	while (inbound_run(&q->port))
		;
	inbound_end_turn(&q->port, false);
	return NULL;
}

static void take_in_threads(void)
{
	pthread_t threads[LANES];

	pthread_barrier_init(&together, NULL, LANES);
	for (uint32_t i = 0; i < LANES; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_all, &queues[i]), 0);
	for (uint32_t i = 0; i < LANES; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&together);
}

/* Whoever sits on the wire repeats each packet so that RSS brings it to another queue: one of the two is a replay. */
static void what_two_lanes_get_one_of_them_takes(void **unused)
{
	struct sa_state *sa = &lanes.maps.sa[SLOT];
	uint8_t frame[2048];

	(void)unused;
	sa->soft_packets = NUMBERS;
	sa->hard_bytes = NUMBERS * PAYLOAD + 1;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		assert_int_equal(sa->worn, 0);
		for (uint32_t i = 0; i < NUMBERS / ROUNDS; i++) {
			const uint32_t len = seal(frame, round * NUMBERS / ROUNDS + i);

			for (uint32_t lane = 0; lane < LANES; lane++)
				receive_by(&queues[lane], frame, len);
		}
		take_in_threads();
	}
	assert_int_equal(sa->worn, SA_WORN_SOFT);
	assert_each_was_accepted_once(NUMBERS);
	assert_int_equal(counted(&lanes, REASON_REPLAY), NUMBERS * (LANES - 1));
	assert_int_equal(*counts_at(&sa->drops, REASON_REPLAY), NUMBERS * (LANES - 1));
}

/* ---- fragments ---- */

/* At a time on their way: a quarter of what a peer may have. */
#define DATAGRAMS 4
#define PIECES	  (3 * DATAGRAMS)
#define SENT	  1024

struct piece_frame {
	uint8_t frame[512];
	uint32_t len;
};

static bool stop;

static void *run_lane(void *arg)
{
	loop_run(arg, &stop);
	return NULL;
}

static void start_lanes(pthread_t *threads)
{
	stop = false;
	for (uint32_t i = 0; i < LANES; i++) {
		TAILQ_INSERT_TAIL(&lanes.lane[i].queues, &queues[i].port, of_lane);
		assert_int_equal(pthread_create(&threads[i], NULL, run_lane, &lanes.lane[i]), 0);
	}
}

static void end_lanes(const pthread_t *threads)
{
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < LANES; i++) {
		lane_wake(&lanes.lane[i]);
		pthread_join(threads[i], NULL);
	}
}

static void cut(struct piece_frame *pieces, uint32_t number)
{
	uint8_t frame[2048];
	struct fragmenter cutter;

	const uint32_t len = seal(frame, number);
	const size_t headers = ETH_LEN + IP_LEN_MIN;

	fragment_begin(&cutter, frame, ETH_LEN, (uint16_t)number, frame + headers, len - headers, 300);
	for (; fragment_left(&cutter); pieces++)
		pieces->len = (uint32_t)fragment_next(&cutter, pieces->frame);
}

static uint64_t opened(void)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < LANES; i++)
		n += __atomic_load_n(counts_at(&lanes.maps.worker_counts[i], REASON_OPENED), __ATOMIC_RELAXED);
	return n;
}

/* Some datagrams' fragments, in any order and by any queue; until all are whole. */
static void send_some(uint32_t first, uint64_t *rnd)
{
	static struct piece_frame pieces[PIECES];

	for (uint32_t i = 0; i < DATAGRAMS; i++)
		cut(pieces + 3 * i, first + i);
	for (uint32_t left = PIECES; left; left--) {
		struct piece_frame *piece = &pieces[random_below(rnd, left)];
		const uint32_t lane = (uint32_t)random_below(rnd, LANES);

		receive_by(&queues[lane], piece->frame, piece->len);
		lane_wake(&lanes.lane[lane]);
		*piece = pieces[left - 1];
	}
	while (opened() < first + DATAGRAMS)
		sched_yield();
}

/* Whichever queue brings which, one lane puts it together; and a lane that sleeps is woken for that. */
static void fragments_by_any_queue(void **unused)
{
	pthread_t threads[LANES];
	uint64_t rnd = 3;

	(void)unused;
	start_lanes(threads);
	for (uint32_t i = 0; i < SENT; i += DATAGRAMS)
		send_some(i, &rnd);
	end_lanes(threads);
	assert_each_was_accepted_once(SENT);
	for (uint32_t i = 0; i < LANES; i++)
		assert_in_range(*counts_at(&lanes.maps.worker_counts[i], REASON_OPENED), SENT / 4, SENT * 3 / 4);
}

/* The NIC was detached while some were handed over: they are counted, and nothing is touched that is gone. */
static void fragments_of_a_nic_that_has_gone(void **unused)
{
	struct piece_frame pieces[3];
	uint32_t handed;

	(void)unused;
	for (uint32_t i = 0; i < 16; i++) {
		cut(pieces, i);
		for (uint32_t k = 0; k < 3; k++)
			receive_by(&queues[0], pieces[k].frame, pieces[k].len);
	}
	while (inbound_run(&queues[0].port))
		;
	handed = fragments_in_take_handed(&lanes.lane[1]);
	assert_in_range(handed, 3, 45);
	assert_int_equal(counted(&lanes, REASON_NO_WORKER), handed);
	assert_int_equal(fragments_in_take_handed(&lanes.lane[1]), 0);
	assert_int_equal(opened() * 3 + handed, 48);
}

/* Others hand over faster than a lane can take: its own queues and its orders have their turn. */
static void what_is_handed_over_is_taken_in_turns(void **unused)
{
	const struct handoff_item item = {.port = PORT + 1, .slot = SLOT, .l2 = ETH_LEN, .len = 60};
	struct lane *l = &lanes.lane[1];
	const uint8_t frame[60] = {0};
	uint32_t taken = 0;

	(void)unused;
	for (uint32_t i = 0; i < 200; i++)
		assert_true(handoff_put(&l->handoffs[0], &item, frame));
	l->handed = 1;
	while (l->handed) {
		const uint32_t n = fragments_in_take_handed(l);

		/* As many as a batch: the lane does not sleep before it has looked again. */
		assert_in_range(n, 0, 64);
		assert_true(!l->handed || n == 64);
		taken += n;
	}
	assert_int_equal(taken, 200);
}

#define ON_LANES(test) cmocka_unit_test_setup_teardown(test, open_lanes, close_lanes)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_that_ran_dry_gets_frames),
		ON_LANES(what_two_lanes_get_one_of_them_takes),
		ON_LANES(fragments_by_any_queue),
		ON_LANES(fragments_of_a_nic_that_has_gone),
		ON_LANES(what_is_handed_over_is_taken_in_turns),
	};

	return RUN_WITH_EACH_AEAD("inbound", tests);
}
