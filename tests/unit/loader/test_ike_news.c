/* SPDX-License-Identifier: BSD-2-Clause */
/* An IKE that does not read: nobody waits for it, and it hears of every limit that an SA has passed when it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/ike_news.h"
#include "lib/channel.h"
#include "lib/clock.h"
#include "lib/json.h"

#define SLOTS	    120
#define CONNECTIONS 200

static int ends[2];
static struct ike_process ike;
static struct maps maps = {.slots = SLOTS};
static struct ike_news news;

static int begin(void **unused)
{
	(void)unused;
	maps.sa = calloc(SLOTS, sizeof(*maps.sa));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0 || !maps.sa)
		return -1;
	ike = (struct ike_process){.control = ends[0], .child.pid = 1};
	news = (struct ike_news){.ike = &ike, .maps = &maps, .base = event_base_new()};
	return 0;
}

static int end(void **unused)
{
	(void)unused;
	event_base_free(news.base);
	close(ends[0]);
	close(ends[1]);
	free(maps.sa);
	return 0;
}

static void fill(void)
{
	while (channel_wait(ends[0], CHANNEL_WRITABLE, 0) == 0)
		assert_int_equal(send(ends[0], "{}", 2, 0), 2);
}

/* How many limits it reads, each of which is to be of another slot; hard: how many of them are. */
static unsigned read_limits(unsigned *hard)
{
	static bool told[SLOTS];
	unsigned count = 0;

	while (channel_wait(ends[1], CHANNEL_READABLE, 0) == 0) {
		cJSON *message;
		int fd;

		assert_int_equal(channel_receive(ends[1], &message, &fd), 0);
		if (json_text(message, "command")) {
			const unsigned slot = (unsigned)json_number(message, "slot");

			assert_string_equal(json_text(message, "command"), "limit");
			assert_true(slot < SLOTS && !told[slot]);
			told[slot] = true;
			*hard += cJSON_IsTrue(json_item(message, "hard"));
			count++;
		}
		cJSON_Delete(message);
	}
	return count;
}

static void pass_limit(uint32_t slot, uint32_t type, uint32_t bit)
{
	const struct event e = {.type = type, .slot = slot, .generation = 1};

	maps.sa[slot].generation = 1;
	maps.sa[slot].owner = OWNER_IKE;
	maps.sa[slot].raised = bit;
	assert_false(ike_news_event(&news, &e));
}

static void told_when_it_reads_again(void **unused)
{
	const uint64_t before = clock_now();
	unsigned told = 0, hard = 0;

	(void)unused;
	fill();
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		pass_limit(slot, slot % 2 ? EVENT_HARD_LIMIT : EVENT_SOFT_LIMIT,
			   slot % 2 ? SA_RAISED_HARD : SA_RAISED_SOFT);
	assert_true(clock_now() - before < 1000000000);
	assert_true(news.behind);
	/* These are over meanwhile, and one is another's. */
	for (uint32_t slot = 0; slot < 10; slot++)
		maps.sa[slot].generation++;
	maps.sa[10].owner = OWNER_MANUAL;
	for (int turns = 0; news.behind && turns < 20; turns++) {
		told += read_limits(&hard);
		event_base_loop(news.base, EVLOOP_ONCE);
	}
	told += read_limits(&hard);
	assert_int_equal(told, SLOTS - 11);
	assert_int_equal(hard, SLOTS / 2 - 5);
}

/* Each local address of a connection: how often it was told to be there, and not to be. */
static unsigned told_there[CONNECTIONS], told_gone[CONNECTIONS];

static void read_addresses(void)
{
	while (channel_wait(ends[1], CHANNEL_READABLE, 0) == 0) {
		cJSON *message;
		unsigned n;
		int fd;

		assert_int_equal(channel_receive(ends[1], &message, &fd), 0);
		if (json_text(message, "addr") && sscanf(json_text(message, "addr"), "10.7.%u.", &n) == 1)
			(cJSON_IsTrue(json_item(message, "present")) ? told_there : told_gone)[n]++;
		cJSON_Delete(message);
	}
}

/* However many come and go meanwhile, nobody waits; then it hears of each what is so by then. */
static void addresses_when_it_reads_again(void **unused)
{
	static struct connection_config connections[CONNECTIONS];
	struct config config = {.connections = connections, .connection_count = CONNECTIONS};
	const uint64_t before = clock_now();

	(void)unused;
	ike.config = &config;
	for (uint8_t i = 0; i < CONNECTIONS; i++)
		memcpy(connections[i].local, (uint8_t[]){10, 7, i, 1}, 4);
	fill();
	for (unsigned i = 0; i < 10000; i++)
		ike_news_address(&news, connections[i % CONNECTIONS].local, i % 2);
	ike_news_addresses_lost(&news);
	ike_news_dead(&news, "core");
	assert_true(clock_now() - before < 1000000000);
	assert_true(news.behind);
	for (int turns = 0; news.behind && turns < 50; turns++) {
		read_addresses();
		event_base_loop(news.base, EVLOOP_ONCE);
	}
	read_addresses();
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		assert_int_equal(told_there[i], 0);
		assert_int_equal(told_gone[i], 1);
	}
}

/* The next one makes all SAs anew. */
static void nobody_is_told_when_there_is_none(void **unused)
{
	(void)unused;
	ike.child.pid = 0;
	fill();
	pass_limit(0, EVENT_SOFT_LIMIT, SA_RAISED_SOFT);
	assert_false(news.behind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(told_when_it_reads_again, begin, end),
		cmocka_unit_test_setup_teardown(addresses_when_it_reads_again, begin, end),
		cmocka_unit_test_setup_teardown(nobody_is_told_when_there_is_none, begin, end),
	};

	return cmocka_run_group_tests_name("what IKE is told", tests, NULL, NULL);
}
