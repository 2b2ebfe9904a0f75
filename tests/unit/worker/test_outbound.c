/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/out/outbound.c: a NIC or packet memory without room, which of the host's two queues leaves first, and what
 * is lost with a queue that is taken away. */
#define _GNU_SOURCE
#include "sender.h"

/* ---- another queue of the lane ---- */

static struct queue beside;
static struct waiting beside_bulk;
static struct memory_ring beside_tx, beside_completed;
static struct xdp_desc beside_descs[RING_SIZE];
static uint64_t beside_addrs[RING_SIZE];
static const struct host_memory beside_memory = {.read = read_frames, .write = write_frame, .user = &beside_bulk};

static void open_beside(void)
{
	struct port_queue *p = &beside.port;

	beside_tx = beside_completed = (struct memory_ring){0};
	queue_open(&beside, &lanes, 1 + LANES);
	close(p->host.fd);
	open_host(&p->host, &beside_memory);
	p->q.rings.tx = RING_PROD(&beside_tx, beside_descs, RING_SIZE);
	p->q.rings.comp = RING_CONS(&beside_completed, beside_addrs, RING_SIZE);
	p->q.limit = RING_SIZE;
	p->host.wanted = HOST_RING_FRAMES;
	assert_int_equal(outbound_init(p, NULL), 0);
}

static void close_beside(void)
{
	outbound_free(&beside.port);
	host_ring_close(&beside.port.host.ring);
	queue_close(&beside);
	forget(&beside_bulk);
}

/* What one queue of the NIC has no room for waits by itself: what another one has is sent in the same turn. */
static void a_full_queue_holds_up_no_other(void **unused)
{
	(void)unused;
	open_beside();
	assert_ptr_equal(beside.port.lane, queue.port.lane);
	queue.port.q.limit = 8;
	put_datagrams(&bulk, 100);
	turn();
	assert_int_equal(tx.producer, 8);
	for (uint32_t i = 1; i <= 3; i++) {
		put_datagrams(&beside_bulk, 20);
		turn();
		outbound_run(&beside.port);
		assert_int_equal(tx.producer, 8);
		assert_int_equal(beside_tx.producer, 20 * i);
	}
	assert_true(outbound_waits_for_nic(&queue.port));
	assert_false(outbound_waits_for_nic(&beside.port));
	assert_int_equal(counted(&lanes, REASON_TX_FULL), 0);
	close_beside();
}

/* ---- no room ---- */

static void a_full_nic_loses_nothing(void **unused)
{
	(void)unused;
	queue.port.q.limit = 8;
	put_datagrams(&bulk, 100);
	turn();
	assert_int_equal(tx.producer, 8);
	assert_true(outbound_waits_for_nic(&queue.port));
	run_until_all_is_sent(5);
	assert_datagrams(100);
	assert_numbers_rise(1);
}

static void without_packet_memory_nothing_is_lost(void **unused)
{
	struct umem *u = &queue.port.q.umem;

	(void)unused;
	u->free_count = 5;
	put_datagrams(&bulk, 50);
	turn();
	assert_int_equal(tx.producer, 5);
	run_until_all_is_sent(3);
	assert_datagrams(50);
	assert_numbers_rise(1);
	xdp_queue_reap(&queue.port.q);
	assert_int_equal(u->free_count, 5);
}

static void nor_without_spans(void **unused)
{
	struct umem *u = &queue.port.q.umem;

	(void)unused;
	u->free_span_count = SPANS_FOR_RX + 3;
	for (uint32_t i = 0; i < 20; i++)
		put_datagram(&bulk, 400 * i, i, key.generation);
	turn();
	assert_int_equal(u->free_span_count, SPANS_FOR_RX);
	run_until_all_is_sent(2);
	assert_int_equal(sent_count, 20);
	assert_numbers_rise(1);
	for (uint32_t i = 0; i < 20; i++)
		assert_datagram(&sent[i], 400 * i, i);
	xdp_queue_reap(&queue.port.q);
	assert_int_equal(u->free_span_count, SPANS_FOR_RX + 3);
}

/* Three descriptors may be one packet's. */
static void a_burst_of_long_packets_fits_the_ring(void **unused)
{
	(void)unused;
	queue.port.q.limit = 20;
	for (uint32_t i = 0; i < 30; i++)
		put_datagram(&bulk, 8900, i, key.generation);
	run_until_all_is_sent(FRAMES_MAX);
	assert_int_equal(sent_count, 30);
	assert_int_equal(counted(&lanes, REASON_TX_FULL), 0);
	assert_numbers_rise(1);
}

