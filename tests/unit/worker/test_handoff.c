/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "lane/handoff.h"
#include "vectors/random.h"

/* The largest frame of a jumbo NIC, and some. */
#define FRAME_MAX 9300
/* As many as are there when a fragment of an Ethernet MTU has come: twice around the ring. */
#define MANY 100

static struct handoff ring;

static int set_up(void **unused)
{
	(void)unused;
	return handoff_init(&ring, HANDOFF_SIZE_MIN);
}

static int tear_down(void **unused)
{
	(void)unused;
	free(ring.bytes);
	return 0;
}

/* Every byte, and the item's every field, come from the number. */
static void make(struct handoff_item *item, uint8_t *frame, uint32_t number, uint32_t len)
{
	uint64_t rnd = number;

	*item = (struct handoff_item){
		.port = number % 16, .slot = number, .generation = ~number, .l2 = 14 + 4 * (number % 3), .len = len};
	random_bytes(&rnd, frame, len);
}

static bool put(uint32_t number, uint32_t len)
{
	struct handoff_item item;
	uint8_t frame[FRAME_MAX];

	make(&item, frame, number, len);
	return handoff_put(&ring, &item, frame);
}

/* The oldest one is that number, whole. */
static void assert_oldest(uint32_t number, uint32_t len)
{
	struct handoff_item expected, item;
	uint8_t frame[FRAME_MAX], *got;

	make(&expected, frame, number, len);
	assert_true(handoff_look(&ring, &item, &got));
	assert_memory_equal(&item, &expected, sizeof(item));
	/* Not cmocka's own, whose reads ThreadSanitizer does not see. */
	assert_int_equal(memcmp(got, frame, len), 0);
}

static void assert_taken(uint32_t number, uint32_t len)
{
	assert_oldest(number, len);
	handoff_next(&ring);
}

static void assert_empty(void)
{
	struct handoff_item item;
	uint8_t *frame;

	assert_false(handoff_look(&ring, &item, &frame));
	/* There is nothing to be done with. */
	handoff_next(&ring);
	assert_false(handoff_look(&ring, &item, &frame));
}

/* ---- one thread ---- */

static void in_order(void **unused)
{
	(void)unused;
	assert_empty();
	for (uint32_t i = 0; i < 5; i++)
		assert_true(put(i, 100 + i));
	/* Looking takes nothing away. */
	assert_oldest(0, 100);
	for (uint32_t i = 0; i < 5; i++)
		assert_taken(i, 100 + i);
	assert_empty();
}

static void every_size(void **unused)
{
	(void)unused;
	for (uint32_t len = 1; len <= FRAME_MAX; len++) {
		assert_true(put(len, len));
		assert_taken(len, len);
	}
	assert_empty();
}

/* Wherever the end of the ring falls, with several of any size in it. */
static void around_the_end(void **unused)
{
	uint32_t sizes[16], put_in = 0, taken = 0;
	uint64_t rnd = 1;

	(void)unused;
	while (taken < 2000) {
		while (put_in - taken < 4) {
			const uint32_t len = 1 + (uint32_t)random_below(&rnd, FRAME_MAX);

			assert_true(put(put_in, len));
			sizes[put_in++ % 16] = len;
		}
		assert_taken(taken, sizes[taken % 16]);
		taken++;
	}
}

/* How many more there is room for. */
static uint32_t fill(uint32_t number, uint32_t len)
{
	uint32_t n = 0;

	while (put(number + n, len))
		n++;
	return n;
}

