/* SPDX-License-Identifier: BSD-2-Clause */
/* What a capture is told of each packet's end, where others end beside it: of frames of the host, and of fragments in
 * either direction. */
#define _GNU_SOURCE
#include "sender.h"

#include "in/fragments_in.h"
#include "in/inbound.h"
#include "lane/capture.h"

/* Payload of a datagram that may be a first fragment, with the UDP header a multiple of 8. */
#define PART 104

static struct capture_wants wants;
static struct capture_ring ring;
static struct capture capture;

static void begin_capture(void)
{
	memset(&ring, 0, sizeof(ring));
	wants = (struct capture_wants){.points = 1 << CAPTURE_CLEAR};
	capture_begin(&capture, &wants, &ring);
	queue.port.lane->capture = &capture;
}

/* The reader is shown that, and next. */
static void assert_shown(enum reason reason)
{
	struct capture_record record;
	uint8_t frame[2048];
	int err = 0;

	assert_true(capture_ring_take(&ring, &record, frame, sizeof(frame), &err));
	assert_int_equal(err, 0);
	assert_int_equal(record.reason, reason);
}

static void assert_no_more_is_shown(void)
{
	struct capture_record record;
	uint8_t frame[2048];
	int err = 0;

	assert_false(capture_ring_take(&ring, &record, frame, sizeof(frame), &err));
}

/* A first fragment, of a datagram of that ID. */
static void put_first_fragment(uint16_t id)
{
	uint8_t *ip;

	put_datagram(&bulk, PART, 0, key.generation);
	ip = bulk.bytes[bulk.count - 1] + ETH_LEN;
	store_be16(ip + IP_ID, id);
	store_be16(ip + IP_FRAG, IP_MF);
	ip_finish(ip, IP_LEN_MIN, load_be16(ip + IP_TOTAL_LEN), PROTO_UDP);
}

/* An earlier one is given up when its time is over, in the middle of the next. */
static void what_ends_meanwhile_is_another(void **unused)
{
	(void)unused;
	put_first_fragment(1);
	turn();
	begin_capture();
	queue.port.lane->now += REASSEMBLY_NS + 1;
	put_first_fragment(2);
	turn();
	assert_int_equal(counted(&lanes, REASON_FRAG_TIMEOUT), 1);
	assert_shown(REASON_COUNT);
	assert_no_more_is_shown();
}

static void a_fragment_that_is_refused_is_shown_as_that(void **unused)
{
	(void)unused;
	begin_capture();
	put_first_fragment(1);
	put_first_fragment(1);
	turn();
	assert_int_equal(counted(&lanes, REASON_FRAG_OVERLAP), 1);
	assert_shown(REASON_COUNT);
	assert_shown(REASON_FRAG_OVERLAP);
	assert_no_more_is_shown();
}

/* The lane has wanted many at once until then. */
static void the_first_that_are_captured_are_told_apart(void **unused)
{
	(void)unused;
	begin_capture();
	put_datagram(&bulk, 100, 0, key.generation);
	put_datagram(&bulk, 100, 1, key.generation + 1);
	put_datagram(&bulk, 100, 2, key.generation);
	assert_true(queue.port.host.wanted > 2);
	turn();
	assert_shown(REASON_COUNT);
	assert_shown(REASON_NO_SA);
	assert_shown(REASON_COUNT);
	assert_no_more_is_shown();
}

/* ---- in ---- */

static struct queue in;

static void receive_fragment(uint16_t id, uint16_t bits, size_t payload)
{
	const struct rx_meta meta = {.slot = SLOT, .l3_offset = ETH_LEN, .generation = key.generation};
	uint8_t frame[2048];
	uint8_t *ip = frame + ETH_LEN;

	make_ip(frame, PROTO_ESP, payload, id);
	store_be16(ip + IP_FRAG, bits);
	ip_finish(ip, IP_LEN_MIN, IP_LEN_MIN + payload, PROTO_ESP);
	assert_true(queue_receive(&in, &meta, frame, (uint32_t)(ETH_LEN + IP_LEN_MIN + payload)));
}

static void inbound_fragments_are_told_apart(void **unused)
{
	(void)unused;
	queue_open(&in, &lanes, 1);
	lanes.maps.port[PORT].queues = 1;
	begin_capture();
	wants.points = 1 << CAPTURE_ESP;
	receive_fragment(1, IP_MF, 800);
	/* No datagram can have it. */
	receive_fragment(1, IP_MF | 100, 799);
	/* Kept, behind one that is not. */
	receive_fragment(2, IP_MF, 800);
	assert_int_equal(inbound_run(&in.port), 3);
	inbound_end_turn(&in.port, false);
	assert_int_equal(counted(&lanes, REASON_FRAG_INVALID), 1);
	assert_shown(REASON_COUNT);
	assert_shown(REASON_FRAG_INVALID);
	assert_shown(REASON_COUNT);
	assert_no_more_is_shown();
	queue_close(&in);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_ends_meanwhile_is_another),
		TEST(a_fragment_that_is_refused_is_shown_as_that),
		TEST(the_first_that_are_captured_are_told_apart),
		TEST(inbound_fragments_are_told_apart),
	};

	return RUN_WITH_EACH_AEAD("captured", tests);
}
