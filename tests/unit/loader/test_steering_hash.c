/* SPDX-License-Identifier: BSD-2-Clause */
/* attach/steering_hash.c: RSS by SPI, where the driver can be told to hash it. */
#include "steered_nic.h"

static void test_hash_of_esp(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, SPI);
	assert_int_equal(attach(STEER_AUTO), STEERING_RSS);
	assert_int_equal(fake.hash[ESP_V4_FLOW], BEFORE | SPI);
	assert_int_equal(fake.hash[TCP_V4_FLOW], BEFORE);
	detach();
	assert_int_equal(fake.hash[ESP_V4_FLOW], BEFORE);
	assert_false(has_record());
}

static void test_hash_of_esp_and_ah(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, 0);
	driver_knows(AH_ESP_V4_FLOW, SPI);
	assert_int_equal(attach(STEER_AUTO), STEERING_RSS);
	assert_int_equal(fake.hash[ESP_V4_FLOW], BEFORE);
	assert_int_equal(fake.hash[AH_ESP_V4_FLOW], BEFORE | SPI);
	detach();
	assert_int_equal(fake.hash[AH_ESP_V4_FLOW], BEFORE);
}

static void test_driver_cannot(void **unused)
{
	(void)unused;
	fake.no_rules = true;
	assert_int_equal(attach(STEER_AUTO), STEERING_ADDRESSES);
	assert_int_equal(attach(STEER_RSS), STEERING_ADDRESSES);
	assert_int_equal(attach(STEER_NTUPLE), STEERING_ADDRESSES);
	assert_int_equal(fake.hash_sets, 0);
	assert_int_equal(fake.flags, 0);
	assert_false(has_record());
}

/* As it was before, and nothing to be put back later. */
static void assert_untouched(void)
{
	assert_int_equal(fake.hash[ESP_V4_FLOW], BEFORE);
	assert_int_equal(fake.hash[TCP_V4_FLOW], BEFORE);
	assert_false(has_record());
}

static void test_driver_refuses(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, SPI);
	fake.hash_error = -EIO;
	assert_int_equal(attach(STEER_AUTO), STEERING_ADDRESSES);
	assert_int_equal(fake.hash_sets, 1);
	assert_untouched();
}

static void test_driver_does_half(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, SPI);
	fake.hash_half = true;
	assert_int_equal(attach(STEER_RSS), STEERING_ADDRESSES);
	assert_int_equal(fake.hash_sets, 2);
	assert_untouched();
}

static void test_driver_does_more(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, SPI);
	fake.hash_global = true;
	assert_int_equal(attach(STEER_RSS), STEERING_ADDRESSES);
	assert_int_equal(fake.hash_sets, 2);
	assert_untouched();
}

/* Without a record nobody could put it back. */
static void test_no_record_no_change(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, SPI);
	fake.flags = ETH_FLAG_NTUPLE;
	nics.run_dir = "/nonexistent";
	assert_int_equal(attach(STEER_AUTO), STEERING_ADDRESSES);
	assert_int_equal(attach(STEER_NTUPLE), STEERING_ADDRESSES);
	assert_int_equal(fake.hash_sets, 0);
	assert_int_equal(count_rules(), 0);
}

/* RSS is off, or packets are thrown away: that is somebody's wish. */
static void test_what_is_not_hashed(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, SPI);
	fake.hash[ESP_V4_FLOW] = 0;
	assert_int_equal(attach(STEER_AUTO), STEERING_ADDRESSES);
	fake.hash[ESP_V4_FLOW] = BEFORE | RX_HASH_DISCARD;
	assert_int_equal(attach(STEER_AUTO), STEERING_ADDRESSES);
	assert_int_equal(fake.hash_sets, 0);
}

static void test_nothing_to_do(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, SPI);
	nic->config.queues = 1;
	assert_int_equal(attach(STEER_AUTO), STEERING_ONE_QUEUE);
	nic->config.queues = QUEUES;
	assert_int_equal(attach(STEER_OFF), STEERING_ADDRESSES);
	fake.hash[ESP_V4_FLOW] = BEFORE | SPI;
	assert_int_equal(attach(STEER_AUTO), STEERING_RSS);
	assert_int_equal(attach(STEER_OFF), STEERING_RSS);
	assert_int_equal(fake.hash_sets, 0);
	assert_false(has_record());
	detach();
	assert_int_equal(fake.hash[ESP_V4_FLOW], BEFORE | SPI);
}

static void test_drivers_that_say_otherwise(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, 0);
	fake.driver = "mlx5_core";
	assert_int_equal(attach(STEER_AUTO), STEERING_RSS);
	fake.driver = "ice";
	assert_int_equal(attach(STEER_AUTO), STEERING_RSS);
	fake.driver = "rvu-nicpf";
	driver_knows(AH_ESP_V4_FLOW, SPI);
	assert_int_equal(attach(STEER_RSS), STEERING_ADDRESSES);
	assert_int_equal(fake.hash_sets, 0);
}

static void test_hash_after_a_kill(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, SPI);
	attach(STEER_AUTO);
	restart();
	assert_int_equal(attach(STEER_AUTO), STEERING_RSS);
	assert_int_equal(fake.hash_sets, 1);
	restart();
	detach();
	assert_int_equal(fake.hash[ESP_V4_FLOW], BEFORE);
	assert_false(has_record());
}

static void test_hash_not_wanted_any_more(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, SPI);
	attach(STEER_AUTO);
	assert_int_equal(attach(STEER_OFF), STEERING_ADDRESSES);
	assert_untouched();
}

static void test_somebody_else_has_changed_it(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, SPI);
	attach(STEER_AUTO);
	fake.hash[ESP_V4_FLOW] = ADDRESSES;
	detach();
	assert_int_equal(fake.hash[ESP_V4_FLOW], ADDRESSES);
	assert_false(has_record());
}

/* Also the NIC's word on a name that another has now. */
static void test_another_nic_with_the_name(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, SPI);
	nic->dev.ifindex = 0x7fffffff;
	attach(STEER_AUTO);
	detach();
	assert_int_equal(fake.hash_sets, 1);
	assert_false(has_record());
}

static void test_putting_back_is_refused(void **unused)
{
	(void)unused;
	driver_knows(ESP_V4_FLOW, SPI);
	attach(STEER_AUTO);
	fake.hash_error = -EBUSY;
	detach();
	assert_true(has_record());
	fake.hash_error = 0;
	detach();
	assert_untouched();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hash_of_esp),
		TEST(test_hash_of_esp_and_ah),
		TEST(test_driver_cannot),
		TEST(test_driver_refuses),
		TEST(test_driver_does_half),
		TEST(test_driver_does_more),
		TEST(test_no_record_no_change),
		TEST(test_what_is_not_hashed),
		TEST(test_nothing_to_do),
		TEST(test_drivers_that_say_otherwise),
		TEST(test_hash_after_a_kill),
		TEST(test_hash_not_wanted_any_more),
		TEST(test_somebody_else_has_changed_it),
		TEST(test_another_nic_with_the_name),
		TEST(test_putting_back_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
