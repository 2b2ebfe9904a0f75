/* SPDX-License-Identifier: BSD-2-Clause */
/* Steering by SPI on a NIC that is played: what ethtool asks of its driver is answered here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/steering.h"
#include "attach/steering_undo.h"
#include "net/rx_hash.h"

#define DEV	  "lo" /* whose number is known to everybody */
#define IFINDEX	  1
#define QUEUES	  4
#define ADDRESSES RX_HASH_ADDRESSES
#define SPI	  RX_HASH_SPI
/* What our NIC hashes of ESP before we come: with a bit that we do not know. */
#define BEFORE (ADDRESSES | RXH_L3_PROTO)
#define KINDS  0x20
#define TABLE  128

/* ---- the NIC ---- */

static struct {
	const char *driver;
	uint64_t hash[KINDS]; /* by kind; 0: not known to the driver */
	uint64_t settable[KINDS];
	bool hash_half;	  /* the driver takes half of what it is told */
	bool hash_global; /* and for TCP as well */
	int hash_error;
	int hash_sets; /* how often it was told */
	uint32_t flags;
	bool flags_fixed;
	bool no_rules, no_esp_rules, chooses;
	int delete_error;
	uint32_t room; /* rules that the driver takes */
	int inserts;   /* how often it was given one */
	struct ethtool_rx_flow_spec rules[TABLE];
	bool used[TABLE];
} fake;

static int get_hash(struct ethtool_rxnfc *c)
{
	if (c->flow_type >= KINDS || !fake.settable[c->flow_type])
		return -EOPNOTSUPP;
	c->data = fake.hash[c->flow_type];
	return 0;
}

static int set_hash(const struct ethtool_rxnfc *c)
{
	fake.hash_sets++;
	if (fake.hash_error)
		return fake.hash_error;
	if (c->flow_type >= KINDS || c->data & ~fake.settable[c->flow_type])
		return -EINVAL;
	fake.hash[c->flow_type] = fake.hash_half ? c->data & ~(uint64_t)RXH_L4_B_2_3 : c->data;
	if (fake.hash_global)
		fake.hash[TCP_V4_FLOW] = c->data;
	return 0;
}

static uint32_t count_rules(void)
{
	uint32_t n = 0;

	for (int i = 0; i < TABLE; i++)
		n += fake.used[i];
	return n;
}

static int get_rules(struct ethtool_rxnfc *c, bool all)
{
	uint32_t n = 0;

	if (fake.no_rules)
		return -EOPNOTSUPP;
	for (uint32_t i = 0; i < TABLE && all; i++)
		if (fake.used[i] && n < c->rule_cnt)
			c->rule_locs[n++] = i;
	c->data = TABLE | (fake.chooses && !all ? RX_CLS_LOC_SPECIAL : 0);
	c->rule_cnt = count_rules();
	return 0;
}

static int get_rule(struct ethtool_rxnfc *c)
{
	if (c->fs.location >= TABLE || !fake.used[c->fs.location])
		return -ENOENT;
	c->fs = fake.rules[c->fs.location];
	return 0;
}

static int insert_rule(struct ethtool_rxnfc *c)
{
	fake.inserts++;
	if (!(fake.flags & ETH_FLAG_NTUPLE) || fake.no_esp_rules)
		return -EOPNOTSUPP;
	if (count_rules() >= fake.room)
		return -ENOSPC;
	assert_int_equal(c->fs.location == RX_CLS_LOC_ANY, fake.chooses);
	for (uint32_t i = 0; fake.chooses && c->fs.location >= TABLE; i++)
		if (!fake.used[i])
			c->fs.location = i;
	for (uint32_t i = 0; i < TABLE; i++)
		if (fake.used[i] && fake.rules[i].h_u.esp_ip4_spec.spi == c->fs.h_u.esp_ip4_spec.spi)
			return -EEXIST;
	assert_false(fake.used[c->fs.location]);
	fake.used[c->fs.location] = true;
	fake.rules[c->fs.location] = c->fs;
	return 0;
}

static int delete_rule(const struct ethtool_rxnfc *c)
{
	if (fake.delete_error)
		return fake.delete_error;
	if (c->fs.location >= TABLE || !fake.used[c->fs.location])
		return -ENOENT;
	fake.used[c->fs.location] = false;
	return 0;
}

static int set_flags(const struct ethtool_value *c)
{
	if (fake.flags_fixed && c->data != fake.flags)
		return -EOPNOTSUPP;
	fake.flags = c->data;
	return 0;
}

