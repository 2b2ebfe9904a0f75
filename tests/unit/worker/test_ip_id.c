/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "packet/ip_id.h"

#define ALL 65536

static const uint8_t peer[4] = {192, 0, 2, 1}, other[4] = {192, 0, 2, 2};
static uint16_t ids_of_peer[2 * ALL], ids_of_other[2 * ALL];

static struct ip_ids fresh(void)
{
	struct ip_ids ids;

	assert_int_equal(ip_id_init(&ids, NULL), 0);
	return ids;
}

static void fill(uint16_t *to, struct ip_ids ids, const uint8_t dst[4])
{
	for (uint32_t i = 0; i < 2 * ALL; i++)
		to[i] = ip_id_next(&ids, dst);
}

/* How often two sequences have the same ID in the same place: by chance once in 65,536. */
static uint32_t meetings(const uint16_t *a, const uint16_t *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ALL; i++)
		n += a[i] == b[i];
	return n;
}

/* Wherever one begins to count, 65,536 datagrams have as many IDs. */
static void none_comes_again_before_all_have(void **unused)
{
	static uint32_t last[ALL];

	(void)unused;
	memset(last, 0, sizeof(last));
	fill(ids_of_peer, fresh(), peer);
	for (uint32_t i = 0; i < 2 * ALL; i++) {
		assert_true(!last[ids_of_peer[i]] || i + 1 - last[ids_of_peer[i]] >= ALL);
		last[ids_of_peer[i]] = i + 1;
	}
	for (uint32_t i = 0; i < ALL; i++)
		assert_true(last[i] > ALL);
}

/* Also when datagrams to others go in between, as long as they are fewer than that in all. */
static void destinations_share_the_counter(void **unused)
{
	static uint8_t seen[ALL];
	struct ip_ids ids = fresh();

	(void)unused;
	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < ALL; i++) {
		const uint16_t id = ip_id_next(&ids, i % 3 ? peer : other);

		assert_true(i % 3 == 0 || !seen[id]++);
	}
}

/* What one sees tells nothing of what goes to another, nor of another key. */
static void destinations_and_keys_have_nothing_in_common(void **unused)
{
	const struct ip_ids ids = fresh();

	(void)unused;
	fill(ids_of_peer, ids, peer);
	fill(ids_of_other, ids, other);
	assert_in_range(meetings(ids_of_peer, ids_of_other), 0, 20);
	fill(ids_of_other, fresh(), peer);
	assert_in_range(meetings(ids_of_peer, ids_of_other), 0, 20);
}

/* From one to the next every difference is as likely as any other, and every bit changes half of the time. */
static void the_next_cannot_be_told(void **unused)
{
	static uint32_t times[ALL];
	uint32_t changes[16] = {0};

	(void)unused;
	memset(times, 0, sizeof(times));
	fill(ids_of_peer, fresh(), peer);
	for (uint32_t i = 0; i < ALL; i++) {
		const uint16_t from = ids_of_peer[i], to = ids_of_peer[i + 1];

		times[(uint16_t)(to - from)]++;
		for (int bit = 0; bit < 16; bit++)
			changes[bit] += (from ^ to) >> bit & 1;
	}
	for (uint32_t i = 0; i < ALL; i++)
		assert_in_range(times[i], 0, 20);
	for (int bit = 0; bit < 16; bit++)
		assert_in_range(changes[bit], ALL / 2 - ALL / 50, ALL / 2 + ALL / 50);
}

/* ---- lanes ---- */

#define LANES 4

static struct ip_ids shared;
static uint8_t given[ALL]; /* times */

/* Some lanes have more to send than others. */
static void *send(void *arg)
{
	for (uint32_t n = (uint32_t)(uintptr_t)arg; n; n--)
		__atomic_add_fetch(&given[ip_id_next(&shared, peer)], 1, __ATOMIC_RELAXED);
	return NULL;
}

/* However datagrams are shared out, 65,536 of them have as many IDs. */
static void none_comes_again_on_another_lane(void **unused)
{
	static const uint32_t datagrams[LANES] = {ALL / 2, ALL / 4, ALL / 4 - 1, 1};
	pthread_t threads[LANES];

	(void)unused;
	shared = fresh();
	for (int i = 0; i < LANES; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send, (void *)(uintptr_t)datagrams[i]), 0);
	for (int i = 0; i < LANES; i++)
		pthread_join(threads[i], NULL);
	for (uint32_t id = 0; id < ALL; id++)
		assert_int_equal(given[id], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_comes_again_before_all_have),
		cmocka_unit_test(destinations_share_the_counter),
		cmocka_unit_test(destinations_and_keys_have_nothing_in_common),
		cmocka_unit_test(the_next_cannot_be_told),
		cmocka_unit_test(none_comes_again_on_another_lane),
	};

	return cmocka_run_group_tests_name("ip_id", tests, NULL, NULL);
}
