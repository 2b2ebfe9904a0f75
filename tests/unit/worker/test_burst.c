/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/out/burst.c: packets are sealed by one call, as far as their SAs' limits go, in the memory they came in. */
#define _GNU_SOURCE
#include "sender.h"

#define NEW_GENERATION 9

/* ---- a burst ---- */

static void a_burst_is_one_call_with_numbers_in_a_row(void **unused)
{
	const uint32_t before = owned();
	uint64_t bytes = 0;

	(void)unused;
	put_datagrams(&bulk, 20);
	turn();
	assert_int_equal(calls, 1);
	assert_int_equal(call_sizes[0], 20);
	nic_sends(FRAMES_MAX);
	assert_datagrams(20);
	assert_numbers_rise(1);
	for (uint32_t i = 0; i < 20; i++)
		bytes += UDP_LEN + length_of(i);
	assert_int_equal(state()->seq, 20);
	assert_int_equal(state()->packets, 20);
	assert_int_equal(state()->bytes, bytes);
	assert_int_equal(counted(&lanes, REASON_SEALED), 20);
	xdp_queue_reap(&queue.port.q);
	assert_int_equal(owned(), before);
}

/* The next batch is read over the frames of the last. */
static void frames_are_sealed_before_others_come_over_them(void **unused)
{
	(void)unused;
	put_datagrams(&bulk, 100);
	queue.port.host.wanted = 3;
	run_until_all_is_sent(FRAMES_MAX);
	assert_datagrams(100);
	assert_numbers_rise(1);
}

/* Bursts and super-packets by turns keep their order. */
static void a_super_packet_goes_behind_the_burst(void **unused)
{
	(void)unused;
	put_datagrams(&bulk, 3);
	put_stream(&bulk, 4000, 50, 1000);
	put_datagrams(&bulk, 3);
	run_until_all_is_sent(FRAMES_MAX);
	assert_int_equal(sent_count, 10);
	assert_numbers_rise(1);
	for (uint32_t i = 0; i < 4; i++) {
		uint8_t expected[1000];

		fill_payload(expected, sizeof(expected), 50 + 1000 * i);
		assert_datagram(&sent[i < 3 ? i : 7], length_of(i % 3), i % 3);
		assert_int_equal(sent[3 + i].len, TCP_LEN_MIN + sizeof(expected));
		assert_memory_equal(sent[3 + i].payload + TCP_LEN_MIN, expected, sizeof(expected));
	}
}

/* ---- limits ---- */

static void expect_as_many(uint32_t n, uint64_t first, enum reason why)
{
	const uint32_t before = owned();

	put_datagrams(&bulk, 20);
	run_until_all_is_sent(FRAMES_MAX);
	xdp_queue_reap(&queue.port.q);
	assert_datagrams(n);
	assert_numbers_rise(first);
	assert_int_equal(counted(&lanes, REASON_SEALED), n);
	assert_int_equal(counted(&lanes, why), 20 - n);
	assert_int_equal(counts_get(&state()->drops, why), 20 - n);
	assert_int_equal(owned(), before);
}

static void as_many_go_as_there_are_numbers(void **unused)
{
	(void)unused;
	state()->seq = UINT32_MAX - 5;
	expect_as_many(5, UINT32_MAX - 4, REASON_SEQ_OVERFLOW);
	assert_int_equal(state()->seq, UINT32_MAX);
}

static void as_many_go_as_packets_are_left(void **unused)
{
	(void)unused;
	state()->hard_packets = 7;
	expect_as_many(7, 1, REASON_LIFETIME_EXPIRED);
}

static void no_more_go_than_bytes_are_left(void **unused)
{
	(void)unused;
	/* The first one's header, and not the second one. */
	state()->hard_bytes = UDP_LEN;
	expect_as_many(1, 1, REASON_LIFETIME_EXPIRED);
	assert_int_equal(state()->bytes, UDP_LEN);
}

static void of_a_super_packet_none_go_without_numbers(void **unused)
{
	(void)unused;
	state()->seq = UINT32_MAX;
	put_stream(&bulk, 4000, 1, 1000);
	put_datagrams(&bulk, 2);
	run_until_all_is_sent(FRAMES_MAX);
	assert_int_equal(sent_count, 0);
	assert_int_equal(counted(&lanes, REASON_SEQ_OVERFLOW), 6);
}

