/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/inbound.c: what the rings of a queue have to go through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inbound.h"

#define RING   RING_SIZE
#define FRAMES 100

/* Other queues had all frames, and now they are free again: nothing can come to this one before it gets some. */
static void a_queue_that_ran_dry_gets_frames(void **state)
{
	static uint64_t addrs[RING], frames[FRAMES];
	uint32_t rx_produced = 0, rx_consumed = 0, produced = 0, consumed = 0, flags = 0;
	struct port_queue port = {
		.q.umem = {.frame_size = 2048, .spans_at = 2048 * FRAMES, .free_frames = frames},
		.q.rings.rx = {.producer = &rx_produced, .consumer = &rx_consumed, .mask = RING - 1, .size = RING},
		.q.rings.fill = {.producer = &produced,
				 .consumer = &consumed,
				 .ring = addrs,
				 .mask = RING - 1,
				 .size = RING,
				 .flags = &flags,
				 .cached_cons = RING},
	};

	(void)state;
	assert_int_equal(inbound_run(&port), 0);
	assert_int_equal(produced, 0);
	for (uint64_t i = 0; i < FRAMES; i++)
		umem_give(&port.q.umem, i * 2048);
	assert_int_equal(inbound_run(&port), 0);
	assert_int_equal(produced, FRAMES);
	assert_int_equal(port.q.umem.free_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_that_ran_dry_gets_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
