/* SPDX-License-Identifier: BSD-2-Clause */
/* Who hears events over a socket: nobody waits for one that does not read, and what it misses is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "events/event_text.h"
#include "events/feed.h"
#include "lib/channel.h"

static struct event_base *base;
static struct feed feed;
static int ends[2]; /* the reader's, the feed's */
static struct feed_reader *reader;

static int make_feed(void **unused)
{
	struct fault f;

	(void)unused;
	base = event_base_new();
	feed_init(&feed, base, "test");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) < 0)
		return -1;
	return feed_join(&feed, ends[1], &reader, &f);
}

static int free_feed(void **unused)
{
	(void)unused;
	feed_stop(&feed);
	event_base_free(base);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void tell(unsigned n)
{
	cJSON *values = cJSON_CreateObject(), *event;

	cJSON_AddNumberToObject(values, "n", n);
	event = happening_new(KIND_RELOADED, "test", NULL, values);
	feed_send(&feed, event);
	cJSON_Delete(event);
}

/* The next event; NULL: there is none. */
static cJSON *hear(void)
{
	cJSON *event;
	int fd;

	return channel_receive(ends[0], &event, &fd) ? NULL : event;
}

static void test_each_is_heard(void **unused)
{
	(void)unused;
	assert_true(feed_has_readers(&feed));
	for (unsigned n = 0; n < 3; n++)
		tell(n);
	for (unsigned n = 0; n < 3; n++) {
		cJSON *event = hear();

		assert_int_equal(json_number(event, "n"), n);
		assert_string_equal(json_text(event, "event"), "reloaded");
		cJSON_Delete(event);
	}
	assert_null(hear());
}

/* Those that came before it was full are there in their order, then how many were missed, then what came since. */
static void test_what_is_missed_is_counted(void **unused)
{
	unsigned told = 0, heard = 0;
	cJSON *event;

	(void)unused;
	while (!reader->missed)
		tell(told++);
	for (unsigned i = 0; i < 10; i++)
		tell(told++);
	while ((event = hear())) {
		assert_int_equal(json_number(event, "n"), heard++);
		cJSON_Delete(event);
	}
	assert_int_equal(heard, told - 11);
	/* Without another event. */
	event_base_loop(base, EVLOOP_NONBLOCK);
	event = hear();
	assert_non_null(event);
	assert_string_equal(json_text(event, "event"), "missed");
	assert_int_equal(json_number(event, "count"), 11);
	cJSON_Delete(event);
	tell(77);
	event = hear();
	assert_int_equal(json_number(event, "n"), 77);
	cJSON_Delete(event);
	assert_null(hear());
}

/* It reads a little, and is full again: what it is told it has missed comes where it was missed. */
static void test_missed_goes_in_front(void **unused)
{
	cJSON *event;

	(void)unused;
	for (unsigned n = 0; !reader->missed; n++)
		tell(n);
	for (unsigned i = 0; i < 20; i++)
		cJSON_Delete(hear());
	tell(99999);
	do {
		event = hear();
		assert_non_null(event);
		assert_int_not_equal(json_number(event, "n"), 99999);
		if (strcmp(json_text(event, "event"), "missed") == 0)
			break;
		cJSON_Delete(event);
	} while (true);
	cJSON_Delete(event);
	event = hear();
	assert_int_equal(json_number(event, "n"), 99999);
	cJSON_Delete(event);
}

static void test_one_that_is_gone(void **unused)
{
	(void)unused;
	close(ends[0]);
	tell(1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	feed_leave(reader);
	assert_false(feed_has_readers(&feed));
	tell(2);
	ends[0] = dup(ends[1]);
}

static void test_not_too_many(void **unused)
{
	struct feed_reader *more[FEED_READERS_MAX];
	struct fault f;

	(void)unused;
	for (unsigned i = 0; i < FEED_READERS_MAX - 1; i++)
		assert_int_equal(feed_join(&feed, ends[1], &more[i], &f), 0);
	assert_int_equal(feed_join(&feed, ends[1], &more[15], &f), -EBUSY);
	feed_leave(more[3]);
	assert_int_equal(feed_join(&feed, ends[1], &more[15], &f), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_feed, free_feed)
	const struct CMUnitTest tests[] = {
		TEST(test_each_is_heard),	 TEST(test_what_is_missed_is_counted),
		TEST(test_missed_goes_in_front), TEST(test_one_that_is_gone),
		TEST(test_not_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