/* ---- several SAs ---- */

#define OTHER (SLOT + 2)

static struct vault_entry keys[2];

/* Of the other SA, whose key is its own. */
static void open_other(void)
{
	keys[0] = keys[1] = key;
	memset(keys[1].key, 0x55, sizeof(key.key));
	lanes.maps.sa[OTHER] = lanes.maps.sa[SLOT];
	lanes.vault.entries[OTHER] = keys[1];
}

static void put_of(uint32_t other, uint32_t seed)
{
	const struct tx_tag tag = tx_tag_of(other ? OTHER : SLOT, keys[0].generation);

	put_datagram(&bulk, length_of(seed), seed, keys[0].generation);
	memcpy(bulk.bytes[bulk.count - 1] + ETH_SRC, &tag, sizeof(tag));
}

/* The next packet on the wire is of that SA. */
static void assert_sent(uint32_t other, uint64_t seq, uint32_t seed)
{
	const uint32_t n = sent_count;

	key = keys[other];
	connect_ends(0, 0);
	key = keys[0];
	nic_sends(1);
	assert_int_equal(sent_count, n + 1);
	assert_int_equal(sent[n].seq, seq);
	assert_datagram(&sent[n], length_of(seed), seed);
}

static void load_both(void)
{
	open_other();
	put_of(0, 0);
	put_of(1, 1);
	turn();
	assert_sent(0, 1, 0);
	assert_sent(1, 1, 1);
	calls = 0;
	queue.port.host.wanted = HOST_RING_FRAMES;
}

/* In whatever order they come: each by its own key, with its own numbers, and the order is kept. */
static void packets_of_two_sas_are_one_call(void **unused)
{
	static const uint8_t of[] = {0, 0, 1, 0, 1, 1, 1, 0};
	uint64_t seq[2] = {1, 1}, bytes[2] = {UDP_LEN + length_of(0), UDP_LEN + length_of(1)};

	(void)unused;
	load_both();
	for (uint32_t i = 0; i < sizeof(of); i++)
		put_of(of[i], i);
	turn();
	assert_int_equal(calls, 1);
	assert_int_equal(call_sizes[0], sizeof(of));
	for (uint32_t i = 0; i < sizeof(of); i++) {
		assert_sent(of[i], ++seq[of[i]], i);
		bytes[of[i]] += UDP_LEN + length_of(i);
	}
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(lanes.maps.sa[i ? OTHER : SLOT].seq, 5);
		assert_int_equal(lanes.maps.sa[i ? OTHER : SLOT].packets, 5);
		assert_int_equal(lanes.maps.sa[i ? OTHER : SLOT].bytes, bytes[i]);
	}
}

/* What is begun is in the NIC's ring already, and what is not will have to be: together they are as many as it has room
 * for, and the rest waits. */
