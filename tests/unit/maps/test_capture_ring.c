/* SPDX-License-Identifier: BSD-2-Clause */
/* maps/capture_ring.c: what the reader takes of a ring that a process has written that reads the network. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "maps/capture_ring.h"

static struct capture_memory *memory;
static struct capture_ring *ring;
static uint8_t frame[CAPTURE_RING_SIZE];
static struct capture_record record;
static int err;

static int set_up(void **unused)
{
	const struct capture_wants wants = {.points = 3};
	const int fd = capture_memory_make(&wants);

	(void)unused;
	assert_true(fd >= 0);
	memory = capture_memory_map(fd, 1);
	close(fd);
	assert_non_null(memory);
	ring = memory->rings;
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	capture_memory_unmap(memory, 1);
	return 0;
}

static void put(uint32_t len, uint8_t byte)
{
	const struct capture_record r = {.len = len, .caplen = len, .reason = REASON_COUNT};
	uint8_t *bytes = memset(frame, byte, len);

	capture_ring_write(ring, ring->head, &r, sizeof(r));
	capture_ring_write(ring, ring->head + sizeof(r), bytes, len);
	ring->head += capture_record_size(len);
}

static void assert_taken(uint32_t len, uint8_t byte)
{
	assert_true(capture_ring_take(ring, &record, frame, sizeof(frame), &err));
	assert_int_equal(record.caplen, len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(frame[i], byte);
}

static void assert_nothing(int error)
{
	assert_false(capture_ring_take(ring, &record, frame, sizeof(frame), &err));
	assert_int_equal(err, error);
	assert_int_equal(ring->tail, ring->head);
}

/* Also those that go on at the ring's beginning. */
static void records_come_in_their_order_round_and_round(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 3 * CAPTURE_RING_SIZE / 60000; i++) {
		put(60000, (uint8_t)i);
		put(i, (uint8_t)~i);
		assert_taken(60000, (uint8_t)i);
		assert_taken(i, (uint8_t)~i);
		assert_nothing(0);
	}
	assert_true(ring->head > 2ULL * CAPTURE_RING_SIZE);
}

static void a_frame_that_is_too_long_is_cut(void **unused)
{
	(void)unused;
	put(1000, 7);
	put(10, 8);
	assert_true(capture_ring_take(ring, &record, frame, 100, &err));
	assert_int_equal(record.caplen, 100);
	assert_int_equal(record.len, 1000);
	assert_taken(10, 8);
}

/* A head that has run away, or is between two records. */
static void nonsense_for_a_head_is_passed_over(void **unused)
{
	(void)unused;
	ring->head = CAPTURE_RING_SIZE + sizeof(record);
	assert_nothing(-EBADMSG);
	put(100, 1);
	assert_taken(100, 1);
	ring->head += 1;
	assert_nothing(-EBADMSG);
}

static void put_nonsense(const struct capture_record *r)
{
	capture_ring_write(ring, ring->head, r, sizeof(*r));
	ring->head += sizeof(*r);
	assert_nothing(-EBADMSG);
	put(5, 5);
	assert_taken(5, 5);
}

static void nonsense_for_a_record_is_passed_over(void **unused)
{
	(void)unused;
	put_nonsense(&(struct capture_record){.len = 1, .caplen = 1});
	put_nonsense(&(struct capture_record){.len = UINT32_MAX, .caplen = UINT32_MAX});
	put_nonsense(&(struct capture_record){.len = UINT32_MAX, .caplen = UINT32_MAX - 31});
	put_nonsense(&(struct capture_record){.len = 0, .caplen = 1});
	put_nonsense(&(struct capture_record){.point = CAPTURE_NOWHERE + 1});
	put_nonsense(&(struct capture_record){.reason = REASON_COUNT + 1});
}

/* Who has it mapped is not ended by who shortens it. */
static void the_memory_keeps_its_size(void **unused)
{
	const struct capture_wants wants = {.points = 1};
	const int fd = capture_memory_make(&wants);

	(void)unused;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_come_in_their_order_round_and_round), TEST(a_frame_that_is_too_long_is_cut),
		TEST(nonsense_for_a_head_is_passed_over),	   TEST(nonsense_for_a_record_is_passed_over),
		cmocka_unit_test(the_memory_keeps_its_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
