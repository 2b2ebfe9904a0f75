/* SPDX-License-Identifier: BSD-2-Clause */
/* attach/steering_rules.c: a rule of the NIC for each SA, as far as its table goes. */
#include "steered_nic.h"

static void test_rule_for_each_sa(void **unused)
{
	uint32_t used[QUEUES] = {0};

	(void)unused;
	fake.flags = ETH_FLAG_NTUPLE;
	others_rule(TABLE - 1, 0x5000);
	assert_int_equal(attach(STEER_AUTO), STEERING_NTUPLE);
	assert_int_equal(count_rules(), 1);
	for (uint32_t i = 0; i < 8; i++)
		add_sa(2 * i + 1, 0x1000 + i);
	sas[0] = (struct sa_state){.generation = 1, .direction = SA_OUTBOUND, .spi = 0x2000};
	sas[2] = (struct sa_state){.generation = 2, .direction = SA_INBOUND, .spi = 0x2001};
	sas[4] = (struct sa_state){.generation = 1, .direction = SA_INBOUND, .spi = 0x2002, .ifindex = 77};
	steering_follow(&steering);
	assert_int_equal(count_rules(), 9);
	for (uint32_t i = 0; i < 8; i++) {
		assert_true(location_of(0x1000 + i) >= 0);
		used[fake.rules[location_of(0x1000 + i)].ring_cookie]++;
	}
	for (int q = 0; q < QUEUES; q++)
		assert_int_equal(used[q], 2);
}

static void test_rule_goes_with_its_sa(void **unused)
{
	(void)unused;
	fake.flags = ETH_FLAG_NTUPLE;
	fake.chooses = true;
	attach(STEER_AUTO);
	others_rule(0, 0x5000);
	add_sa(1, 0x1000);
	add_sa(3, 0x1001);
	steering_follow(&steering);
	sas[1].generation++;
	steering_follow(&steering);
	assert_int_equal(location_of(0x1000), -1);
	assert_true(location_of(0x1001) >= 0);
	detach();
	assert_int_equal(count_rules(), 1);
	assert_int_equal(location_of(0x5000), 0);
	assert_false(has_record());
}

static void test_place_of_a_rule_is_anothers_now(void **unused)
{
	int location;

	(void)unused;
	fake.flags = ETH_FLAG_NTUPLE;
	attach(STEER_AUTO);
	add_sa(1, 0x1000);
	steering_follow(&steering);
	location = location_of(0x1000);
	others_rule((uint32_t)location, 0x5000);
	sas[1].generation++;
	steering_follow(&steering);
	assert_int_equal(location_of(0x5000), location);
}

static void test_rules_after_a_kill(void **unused)
{
	(void)unused;
	fake.flags = ETH_FLAG_NTUPLE;
	attach(STEER_AUTO);
	add_sa(1, 0x1000);
	steering_follow(&steering);
	others_rule(3, 0x5000);
	/* It says more than ours do. */
	others_rule(4, 0x1000)->m_u.esp_ip4_spec.ip4src = 0xffffffff;
	restart();
	sas[1].generation++;
	assert_int_equal(attach(STEER_AUTO), STEERING_NTUPLE);
	assert_int_equal(count_rules(), 2);
	add_sa(3, 0x1001);
	steering_follow(&steering);
	restart();
	detach();
	assert_int_equal(count_rules(), 2);
	assert_true(fake.used[3] && fake.used[4]);
}

static void test_rules_end_with_the_daemon(void **unused)
{
	struct event_base *base = event_base_new();

	(void)unused;
	fake.flags = ETH_FLAG_NTUPLE;
	steering_start(&steering, base, &nics);
	attach(STEER_AUTO);
	for (uint32_t i = 0; i < 100; i++)
		add_sa(i, 0x1000 + i);
	for (int i = 0; i < 4; i++)
		steering_follow(&steering);
	assert_int_equal(count_rules(), 100);
	steering_stop(&steering);
	assert_int_equal(count_rules(), 0);
	assert_false(has_record());
	event_base_free(base);
}