static void a_burst_of_two_sas_fits_the_ring(void **unused)
{
	uint64_t seq[2] = {1, 1};

	(void)unused;
	load_both();
	xdp_queue_reap(&queue.port.q);
	queue.port.q.limit = 5;
	for (uint32_t i = 0; i < 8; i++)
		put_of(i % 2, i);
	turn();
	assert_int_equal(calls, 1);
	assert_int_equal(call_sizes[0], 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_sent(i % 2, ++seq[i % 2], i);
	turn();
	for (uint32_t i = 5; i < 8; i++)
		assert_sent(i % 2, ++seq[i % 2], i);
	assert_int_equal(counted(&lanes, REASON_TX_FULL), 0);
}

/* Who has no numbers left takes nothing from the others of the burst. */
static void one_sa_without_numbers_holds_up_no_other(void **unused)
{
	static const uint8_t of[] = {0, 1, 1, 1, 0, 1, 0};
	const uint32_t before = owned();

	(void)unused;
	load_both();
	lanes.maps.sa[OTHER].hard_packets = 3; /* one was sent above */
	for (uint32_t i = 0; i < sizeof(of); i++)
		put_of(of[i], i);
	turn();
	assert_int_equal(calls, 1);
	assert_sent(0, 2, 0);
	assert_sent(1, 2, 1);
	assert_sent(1, 3, 2);
	assert_sent(0, 3, 4);
	assert_sent(0, 4, 6);
	assert_int_equal(tx.consumer, tx.producer);
	assert_int_equal(counts_get(&lanes.maps.sa[OTHER].drops, REASON_LIFETIME_EXPIRED), 2);
	assert_int_equal(counted(&lanes, REASON_SEALED), 2 + 5);
	xdp_queue_reap(&queue.port.q);
	assert_int_equal(owned(), before);
}

/* ---- another SA in the slot ---- */

static void change_sa(void)
{
	lanes.vault.entries[SLOT].generation = NEW_GENERATION;
	memset(lanes.vault.entries[SLOT].key, 0x77, sizeof(key.key));
	lanes.maps.sa[SLOT].generation = NEW_GENERATION;
}

/* What was gathered is sealed by the SA that it was for. That the slot's numbers begin again meanwhile, turns.h
 * prevents. */
static void another_sa_in_the_slot_is_another_burst(void **unused)
{
	(void)unused;
	put_datagrams(&bulk, 3);
	put_datagram(&bulk, 3000, 0, key.generation); /* does not fit: the host is told, and the slot changes hands */
	put_datagram(&bulk, 100, 0, key.generation);
	put_datagram(&bulk, 100, 1, NEW_GENERATION);
	on_write = change_sa;
	turn();
	assert_int_equal(tx.producer, 4);
	nic_sends(3);
	assert_datagrams(3);
	assert_int_equal(counted(&lanes, REASON_NO_SA), 1);
	/* The peer has the new one, too. */
	key = lanes.vault.entries[SLOT];
	connect_ends(0, 0);
	nic_sends(1);
	assert_int_equal(sent_count, 4);
	assert_datagram(&sent[3], 100, 1);
	assert_numbers_rise(1);
	key.generation = 7;
}

/* ---- the host's memory ---- */

/* Padding and trailer, whatever the length, within what is said of them. */
static void a_trailer_stays_within_its_bytes(void **unused)
{
	uint8_t bytes[64 + ESP_TAIL_MAX + 8];

	(void)unused;
	_Static_assert(ESP_TAIL_MAX <= HOST_TAIL, "a trailer fits behind a frame");
	for (size_t len = 0; len <= 64; len++) {
		memset(bytes, CANARY, sizeof(bytes));
		assert_int_equal(esp_write_trailer(bytes, len, 253), esp_sealed_size(len) - ESP_HEADER - ESP_ICV);
		for (size_t i = 0; i < sizeof(bytes); i++)
			if (i < len || i >= len + ESP_TAIL_MAX)
				assert_int_equal(bytes[i], CANARY);
	}
}

static uint8_t *end_of_room(struct host *h, uint32_t i)
{
	/* The next frame's virtio header, or the end of all. */
	return host_ring_frame(&h->ring, i) + HOST_FRAME_MAX + HOST_TAIL;
}

static void nothing_is_written_behind_the_longest_frame(void **unused)
{
	struct host *h = &queue.port.host;
	uint8_t *end = end_of_room(h, 0);

	(void)unused;
	memset(end, CANARY, 16);
	put_stream(&bulk, 65535 - IP_LEN_MIN - TCP_LEN_MIN, 3, 1400);
	h->wanted = 1;
	turn();
	nic_sends(FRAMES_MAX);
	assert_int_equal(sent_count, (65535 - IP_LEN_MIN - TCP_LEN_MIN + 1399) / 1400);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(end[i], CANARY);
	/* And what is behind the frame itself is as it was. */
	for (uint8_t *at = host_ring_frame(&h->ring, 0) + ETH_LEN + 65535; at < end; at++)
		assert_int_equal(*at, CANARY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(a_burst_is_one_call_with_numbers_in_a_row),
		WITH(frames_are_sealed_before_others_come_over_them),
		WITH(a_super_packet_goes_behind_the_burst),
		WITH(as_many_go_as_there_are_numbers),
		WITH(as_many_go_as_packets_are_left),
		WITH(no_more_go_than_bytes_are_left),
		WITH(of_a_super_packet_none_go_without_numbers),
		WITH(packets_of_two_sas_are_one_call),
		WITH(a_burst_of_two_sas_fits_the_ring),
		WITH(one_sa_without_numbers_holds_up_no_other),
		WITH(another_sa_in_the_slot_is_another_burst),
		cmocka_unit_test(a_trailer_stays_within_its_bytes),
		WITH(nothing_is_written_behind_the_longest_frame),
	};

	return RUN_WITH_EACH_AEAD("burst", tests);
}