/* Sealed as one, cut, and half on its way when the NIC is full. */
static void what_is_too_long_is_sealed_before_it_is_cut(void **unused)
{
	(void)unused;
	queue.port.q.limit = 3;
	put_datagrams(&bulk, 2);
	put_datagram(&bulk, 8000, 2, key.generation);
	store_be16(bulk.bytes[2] + ETH_LEN + IP_FRAG, 0);
	put_datagram(&bulk, length_of(3), 3, key.generation);
	put_datagrams(&urgent, 1);
	turn();
	put_datagram(&urgent, 0, 0, key.generation);
	run_until_all_is_sent(1);
	assert_int_equal(sent_count, 6);
	assert_datagram(&sent[4], 8000, 2);
	assert_datagram(&sent[5], length_of(3), 3);
	assert_int_equal(state()->seq, 6);
	assert_int_equal(counted(&lanes, REASON_SEALED), 6);
}

/* What was found to fit the path while the NIC is full is cut when there is room, and the path is another by then. */
static void cut_after(uint16_t mtu)
{
	queue.port.q.limit = 3;
	state()->path_mtu = (struct path_mtu){.mtu = 1000, .until_s = UINT32_MAX};
	for (uint32_t i = 0; i < 3; i++)
		put_datagram(&bulk, 100, i, key.generation);
	put_datagram(&bulk, 1300, 3, key.generation);
	store_be16(bulk.bytes[3] + ETH_LEN + IP_FRAG, 0);
	turn();
	assert_int_equal(tx.producer, 3);
	assert_true(outbound_waits_for_nic(&queue.port));
	state()->path_mtu.mtu = mtu;
	nic_sends(3);
	turn();
	assert_int_equal(tx.producer, 3 + 2);
	for (uint32_t i = 3; i < tx.producer; i++)
		assert_in_range(tx_descs[i].len, ETH_LEN + IP_LEN_MIN + 8, ETH_LEN + 1000);
	nic_sends(2);
	assert_int_equal(sent_count, 4);
	assert_datagram(&sent[3], 1300, 3);
}

static void the_path_is_looked_at_once(void **unused)
{
	(void)unused;
	cut_after(1400);
}

static void however_short_it_has_become(void **unused)
{
	(void)unused;
	cut_after(5);
}

static void even_if_a_header_fills_it(void **unused)
{
	(void)unused;
	cut_after(IP_LEN_MIN + 1);
}

/* An IP header full of options, and nothing in it: what ESP adds is too much for the least MTU that there is. */
static void an_empty_packet_may_be_too_long(void **unused)
{
	uint8_t frame[ETH_LEN + IP_LEN_MAX];
	uint8_t *ip = frame + ETH_LEN;

	(void)unused;
	lanes.maps.port[PORT].mtu = 68;
	memset(make_ip(frame, PROTO_UDP, 0, 1), 1, IP_LEN_MAX - IP_LEN_MIN);
	ip[0] = 0x4f;
	ip_finish(ip, IP_LEN_MAX, IP_LEN_MAX, PROTO_UDP);
	put(&bulk, frame, sizeof(frame), key.generation, 0);
	turn();
	assert_int_equal(tx.producer, 0);
	assert_int_equal(counted(&lanes, REASON_TOO_BIG), 1);
	/* What may be cut has no fragment that is longer. */
	store_be16(ip + IP_FRAG, 0);
	put(&bulk, frame, sizeof(frame), key.generation, 0);
	turn();
	assert_true(tx.producer > 1);
	for (uint32_t i = 0; i < tx.producer; i++)
		assert_in_range(tx_descs[i].len, ETH_LEN, ETH_LEN + 68);
}

/* ---- the queue is taken away ---- */

static void take_queue_away(void)
{
	struct lane_order order = {.remove = PORT};

	TAILQ_INIT(&order.add);
	TAILQ_INIT(&order.removed);
	loop_obey(queue.port.lane, &order);
	assert_false(TAILQ_EMPTY(&order.removed));
	assert_int_equal(lanes.maps.turns->lanes[queue.port.lane->index].at, 0);
}

/* Of the lane, and of the SA. */
static void assert_lost(enum reason why, uint64_t packets)
{
	assert_int_equal(counted(&lanes, why), packets);
	assert_int_equal(*counts_at(&state()->drops, why), packets);
}

static void what_a_full_nic_never_took_is_counted(void **unused)
{
	(void)unused;
	queue.port.q.limit = 8;
	put_stream(&bulk, 60000, 1, 1000);
	put_datagrams(&bulk, 5);
	turn();
	assert_true(outbound_waits_for_nic(&queue.port));
	take_queue_away();
	assert_lost(REASON_TX_FULL, 52 + 5);
	assert_false(outbound_is_half_done(&queue.port));
}