static void test_feature_is_turned_on_if_asked_for(void **unused)
{
	(void)unused;
	assert_int_equal(attach(STEER_AUTO), STEERING_ADDRESSES);
	assert_int_equal(fake.flags, 0);
	assert_int_equal(attach(STEER_NTUPLE), STEERING_NTUPLE);
	assert_int_equal(fake.flags, ETH_FLAG_NTUPLE);
	restart();
	assert_int_equal(attach(STEER_NTUPLE), STEERING_NTUPLE);
	detach();
	assert_int_equal(fake.flags, 0);
	assert_false(has_record());
}

static void test_feature_stays_on(void **unused)
{
	(void)unused;
	attach(STEER_NTUPLE);
	fake.flags_fixed = true;
	detach();
	assert_true(has_record());
	fake.flags_fixed = false;
	detach();
	assert_int_equal(fake.flags, 0);
	assert_false(has_record());
}

static void test_feature_cannot_be_turned_on(void **unused)
{
	(void)unused;
	fake.flags_fixed = true;
	assert_int_equal(attach(STEER_NTUPLE), STEERING_ADDRESSES);
	assert_false(has_record());
}

static void test_no_rules_for_esp(void **unused)
{
	(void)unused;
	fake.no_esp_rules = true;
	assert_int_equal(attach(STEER_NTUPLE), STEERING_ADDRESSES);
	assert_int_equal(fake.flags, 0);
	add_sa(1, 0x1000);
	steering_follow(&steering);
	assert_int_equal(count_rules(), 0);
	assert_false(has_record());
}

static void test_table_is_full(void **unused)
{
	(void)unused;
	fake.flags = ETH_FLAG_NTUPLE;
	fake.room = 2;
	attach(STEER_AUTO);
	for (uint32_t i = 0; i < 4; i++)
		add_sa(i, 0x1000 + i);
	steering_follow(&steering);
	assert_int_equal(count_rules(), 2);
	assert_true(steering.nic[2].rules.full_told);
	fake.inserts = 0;
	steering_follow(&steering);
	assert_int_equal(fake.inserts, 0);
	sas[0].generation++;
	steering_follow(&steering);
	assert_int_equal(count_rules(), 2);
	assert_int_equal(location_of(0x1000), -1);
	fake.room = TABLE;
	sas[1].generation++;
	steering_follow(&steering);
	steering_follow(&steering);
	assert_int_equal(count_rules(), 2);
	assert_false(steering.nic[2].rules.full_told);
	detach();
	assert_int_equal(count_rules(), 0);
}

/* As some drivers say it. */
static void test_table_is_busy(void **unused)
{
	(void)unused;
	fake.full = -EBUSY;
	test_table_is_full(unused);
}

static const struct steering_rules *rules(void)
{
	return &steering.nic[2].rules;
}

static bool is_in_record(uint32_t spi)
{
	struct steering_record record;

	assert_true(steering_record_read(&(struct steering_place){run_dir, DEV, DEV}, &record));
	for (uint32_t i = 0; i < record.spi_count; i++)
		if (record.spis[i] == spi)
			return true;
	return false;
}

/* Somebody has one for that SPI, say: the others have theirs, and it is not asked for every second. */
static void test_one_rule_is_refused(void **unused)
{
	(void)unused;
	fake.flags = ETH_FLAG_NTUPLE;
	attach(STEER_AUTO);
	others_rule(5, 0x1001);
	for (uint32_t i = 0; i < 4; i++)
		add_sa(i, 0x1000 + i);
	steering_follow(&steering);
	assert_int_equal(count_rules(), 4);
	assert_true(rules()->refused_told);
	assert_false(rules()->full || rules()->full_told);
	assert_false(is_in_record(0x1001));
	assert_true(is_in_record(0x1002));
	fake.inserts = 0;
	steering_follow(&steering);
	assert_int_equal(fake.inserts, 0);
	add_sa(4, 0x1004);
	steering_follow(&steering);
	assert_int_equal(fake.inserts, 1);
	assert_true(location_of(0x1004) >= 0);
	/* It is no rule of ours, also for who comes after a kill. */
	restart();
	detach();
	assert_int_equal(count_rules(), 1);
	assert_int_equal(location_of(0x1001), 5);
}

