/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring that is filled faster than it is read, in place of libbpf's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <bpf/libbpf.h>
#include <cmocka.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/datapath_events.h"

#define ENDLESS 100000

static ring_buffer_sample_fn take;
static void *take_arg;
static int readable;
static unsigned taken;
static bool handled = true;

struct ring_buffer *ring_buffer__new(int fd, ring_buffer_sample_fn fn, void *arg, const struct ring_buffer_opts *opts)
{
	(void)fd;
	(void)opts;
	take = fn;
	take_arg = arg;
	return (struct ring_buffer *)&take;
}

int ring_buffer__epoll_fd(const struct ring_buffer *ring)
{
	(void)ring;
	return readable;
}

int ring_buffer__consume(struct ring_buffer *ring)
{
	struct event e = {.type = EVENT_ACQUIRE};
	int err = 0;

	(void)ring;
	while (!err && taken < ENDLESS)
		err = take(take_arg, &e, sizeof(e));
	return err;
}

void ring_buffer__free(struct ring_buffer *ring)
{
	(void)ring;
}

static bool on_event(void *arg, const struct event *e)
{
	(void)arg;
	(void)e;
	taken++;
	return handled;
}

/* The loop gets to the others, and comes back for the rest. */
static void test_flood(void **unused)
{
	struct event_base *base = event_base_new();
	struct datapath_events events = {.on_event = on_event};
	const struct maps maps = {0};
	unsigned first;

	(void)unused;
	readable = eventfd(1, 0);
	assert_int_equal(datapath_events_start(&events, base, &maps, NULL), 0);
	event_base_loop(base, EVLOOP_ONCE);
	first = taken;
	assert_in_range(first, 1, 1000);
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(taken, 2 * first);
	datapath_events_stop(&events);
	event_base_free(base);
	close(readable);
}

/* A lane that wants an SA of its own is nobody's business but IKE's: its packet has gone out. */
static void test_lane(void **unused)
{
	struct event_base *base = event_base_new();
	struct datapath_events events = {.on_event = on_event};
	struct event e = {.type = EVENT_ACQUIRE, .lane = 1};
	const struct maps maps = {0};

	(void)unused;
	readable = eventfd(0, 0);
	assert_int_equal(datapath_events_start(&events, base, &maps, NULL), 0);
	handled = false;
	taken = 0;
	events.budget = 3;
	take(take_arg, &e, sizeof(e));
	assert_int_equal(taken, 1);
	assert_int_equal(events.limit.lines, 0);
	e.lane = 0;
	take(take_arg, &e, sizeof(e));
	assert_int_equal(taken, 2);
	assert_int_equal(events.limit.lines, 1);
	datapath_events_stop(&events);
	event_base_free(base);
	close(readable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_lane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