static void what_had_no_turn_is_counted(void **unused)
{
	(void)unused;
	queue.port.lane->low_latency = true;
	for (uint32_t i = 0; i < 6; i++)
		put_stream(&bulk, 60000, i, 1000);
	put_datagram(&bulk, 100, 1, key.generation + 2);
	turn();
	take_queue_away();
	assert_lost(REASON_NO_WORKER, 60);
	assert_int_equal(counted(&lanes, REASON_NO_SA), 1);
}

static void fragments_without_the_rest_are_counted(void **unused)
{
	(void)unused;
	put_datagram(&bulk, 64, 1, key.generation);
	put_datagram(&urgent, 64, 2, key.generation);
	store_be16(bulk.bytes[0] + ETH_LEN + IP_FRAG, IP_MF);
	store_be16(urgent.bytes[0] + ETH_LEN + IP_FRAG, IP_MF);
	turn();
	assert_true(outbound_is_half_done(&queue.port));
	take_queue_away();
	assert_lost(REASON_FRAG_TIMEOUT, 2);
}

static void of_what_was_sent_nothing_is_counted(void **unused)
{
	(void)unused;
	put_datagrams(&bulk, 50);
	turn();
	take_queue_away();
	for (enum reason why = 0; why < REASON_COUNT; why++)
		assert_int_equal(counted(&lanes, why), why == REASON_SEALED ? 50 : 0);
}

/* ---- how long a turn is ---- */

/* Packets that a turn makes of six super-packets of 60 each. */
static uint32_t turn_of_bulk(bool low_latency)
{
	queue.port.lane->low_latency = low_latency;
	for (uint32_t i = 0; i < 6; i++)
		put_stream(&bulk, 60000, i, 1000);
	turn();
	return tx.producer;
}

static void bulk_goes_as_it_comes(void **unused)
{
	(void)unused;
	assert_int_equal(turn_of_bulk(false), 6 * 60);
}

/* A turn is as many as make 256 KB, and the next is for the rest. */
static void with_low_latency_bulk_has_short_turns(void **unused)
{
	(void)unused;
	assert_int_equal(turn_of_bulk(true), 5 * 60);
	turn();
	assert_int_equal(tx.producer, 6 * 60);
}

/* A turn that found a TAP empty is no reason not to look in the next: TCP's acknowledgments would wait for a nap. */
static void the_queues_of_one_pair_are_looked_at_each_turn(void **unused)
{
	(void)unused;
	turn();
	put_datagrams(&urgent, 1);
	put_stream(&bulk, 4000, 1, 1000);
	turn();
	assert_int_equal(is_left(&urgent) + is_left(&bulk), 0);
}

/* ---- what is urgent ---- */

static void what_is_urgent_leaves_first(void **unused)
{
	(void)unused;
	put_stream(&bulk, 4000, 1, 1000);
	put_datagrams(&urgent, 3);
	turn();
	nic_sends(FRAMES_MAX);
	assert_int_equal(sent_count, 7);
	assert_numbers_rise(1);
	for (uint32_t i = 0; i < 7; i++)
		assert_int_equal(sent[i].proto, i < 3 ? PROTO_UDP : PROTO_TCP);
}

/* A super-packet that waits for room lets it pass, and is not behind the peer's window afterwards. */
static void numbers_rise_on_the_wire_whatever_passes(void **unused)
{
	(void)unused;
	queue.port.q.limit = 8;
	put_stream(&bulk, 60000, 1, 1000);
	turn();
	for (uint32_t i = 0; i < 50; i++) {
		put_datagram(&urgent, 10, i, key.generation);
		nic_sends(3);
		turn();
	}
	run_until_all_is_sent(8);
	assert_int_equal(sent_count, 60 + 50);
	assert_numbers_rise(1);
}

/* A flood of what is urgent takes most of the NIC, and not all. */
static void bulk_passes_beside_a_flood(void **unused)
{
	uint32_t streamed = 0;

	(void)unused;
	queue.port.q.limit = 16;
	put_datagrams(&urgent, 1);
	urgent.endless = true;
	put_stream(&bulk, 20000, 1, 1000);
	for (uint32_t i = 0; i < 12; i++) {
		turn();
		nic_sends(16);
	}
	for (uint32_t i = 0; i < sent_count; i++)
		streamed += sent[i].proto == PROTO_TCP;
	assert_in_range(streamed, 20, 20);
	assert_true(sent_count - streamed > 100);
	assert_numbers_rise(1);
}

