/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/lane/capture.c: what the reader is shown, and what is missed, of packets that end in different ways. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lane/capture.h"

static struct capture_wants wants;
static struct capture_ring *ring;
static struct capture c;
static uint8_t frame[70000];
static struct capture_record record;

static int set_up(void **unused)
{
	(void)unused;
	ring = calloc(1, sizeof(*ring));
	assert_non_null(ring);
	wants = (struct capture_wants){.points = 1 << CAPTURE_CLEAR | 1 << CAPTURE_ESP};
	capture_begin(&c, &wants, ring);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	free(ring);
	return 0;
}

static void add_at(enum capture_point point, const void *key, size_t len)
{
	const struct capture_record of = {.point = (uint8_t)point, .direction = SA_INBOUND, .spi = (uint32_t)len};
	const struct iovec pieces[] = {{frame, len / 2}, {frame + len / 2, len - len / 2}};

	capture_add(&c, key, &of, pieces, 2);
}

static void add(const void *key, size_t len)
{
	add_at(CAPTURE_ESP, key, len);
}

static void drop_it(const void *key, enum reason reason)
{
	assert_true(capture_choose(&c, key));
	capture_drop(&c, reason);
	capture_choose(&c, NULL);
}

/* The next record that is not taken back. */
static bool take(void)
{
	static uint8_t taken[70000];
	bool there;
	int err;

	do
		there = capture_ring_take(ring, &record, taken, sizeof(taken), &err);
	while (there && record.point == CAPTURE_NOWHERE);
	assert_int_equal(err, 0);
	return there;
}

static void assert_shown(size_t len, enum reason reason)
{
	assert_true(take());
	assert_int_equal(record.len, len);
	assert_int_equal(record.spi, len);
	assert_int_equal(record.reason, reason);
}

static void nothing_is_shown_before_it_is_known_what_became_of_it(void **unused)
{
	(void)unused;
	add("a", 100);
	add("b", 101);
	assert_false(take());
	drop_it("a", REASON_REPLAY);
	capture_publish(&c);
	assert_shown(100, REASON_REPLAY);
	assert_shown(101, REASON_COUNT);
	assert_false(take());
}

/* Who is not chosen is not dropped; nobody is, when it is all shown. */
static void a_drop_is_of_the_chosen_packet(void **unused)
{
	(void)unused;
	add("a", 100);
	capture_drop(&c, REASON_RX_FULL);
	capture_publish(&c);
	capture_drop(&c, REASON_RX_FULL);
	assert_false(capture_choose(&c, "a"));
	assert_shown(100, REASON_COUNT);
}

static void the_latest_of_a_key_is_meant(void **unused)
{
	(void)unused;
	add("a", 100);
	add("a", 101);
	drop_it("a", REASON_DUMMY);
	capture_publish(&c);
	assert_shown(100, REASON_COUNT);
	assert_shown(101, REASON_DUMMY);
}

static void what_is_forgotten_is_not_shown(void **unused)
{
	(void)unused;
	add("a", 100);
	add("b", 101);
	capture_forget(&c, "a");
	assert_false(capture_choose(&c, "a"));
	capture_publish(&c);
	assert_shown(101, REASON_COUNT);
	assert_false(take());
}

/* The room of the others is free again at once, but for what is in front of one that is wanted. */
static void of_drops_alone_nothing_else_takes_room(void **unused)
{
	(void)unused;
	wants.drops = 1;
	for (int i = 0; i < 1000; i++) {
		add("a", 60000);
		capture_publish(&c);
	}
	assert_int_equal(ring->head, 0);
	add("a", 100);
	add("b", 101);
	add("c", 102);
	drop_it("b", REASON_AUTH_FAILED);
	capture_publish(&c);
	assert_int_equal(ring->head, capture_record_size(100) + capture_record_size(101));
	assert_shown(101, REASON_AUTH_FAILED);
	assert_false(take());
	assert_int_equal(ring->lost[CAPTURE_ESP], 0);
}