/* As many as the header says, wherever the first one lies; and one that was refused leaves no trace. */
static void full(void **unused)
{
	static const struct {
		uint32_t len, least, most;
	} frames[] = {{1514, 82, 83}, {FRAME_MAX, 13, 14}, {60, 1364, 1365}};
	const uint32_t none = 1000000;

	(void)unused;
	assert_int_equal(fill(0, 32), HANDOFF_SIZE_MIN / 64);
	for (uint32_t k = 0; k < HANDOFF_SIZE_MIN / 64; k++)
		assert_taken(k, 32);
	for (uint32_t round = 0; round < 300; round++) {
		const uint32_t i = round % 3, n = fill(0, frames[i].len);

		assert_in_range(n, frames[i].least, frames[i].most);
		assert_false(put(none, frames[i].len));
		assert_false(put(none, FRAME_MAX));
		for (uint32_t k = 0; k < n; k++)
			assert_taken(k, frames[i].len);
		assert_empty();
		/* So that the next one begins elsewhere. */
		assert_true(put(round, 1 + 31 * round % 2000));
		assert_taken(round, 1 + 31 * round % 2000);
	}
}

/* What a lane has of all others together is bounded, as long as a ring is one. */
static void sizes_by_lanes(void **unused)
{
	(void)unused;
	assert_int_equal(handoff_size(1), HANDOFF_SIZE_MAX);
	assert_int_equal(handoff_size(2), HANDOFF_SIZE_MAX);
	for (uint32_t lanes = 3; lanes <= 1024; lanes++) {
		const uint32_t size = handoff_size(lanes);

		assert_int_equal(size & (size - 1), 0);
		assert_in_range(size, HANDOFF_SIZE_MIN, HANDOFF_SIZE_MAX);
		/* As large as that allows. */
		assert_true(size == HANDOFF_SIZE_MIN || size * (lanes - 1) <= HANDOFF_SIZE_MAX);
		assert_true(size == HANDOFF_SIZE_MAX || 2 * size * (lanes - 1) > HANDOFF_SIZE_MAX);
	}
}

static void what_fits_no_ring(void **unused)
{
	static const uint32_t lengths[] = {HANDOFF_SIZE_MIN - 31, HANDOFF_SIZE_MIN, UINT32_MAX - 63, UINT32_MAX - 31,
					   UINT32_MAX};
	const uint8_t frame[1] = {0};

	(void)unused;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const struct handoff_item item = {.len = lengths[i]};

		assert_false(handoff_put(&ring, &item, frame));
	}
	assert_empty();
}

/* Positions count all bytes ever, modulo 2^32. */
static void after_four_gigabytes(void **unused)
{
	(void)unused;
	ring.head = ring.tail = 0U - 2 * HANDOFF_SIZE_MIN;
	for (uint32_t i = 0; i < 4 * MANY; i++) {
		assert_true(put(i, 1514));
		if (i >= 3)
			assert_taken(i - 3, 1514);
	}
	assert_true(ring.head < 0U - 2 * HANDOFF_SIZE_MIN);
	for (uint32_t i = 4 * MANY - 3; i < 4 * MANY; i++)
		assert_taken(i, 1514);
	assert_empty();
}

/* ---- two threads, as fast as they can ---- */

#define HANDED 20000

static uint32_t size_of_number(uint32_t number)
{
	uint64_t rnd = number;

	return 1 + (uint32_t)random_below(&rnd, number % 16 ? 200 : FRAME_MAX);
}

static void *write_all(void *unused)
{
	(void)unused;
	for (uint32_t i = 0; i < HANDED; i++)
		while (!put(i, size_of_number(i)))
			sched_yield();
	return NULL;
}

static void two_threads(void **unused)
{
	struct handoff_item item;
	pthread_t writer;
	uint8_t *frame;

	(void)unused;
	assert_int_equal(pthread_create(&writer, NULL, write_all, NULL), 0);
	for (uint32_t i = 0; i < HANDED; i++) {
		while (!handoff_look(&ring, &item, &frame))
			sched_yield();
		assert_taken(i, size_of_number(i));
	}
	pthread_join(writer, NULL);
	assert_empty();
}

#define ON_A_RING(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_RING(in_order),	      ON_A_RING(every_size),
		ON_A_RING(around_the_end),    ON_A_RING(full),
		ON_A_RING(what_fits_no_ring), ON_A_RING(after_four_gigabytes),
		ON_A_RING(two_threads),	      cmocka_unit_test(sizes_by_lanes),
	};

	return cmocka_run_group_tests_name("handoff", tests, NULL, NULL);
}
