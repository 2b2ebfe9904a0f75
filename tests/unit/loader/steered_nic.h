/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A NIC that is played: what ethtool asks of its driver is answered here (link with --wrap=ethtool_ask), from what the
 * test has set in `fake`. And a host whose only NIC it is, with SAs in a plain array.
 */
#ifndef TESTS_UNIT_STEERED_NIC_H
#define TESTS_UNIT_STEERED_NIC_H

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
	int full;      /* what it says when there are as many */
	int inserts;   /* how often it was given one */
	struct ethtool_rx_flow_spec rules[TABLE];
	bool used[TABLE];
} fake;

static inline int get_hash(struct ethtool_rxnfc *c)
{
	if (c->flow_type >= KINDS || !fake.settable[c->flow_type])
		return -EOPNOTSUPP;
	c->data = fake.hash[c->flow_type];
	return 0;
}

static inline int set_hash(const struct ethtool_rxnfc *c)
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

static inline uint32_t count_rules(void)
{
	uint32_t n = 0;

	for (int i = 0; i < TABLE; i++)
		n += fake.used[i];
	return n;
}

static inline int get_rules(struct ethtool_rxnfc *c, bool all)
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

static inline int get_rule(struct ethtool_rxnfc *c)
{
	if (c->fs.location >= TABLE || !fake.used[c->fs.location])
		return -ENOENT;
	c->fs = fake.rules[c->fs.location];
	return 0;
}

static inline int insert_rule(struct ethtool_rxnfc *c)
{
	fake.inserts++;
	if (!(fake.flags & ETH_FLAG_NTUPLE) || fake.no_esp_rules)
		return -EOPNOTSUPP;
	if (count_rules() >= fake.room)
		return fake.full;
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

static inline int delete_rule(const struct ethtool_rxnfc *c)
{
	if (fake.delete_error)
		return fake.delete_error;
	if (c->fs.location >= TABLE || !fake.used[c->fs.location])
		return -ENOENT;
	fake.used[c->fs.location] = false;
	return 0;
}

static inline int set_flags(const struct ethtool_value *c)
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

static inline void driver_knows(uint32_t kind, uint64_t settable)
{
	fake.hash[kind] = BEFORE;
	fake.settable[kind] = settable | BEFORE;
}

/* ---- the host ---- */

static char run_dir[64];
static struct sa_state sas[SLOTS_DEFAULT];
static struct port ports[PORTS_MAX];
static struct maps maps = {.slots = SLOTS_DEFAULT, .sa = sas, .port = ports};
static struct nics nics = {.maps = &maps};
static struct steering steering;
static struct nic *nic;

static inline void restart(void)
{
	memset(&steering, 0, sizeof(steering));
	memset(ports, 0, sizeof(ports));
	steering.nics = &nics;
}

static inline int setup(void **unused)
{
	(void)unused;
	snprintf(run_dir, sizeof(run_dir), "/tmp/steering-XXXXXX");
	assert_non_null(mkdtemp(run_dir));
	memset(&fake, 0, sizeof(fake));
	memset(sas, 0, sizeof(sas));
	fake.driver = "played";
	fake.room = TABLE;
	fake.full = -ENOSPC;
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

static inline int teardown(void **unused)
{
	char path[128];

	(void)unused;
	snprintf(path, sizeof(path), "%s/steering:" DEV, run_dir);
	unlink(path);
	assert_int_equal(rmdir(run_dir), 0);
	return 0;
}

static inline enum port_steering attach(enum steering_wish wish)
{
	nic->config.steering = wish;
	steering_attach(&steering, nic);
	return ports[2].steering;
}

static inline bool has_record(void)
{
	struct steering_record record;

	return steering_record_read(&(struct steering_place){run_dir, DEV, DEV}, &record);
}

static inline void detach(void)
{
	steering_undo(run_dir, DEV);
}

static inline void add_sa(uint32_t slot, uint32_t spi)
{
	sas[slot] = (struct sa_state){.generation = 1, .direction = SA_INBOUND, .spi = spi};
}

/* Somebody's rule, put there by hand. */
static inline struct ethtool_rx_flow_spec *others_rule(uint32_t location, uint32_t spi)
{
	struct ethtool_rx_flow_spec *rule = &fake.rules[location];

	*rule = (struct ethtool_rx_flow_spec){.flow_type = ESP_V4_FLOW, .ring_cookie = 1, .location = location};
	rule->h_u.esp_ip4_spec.spi = htonl(spi);
	rule->m_u.esp_ip4_spec.spi = 0xffffffff;
	fake.used[location] = true;
	return rule;
}

static inline int location_of(uint32_t spi)
{
	for (int i = 0; i < TABLE; i++)
		if (fake.used[i] && fake.rules[i].h_u.esp_ip4_spec.spi == htonl(spi))
			return i;
	return -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
