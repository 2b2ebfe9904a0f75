/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/nic/umem.c and worker/nic/packet_file.c: what one worker leaves, and the next one takes it for. */
#define _GNU_SOURCE
#include "packet_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RING  256
#define MTU   1500
#define JUMBO 9000

static struct packet_file file;
static struct umem u, next;

static struct umem_place begin(uint32_t ring, uint32_t mtu)
{
	packet_file_unmap(&file);
	packet_file_begin(&file, &u, ring, mtu);
	return packet_file_place(&file, 0);
}

static int end(void **unused)
{
	(void)unused;
	packet_file_unmap(&file);
	return 0;
}

/* Each of what is left comes once, and nothing else. */
static void assert_pool(const uint64_t *gone, uint32_t count)
{
	const uint32_t frames = (uint32_t)(next.spans_at / next.frame_size);
	uint8_t *seen = calloc(frames, 1);
	uint64_t addr;

	while ((addr = umem_take(&next)) != UINT64_MAX)
		seen[addr / next.frame_size]++;
	for (uint32_t i = 0; i < count; i++)
		seen[gone[i] / next.frame_size]++;
	for (uint32_t i = 0; i < frames; i++)
		assert_int_equal(seen[i], 1);
	free(seen);
}

static void frames_go_on(void **unused)
{
	const struct umem_place place = begin(RING, MTU);
	uint64_t gone[3];
	uint32_t outstanding;

	(void)unused;
	for (int i = 0; i < 3; i++)
		gone[i] = umem_take(&u);
	memset(umem_data(&u, gone[1]), 0x5a, 100);
	umem_leave(&u, 2);
	assert_true(umem_resume(&next, &place, &outstanding));
	assert_int_equal(outstanding, 2);
	assert_int_equal(next.free_count, packet_frames(RING) - 3);
	assert_int_equal(umem_data(&next, gone[1])[99], 0x5a);
	assert_pool(gone, 3);
}

/* A span of two descriptors that is in the kernel's hands is free when the second has come back. */
static void spans_go_on(void **unused)
{
	const struct umem_place place = begin(RING_SIZE_MIN_JUMBO, JUMBO);
	uint32_t outstanding, free_spans;
	const uint64_t span = umem_take_span(&u, 0);

	(void)unused;
	umem_split_span(&u, span, 2);
	umem_leave(&u, 2);
	assert_true(umem_resume(&next, &place, &outstanding));
	free_spans = next.free_span_count;
	assert_int_equal(free_spans, packet_spans(RING_SIZE_MIN_JUMBO) - 1);
	umem_give(&next, span);
	assert_int_equal(next.free_span_count, free_spans);
	umem_give(&next, span + next.frame_size);
	assert_int_equal(next.free_span_count, free_spans + 1);
	assert_pool(NULL, 0);
}

/* Whoever was killed has left nothing, and what was left is taken once. */
static void nothing_is_left(void **unused)
{
	const struct umem_place place = begin(RING, MTU);
	uint32_t outstanding;

	(void)unused;
	assert_false(umem_resume(&next, &place, &outstanding));
	umem_leave(&u, 0);
	assert_true(umem_resume(&next, &place, &outstanding));
	assert_false(umem_resume(&next, &place, &outstanding));
}

/* The file is the loader's, but written by a worker that may have been broken into. */
static void a_book_that_lies(void **unused)
{
	struct umem_place place = begin(RING, MTU);
	struct packet_book *book = place.book;
	uint32_t outstanding;

	(void)unused;
	for (int lie = 0; lie < 7; lie++) {
		umem_create(&u, &place);
		umem_leave(&u, 0);
		if (lie == 0)
			book->ring *= 2;
		else if (lie == 1)
			book->mtu = JUMBO;
		else if (lie == 2)
			book->free_frames++;
		else if (lie == 3)
			book->free_spans = 1;
		else if (lie == 4)
			book->outstanding = RING + 1;
		else if (lie == 5)
			book->free[7] += 1;
		else
			book->free[packet_frames(RING) - 1] = u.spans_at;
		assert_false(umem_resume(&next, &place, &outstanding));
	}
	place = begin(RING_SIZE_MIN_JUMBO, JUMBO);
	umem_leave(&u, 0);
	u.free_spans[0] = packet_spans(RING_SIZE_MIN_JUMBO);
	assert_false(umem_resume(&next, &place, &outstanding));
}

static void a_file_that_is_too_short(void **unused)
{
	const int fd = packet_file_fd(RING, MTU);
	struct fault f;

	(void)unused;
	assert_int_equal(ftruncate(fd, (off_t)packet_file_size(1, RING, MTU) - 1), 0);
	assert_int_equal(packet_file_map(&file, fd, 1, RING, MTU, &f), -EINVAL);
	assert_null(file.base);
}

/* No queue's frames or book are in another's. */
static void queues_are_apart(void **unused)
{
	const uint32_t queues = 3;
	const int fd = memfd_create("packets", MFD_CLOEXEC);
	const size_t size = packet_file_size(queues, RING, MTU);
	uint8_t *at;

	(void)unused;
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(packet_file_map(&file, fd, queues, RING, MTU, NULL), 0);
	at = file.base;
	for (uint32_t q = 0; q < queues; q++) {
		assert_true(packet_file_place(&file, q).area >= at);
		assert_int_equal((uintptr_t)packet_file_place(&file, q).area % PACKET_HUGE_PAGE, 0);
		at = packet_file_place(&file, q).area + packet_memory(RING, MTU);
	}
	for (uint32_t q = 0; q < queues; q++) {
		assert_true((uint8_t *)packet_file_place(&file, q).book >= at);
		at = (uint8_t *)packet_file_place(&file, q).book + packet_book_size(RING);
	}
	assert_true(at <= file.base + size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_go_on),
		cmocka_unit_test(spans_go_on),
		cmocka_unit_test(nothing_is_left),
		cmocka_unit_test(a_book_that_lies),
		cmocka_unit_test(a_file_that_is_too_short),
		cmocka_unit_test(queues_are_apart),
	};

	return cmocka_run_group_tests_name("umem", tests, NULL, end);
}