/* Only what was sent before bulk gives it a turn first: not turns in which the NIC took nothing. */
static void what_is_urgent_stays_first_while_the_nic_is_slow(void **unused)
{
	(void)unused;
	queue.port.q.limit = 8;
	put_stream(&bulk, 60000, 1, 1000);
	for (uint32_t i = 0; i < 10; i++)
		turn();
	put_datagrams(&urgent, 1);
	queue.port.express.skip = 0;
	nic_sends(4);
	turn();
	nic_sends(5);
	assert_int_equal(sent_count, 9);
	assert_int_equal(sent[8].proto, PROTO_UDP);
}

/* What the host has given is with the NIC, which knows of it. */
static void assert_all_is_sent(void)
{
	assert_int_equal(tx.producer, urgent.next);
	assert_int_equal(xdp_queue_unkicked(&queue.port.q), 0);
}

/* A turn in which look() sees each read, and all that it sent. */
static void turn_watched(void (*look)(void))
{
	on_read = look;
	turn();
	on_read = NULL;
	nic_sends(FRAMES_MAX);
}

/* As many as the lane wants are read at once. */
static void assert_one_leaves_at_once(uint32_t wanted)
{
	queue.port.express.wanted = wanted;
	queue.port.express.skip = 0;
	put_datagrams(&urgent, 1);
	turn_watched(assert_all_is_sent);
}

/* Nor does it wait for the system call that finds nothing behind it. */
static void what_comes_alone_leaves_at_once(void **unused)
{
	(void)unused;
	assert_one_leaves_at_once(1);
	assert_one_leaves_at_once(HOST_RING_FRAMES);
	assert_int_equal(sent_count, 2);
}

/* The first was perhaps alone; what is behind it goes together. */
static void assert_one_is_sent(void)
{
	if (is_left(&urgent))
		assert_int_equal(tx.producer, urgent.next != 0);
}

static void what_is_behind_it_leaves_together(void **unused)
{
	(void)unused;
	queue.port.express.wanted = 1;
	put_datagrams(&urgent, 10);
	turn_watched(assert_one_is_sent);
	assert_datagrams(10);
}

/* However many queues a lane has, one that was idle is looked at before long. */
static void an_idle_queue_is_not_forgotten(void **unused)
{
	uint32_t turns = 0;

	(void)unused;
	queue.port.lane->readers = 1000;
	turn();
	put_datagrams(&urgent, 1);
	while (is_left(&urgent)) {
		turn();
		assert_true(++turns <= 16);
	}
}

static void nic_sends_all(void)
{
	nic_sends(UINT32_MAX);
}

/* However fast the NIC: what comes in, and the lane's other queues, have their turn, and the rest goes in the next. */
static void many_small_segments_take_several_turns(void **unused)
{
	uint32_t turns = 0;

	(void)unused;
	queue.port.host.wanted = 1;
	for (uint32_t i = 0; i < 30; i++)
		put_stream(&bulk, 45000, i, 45);
	on_read = nic_sends_all;
	do {
		const uint32_t before = sent_count;
		const uint32_t done = outbound_run(&queue.port);

		nic_sends_all();
		assert_in_range(sent_count - before, 1, 5000);
		/* With more to do it is not slept. */
		assert_true(done >= 64 || sent_count == 30 * 1000);
		assert_true(++turns < TURNS);
	} while (sent_count < 30 * 1000);
	assert_true(turns >= 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(a_full_nic_loses_nothing),
		WITH(a_full_queue_holds_up_no_other),
		WITH(without_packet_memory_nothing_is_lost),
		JUMBO(nor_without_spans),
		JUMBO(a_burst_of_long_packets_fits_the_ring),
		WITH(what_is_too_long_is_sealed_before_it_is_cut),
		WITH(the_path_is_looked_at_once),
		WITH(however_short_it_has_become),
		WITH(even_if_a_header_fills_it),
		WITH(an_empty_packet_may_be_too_long),
		WITH(what_a_full_nic_never_took_is_counted),
		WITH(what_had_no_turn_is_counted),
		WITH(fragments_without_the_rest_are_counted),
		WITH(of_what_was_sent_nothing_is_counted),
		WITH(bulk_goes_as_it_comes),
		WITH(with_low_latency_bulk_has_short_turns),
		WITH(the_queues_of_one_pair_are_looked_at_each_turn),
		WITH(what_is_urgent_leaves_first),
		WITH(numbers_rise_on_the_wire_whatever_passes),
		WITH(bulk_passes_beside_a_flood),
		WITH(what_is_urgent_stays_first_while_the_nic_is_slow),
		WITH(what_comes_alone_leaves_at_once),
		WITH(what_is_behind_it_leaves_together),
		WITH(an_idle_queue_is_not_forgotten),
		WITH(many_small_segments_take_several_turns),
	};

	return RUN_WITH_EACH_AEAD("outbound", tests);
}