int __wrap_ethtool_ask(const char *name, void *command);
int __wrap_ethtool_ask(const char *name, void *command)
{
	struct ethtool_drvinfo *info = command;

	assert_string_equal(name, DEV);
	switch (*(uint32_t *)command) {
	case ETHTOOL_GDRVINFO:
		snprintf(info->driver, sizeof(info->driver), "%s", fake.driver);
		return 0;
	case ETHTOOL_GRXFH:
		return get_hash(command);
	case ETHTOOL_SRXFH:
		return set_hash(command);
	case ETHTOOL_GFLAGS:
		((struct ethtool_value *)command)->data = fake.flags;
		return 0;
	case ETHTOOL_SFLAGS:
		return set_flags(command);
	case ETHTOOL_GRXCLSRLCNT:
		return get_rules(command, false);
	case ETHTOOL_GRXCLSRLALL:
		return get_rules(command, true);
	case ETHTOOL_GRXCLSRULE:
		return get_rule(command);
	case ETHTOOL_SRXCLSRLINS:
		return insert_rule(command);
	case ETHTOOL_SRXCLSRLDEL:
		return delete_rule(command);
	}
	return -EOPNOTSUPP;
}

static void driver_knows(uint32_t kind, uint64_t settable)
{
	fake.hash[kind] = BEFORE;
	fake.settable[kind] = settable | BEFORE;
}

/* ---- the host ---- */

static char run_dir[64];
static struct sa_state sas[SLOTS_MAX];
static struct port ports[PORTS_MAX];
static struct maps maps = {.sa = sas, .port = ports};
static struct nics nics = {.maps = &maps};
static struct steering steering;
static struct nic *nic;

static void restart(void)
{
	memset(&steering, 0, sizeof(steering));
	memset(ports, 0, sizeof(ports));
	steering.nics = &nics;
}

static int setup(void **unused)
{
	(void)unused;
	snprintf(run_dir, sizeof(run_dir), "/tmp/steering-XXXXXX");
	assert_non_null(mkdtemp(run_dir));
	memset(&fake, 0, sizeof(fake));
	memset(sas, 0, sizeof(sas));
	fake.driver = "played";
	fake.room = TABLE;
	driver_knows(TCP_V4_FLOW, ADDRESSES | SPI);
	driver_knows(IPV4_FLOW, ADDRESSES);
	nics.run_dir = run_dir;
	nic = &nics.nic[2];
	*nic = (struct nic){.used = true, .present = true, .queues = QUEUES};
	interface_config_init(&nic->config, DEV);
	nic->config.queues = QUEUES;
	nic->dev = (struct netdev){.ifindex = IFINDEX, .name = DEV};
	restart();
	return 0;
}

static int teardown(void **unused)
{
	char path[128];

	(void)unused;
	snprintf(path, sizeof(path), "%s/steering:" DEV, run_dir);
	unlink(path);
	assert_int_equal(rmdir(run_dir), 0);
	return 0;
}

static enum port_steering attach(enum steering_wish wish)
{
	nic->config.steering = wish;
	steering_attach(&steering, nic);
	return ports[2].steering;
}

static bool has_record(void)
{
	struct steering_record record;

	return steering_record_read(&(struct steering_place){run_dir, DEV, DEV}, &record);
}

static void detach(void)
{
	steering_undo(run_dir, DEV);
}

static void add_sa(uint32_t slot, uint32_t spi)
{
	sas[slot] = (struct sa_state){.generation = 1, .direction = SA_INBOUND, .spi = spi};
}

/* Somebody's rule, put there by hand. */
static struct ethtool_rx_flow_spec *others_rule(uint32_t location, uint32_t spi)
{
	struct ethtool_rx_flow_spec *rule = &fake.rules[location];

	*rule = (struct ethtool_rx_flow_spec){.flow_type = ESP_V4_FLOW, .ring_cookie = 1, .location = location};
	rule->h_u.esp_ip4_spec.spi = htonl(spi);
	rule->m_u.esp_ip4_spec.spi = 0xffffffff;
	fake.used[location] = true;
	return rule;
}

static int location_of(uint32_t spi)
{
	for (int i = 0; i < TABLE; i++)
		if (fake.used[i] && fake.rules[i].h_u.esp_ip4_spec.spi == htonl(spi))
			return i;
	return -1;
}

/* ---- RSS ---- */

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

/* ---- rules ---- */

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(test_many_sas),
		TEST(test_two_sas_of_one_spi),
		TEST(test_many_sas_go_at_once),
		TEST(test_rule_that_stays),
		TEST(test_forecast),
		TEST(test_record),
		TEST(test_record_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