static void what_nobody_wants_is_not_taken_up(void **unused)
{
	(void)unused;
	wants.points = 1 << CAPTURE_CLEAR;
	add("a", 100);
	assert_false(capture_choose(&c, "a"));
	add_at(CAPTURE_CLEAR, "a", 101);
	capture_publish(&c);
	assert_shown(101, REASON_COUNT);
}

/* It never waits for the reader, and a place that has become free is used. */
static void what_has_no_room_is_counted(void **unused)
{
	const uint64_t room = CAPTURE_RING_SIZE / capture_record_size(60000);

	(void)unused;
	for (uint64_t i = 0; i < room + 7; i++) {
		add("a", 60000);
		capture_publish(&c);
	}
	add_at(CAPTURE_CLEAR, "a", 60000);
	capture_publish(&c);
	assert_int_equal(ring->lost[CAPTURE_ESP], 7);
	assert_int_equal(ring->lost[CAPTURE_CLEAR], 1);
	for (uint64_t i = 0; i < room; i++)
		assert_shown(60000, REASON_COUNT);
	assert_false(take());
	add("a", 60000);
	capture_publish(&c);
	assert_shown(60000, REASON_COUNT);
}

/* Of what was not wanted nothing was missed. */
static void what_is_missed_was_wanted(void **unused)
{
	(void)unused;
	wants.drops = 1;
	ring->tail = ring->head - CAPTURE_RING_SIZE;
	add("a", 100);
	capture_publish(&c);
	assert_int_equal(ring->lost[CAPTURE_ESP], 0);
	add("a", 100);
	drop_it("a", REASON_REPLAY);
	capture_publish(&c);
	assert_int_equal(ring->lost[CAPTURE_ESP], 1);
}

static void a_tail_that_makes_no_sense_is_no_room(void **unused)
{
	(void)unused;
	ring->tail = 1000000;
	add("a", 100);
	capture_publish(&c);
	assert_int_equal(ring->lost[CAPTURE_ESP], 1);
	assert_int_equal(ring->head, 0);
}

static void more_than_can_be_pending_is_shown_early(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < CAPTURE_PENDING + 1; i++)
		add("a", 100);
	for (uint32_t i = 0; i < CAPTURE_PENDING; i++)
		assert_shown(100, REASON_COUNT);
	assert_false(take());
	capture_publish(&c);
	assert_shown(100, REASON_COUNT);
}

/* What comes alone is shown at once; beside others with them. */
static void what_is_dropped_without_a_word_before(void **unused)
{
	const struct capture_record of = {.point = CAPTURE_CLEAR, .spi = 90};
	const struct iovec piece = {frame, 90};

	(void)unused;
	capture_add_dropped(&c, &of, REASON_HOST_FULL, &piece, 1);
	assert_shown(90, REASON_HOST_FULL);
	add("a", 100);
	capture_add_dropped(&c, &of, REASON_HOST_FULL, &piece, 1);
	assert_false(take());
	capture_publish(&c);
	assert_shown(100, REASON_COUNT);
	assert_shown(90, REASON_HOST_FULL);
}

/* A worker was killed with packets pending: the next one goes on behind what was shown. */
static void the_next_worker_goes_on(void **unused)
{
	(void)unused;
	add("a", 100);
	capture_publish(&c);
	add("b", 101);
	capture_begin(&c, &wants, ring);
	add("c", 102);
	capture_publish(&c);
	assert_shown(100, REASON_COUNT);
	assert_shown(102, REASON_COUNT);
	assert_false(take());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_shown_before_it_is_known_what_became_of_it),
		TEST(a_drop_is_of_the_chosen_packet),
		TEST(the_latest_of_a_key_is_meant),
		TEST(what_is_forgotten_is_not_shown),
		TEST(of_drops_alone_nothing_else_takes_room),
		TEST(what_nobody_wants_is_not_taken_up),
		TEST(what_has_no_room_is_counted),
		TEST(what_is_missed_was_wanted),
		TEST(a_tail_that_makes_no_sense_is_no_room),
		TEST(more_than_can_be_pending_is_shown_early),
		TEST(what_is_dropped_without_a_word_before),
		TEST(the_next_worker_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
