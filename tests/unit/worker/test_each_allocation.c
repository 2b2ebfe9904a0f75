/* SPDX-License-Identifier: BSD-2-Clause */
/* What a queue of a NIC takes of memory in both directions, with each allocation failing once: all of it, or an error.
 */
#define _GNU_SOURCE
#include "lanes.h"

#include <stdlib.h>
#include <string.h>

#include "in/fragments_in.h"
#include "out/outbound.h"
#include "unit/failing_memory.h"

static const struct port shared = {.name = "nic0"};
static struct lane lane;

static bool open_queue(void)
{
	struct port_queue p = {.lane = &lane, .shared = &shared, .host.reads = true, .express.reads = true};
	struct fault f = {""};
	bool failed;
	int err = inbound_init(&p, NULL, &f);

	if (!err)
		err = outbound_init(&p, &f);
	failed = memory_is_back();
	assert_int_equal(failed, err == -ENOMEM);
	if (failed)
		assert_true(strncmp(f.text, "nic0: ", 6) == 0 || strstr(f.text, "bytes"));
	fragments_in_free(p.fragments);
	inbound_free(&p);
	outbound_free(&p);
	return failed;
}

static void test_queue(void **unused)
{
	(void)unused;
	assert_true(memory_fails_each(open_queue) > 7);
}

/* What another queue of the NIC has made stays known, or nobody would free it. */
static void fragments_of_another_queue_are_kept(void **unused)
{
	struct fragments_in others = {.whole = NULL};
	struct port_queue p = {.lane = &lane, .shared = &shared};
	struct fault f = {""};

	(void)unused;
	memory_fails_in = 1;
	assert_int_equal(inbound_init(&p, &others, &f), -ENOMEM);
	assert_true(memory_is_back());
	assert_ptr_equal(p.fragments, &others);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue),
		cmocka_unit_test(fragments_of_another_queue_are_kept),
	};

	return cmocka_run_group_tests_name("each allocation of a queue", tests, NULL, NULL);
}