static void test_refused_rule_is_asked_for_again(void **unused)
{
	(void)unused;
	fake.flags = ETH_FLAG_NTUPLE;
	attach(STEER_AUTO);
	others_rule(5, 0x1001);
	for (uint32_t i = 0; i < 3; i++)
		add_sa(i, 0x1000 + i);
	steering_follow(&steering);
	fake.used[5] = false;
	sas[0].generation++;
	steering_follow(&steering);
	assert_int_equal(count_rules(), 2);
	assert_true(location_of(0x1001) >= 0);
	steering_follow(&steering);
	assert_false(rules()->refused_told);
	others_rule(0, 0x1005);
	add_sa(6, 0x1005);
	steering_follow(&steering);
	assert_true(rules()->refused_told);
	/* Its SA goes, and nobody's rule with it. */
	sas[6].generation++;
	steering_follow(&steering);
	assert_int_equal(location_of(0x1005), 0);
	assert_false(rules()->refused_told);
}

/* What it takes of the supervisor's time at once is bounded. */
static void test_many_sas(void **unused)
{
	(void)unused;
	fake.flags = ETH_FLAG_NTUPLE;
	attach(STEER_AUTO);
	for (uint32_t i = 0; i < 100; i++)
		add_sa(i, 0x1000 + i);
	steering_follow(&steering);
	assert_in_range(count_rules(), 1, 50);
	for (int i = 0; i < 5; i++)
		steering_follow(&steering);
	assert_int_equal(count_rules(), 100);
}

/* Which a peer may have at each of our addresses; drivers refuse a rule that is there already. */
static void test_two_sas_of_one_spi(void **unused)
{
	(void)unused;
	fake.flags = ETH_FLAG_NTUPLE;
	assert_int_equal(attach(STEER_NTUPLE), STEERING_NTUPLE);
	add_sa(0, 0x2001);
	add_sa(1, 0x2001);
	add_sa(2, 0x2002);
	steering_follow(&steering);
	assert_int_equal(count_rules(), 2);
	assert_int_not_equal(location_of(0x2001), -1);
	assert_int_not_equal(location_of(0x2002), -1);
	sas[0].generation++;
	steering_follow(&steering);
	assert_int_equal(count_rules(), 2);
}

/* Each is a request to the NIC, also one that takes a rule away; what else the daemon has to do does not wait. */
static void test_many_sas_go_at_once(void **unused)
{
	(void)unused;
	fake.flags = ETH_FLAG_NTUPLE;
	assert_int_equal(attach(STEER_NTUPLE), STEERING_NTUPLE);
	for (uint32_t i = 0; i < 100; i++)
		add_sa(i, 0x3000 + i);
	for (int i = 0; i < 4; i++)
		steering_follow(&steering);
	assert_int_equal(count_rules(), 100);
	for (uint32_t i = 0; i < 100; i++)
		sas[i].generation++;
	for (uint32_t left = 68; left < 100; left -= 32) {
		steering_follow(&steering);
		assert_int_equal(count_rules(), left);
	}
	steering_follow(&steering);
	assert_int_equal(count_rules(), 0);
	assert_false(has_record());
}

static void test_rule_that_stays(void **unused)
{
	(void)unused;
	fake.flags = ETH_FLAG_NTUPLE;
	attach(STEER_AUTO);
	add_sa(1, 0x1000);
	steering_follow(&steering);
	fake.delete_error = -EIO;
	sas[1].generation++;
	steering_follow(&steering);
	detach();
	assert_true(has_record());
	fake.delete_error = 0;
	detach();
	assert_int_equal(count_rules(), 0);
	assert_false(has_record());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rule_for_each_sa),
		TEST(test_rule_goes_with_its_sa),
		TEST(test_place_of_a_rule_is_anothers_now),
		TEST(test_rules_after_a_kill),
		TEST(test_rules_end_with_the_daemon),
		TEST(test_feature_is_turned_on_if_asked_for),
		TEST(test_feature_stays_on),
		TEST(test_feature_cannot_be_turned_on),
		TEST(test_no_rules_for_esp),
		TEST(test_table_is_full),
		TEST(test_table_is_busy),
		TEST(test_one_rule_is_refused),
		TEST(test_refused_rule_is_asked_for_again),
		TEST(test_many_sas),
		TEST(test_two_sas_of_one_spi),
		TEST(test_many_sas_go_at_once),
		TEST(test_rule_that_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
