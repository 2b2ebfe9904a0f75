/* SPDX-License-Identifier: BSD-2-Clause */
/* attach/steering.c and steering_record.c: what a NIC could do, and what has to be put back on it. */
#include "steered_nic.h"

/* ---- the forecast ---- */

static void assert_forecast(enum steering_wish wish, enum port_steering expected, bool maybe)
{
	struct steering_forecast forecast;

	nic->config.steering = wish;
	forecast = steering_look(&nic->config, &nic->dev);
	assert_int_equal(forecast.steering, expected);
	assert_int_equal(forecast.maybe, maybe);
	assert_int_equal(fake.hash_sets, 0);
	assert_int_equal(count_rules(), 0);
}

static void test_forecast(void **unused)
{
	(void)unused;
	assert_forecast(STEER_AUTO, STEERING_ADDRESSES, false);
	assert_forecast(STEER_NTUPLE, STEERING_NTUPLE, true);
	fake.flags = ETH_FLAG_NTUPLE;
	assert_forecast(STEER_AUTO, STEERING_NTUPLE, true);
	driver_knows(ESP_V4_FLOW, SPI);
	assert_forecast(STEER_AUTO, STEERING_RSS, true);
	assert_forecast(STEER_OFF, STEERING_ADDRESSES, false);
	fake.hash[ESP_V4_FLOW] |= SPI;
	assert_forecast(STEER_AUTO, STEERING_RSS, false);
	assert_forecast(STEER_OFF, STEERING_RSS, false);
	nic->config.queues = 1;
	assert_forecast(STEER_AUTO, STEERING_ONE_QUEUE, false);
}

/* ---- the record ---- */

static void test_record(void **unused)
{
	static struct steering_record wrote, read;
	const struct steering_place at = {run_dir, DEV, DEV};
	struct fault f;

	(void)unused;
	wrote = (struct steering_record){
		.ifindex = 7,
		.hash_kind = AH_ESP_V4_FLOW,
		.hash_before = 0x8000000000000001,
		.hash_ours = 0xffffffffffffffff,
		.rules_were_off = true,
		.spi_count = STEERING_RULES_MAX,
	};
	for (uint32_t i = 0; i < STEERING_RULES_MAX; i++)
		wrote.spis[i] = 0xffffffff - i;
	assert_int_equal(steering_record_write(&at, &wrote, &f), 0);
	assert_true(steering_record_read(&at, &read));
	assert_memory_equal(&wrote, &read, sizeof(wrote));
}

static void test_record_that_is_none(void **unused)
{
	static struct steering_record read;
	const struct steering_place at = {run_dir, DEV, DEV};
	char path[128];
	FILE *file;

	(void)unused;
	snprintf(path, sizeof(path), "%s/steering:" DEV, run_dir);
	file = fopen(path, "w");
	fprintf(file, "hash 10 before\nifindex\n\nspi\n%0*d\n", 4000, 0);
	for (int i = 0; i < 2 * STEERING_RULES_MAX; i++)
		fprintf(file, "spi 0x%x\n", i);
	fclose(file);
	steering_record_read(&at, &read);
	assert_int_equal(read.spi_count, STEERING_RULES_MAX);
	detach();
	assert_int_equal(fake.hash_sets, 0);
	assert_false(has_record());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_forecast),
		TEST(test_record),
		TEST(test_record_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
