/* SPDX-License-Identifier: BSD-2-Clause */
#include "rx_rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table ---- */

static int read_locations(const char *name, struct rx_rules *rules, uint32_t room)
{
	const size_t size = room * sizeof(uint32_t);
	struct ethtool_rxnfc *command = calloc(1, sizeof(*command) + size);
	int err;

	if (!command)
		return -ENOMEM;
	command->cmd = ETHTOOL_GRXCLSRLALL;
	command->rule_cnt = room;
	err = ethtool_ask(name, command);
	rules->locations = err ? NULL : malloc(size + sizeof(uint32_t));
	if (!err && !rules->locations)
		err = -ENOMEM;
	if (!err) {
		rules->count = command->rule_cnt < room ? command->rule_cnt : room;
		memcpy(rules->locations, command->rule_locs, rules->count * sizeof(uint32_t));
		/* Some drivers tell the size here alone. */
		if (!rules->size)
			rules->size = (uint32_t)command->data;
	}
	free(command);
	return err;
}

static bool is_taken(const struct rx_rules *rules, uint32_t location)
{
	return rules->taken[location / 8] & 1 << location % 8;
}

/* Drivers have places of their own beyond the table. */
static void note_taken(struct rx_rules *rules, uint32_t location)
{
	if (location < RX_RULES_TABLE_MAX)
		rules->taken[location / 8] |= (uint8_t)(1 << location % 8);
}

static int note_all(struct rx_rules *rules)
{
	rules->free_below = rules->size;
	rules->taken = calloc(1, RX_RULES_TABLE_MAX / 8);
	if (!rules->taken)
		return -ENOMEM;
	for (uint32_t i = 0; i < rules->count; i++)
		note_taken(rules, rules->locations[i]);
	return 0;
}

int rx_rules_read(const char *name, struct rx_rules *rules)
{
	struct ethtool_rxnfc command = {.cmd = ETHTOOL_GRXCLSRLCNT};
	int err = ethtool_ask(name, &command);

	*rules = (struct rx_rules){0};
	if (err)
		return err;
	if (command.rule_cnt > RX_RULES_TABLE_MAX)
		return -E2BIG;
	rules->driver_chooses = command.data & RX_CLS_LOC_SPECIAL;
	rules->size = (uint32_t)command.data & ~RX_CLS_LOC_SPECIAL;
	err = read_locations(name, rules, command.rule_cnt);
	rules->size = rules->size < RX_RULES_TABLE_MAX ? rules->size : RX_RULES_TABLE_MAX;
	if (!err)
		err = note_all(rules);
	if (err)
		rx_rules_free(rules);
	return err;
}

void rx_rules_free(struct rx_rules *rules)
{
	free(rules->locations);
	free(rules->taken);
	*rules = (struct rx_rules){0};
}

/* The first that match win, so what others have made goes before ours. */
static int choose_location(struct rx_rules *rules, uint32_t *location)
{
	*location = RX_CLS_LOC_ANY;
	if (rules->driver_chooses)
		return 0;
	while (rules->free_below && is_taken(rules, rules->free_below - 1))
		rules->free_below--;
	*location = rules->free_below - 1;
	return rules->free_below ? 0 : -ENOSPC;
}

/* ---- a rule ---- */

/* A mask that has all of the SPI. */
#define EACH_BIT 0xffffffff

static struct ethtool_rx_flow_spec rule_for(uint32_t spi, uint64_t queue)
{
	struct ethtool_rx_flow_spec rule = {.flow_type = ESP_V4_FLOW, .ring_cookie = queue};

	rule.h_u.esp_ip4_spec.spi = htonl(spi);
	rule.m_u.esp_ip4_spec.spi = EACH_BIT;
	return rule;
}

int rx_rules_add(const char *name, struct rx_rules *rules, uint32_t spi, uint32_t queue, uint32_t *location)
{
	struct ethtool_rxnfc command = {.cmd = ETHTOOL_SRXCLSRLINS, .fs = rule_for(spi, queue)};
	int err = choose_location(rules, &command.fs.location);

	if (!err)
		err = ethtool_ask(name, &command);
	if (err)
		return err;
	*location = command.fs.location;
	note_taken(rules, *location);
	return 0;
}

/* Drivers that know more fields than a rule has give these back as zero; of an address without a mask some tell what
 * they like, so only masks are compared. */
static bool is_by_spi_alone(const struct ethtool_rx_flow_spec *rule)
{
	const struct ethtool_ah_espip4_spec *mask = &rule->m_u.esp_ip4_spec;

	return rule->flow_type == ESP_V4_FLOW && rule->ring_cookie < RX_CLS_FLOW_WAKE && mask->spi == EACH_BIT &&
	       !mask->ip4src && !mask->ip4dst && !mask->tos;
}

bool rx_rules_get(const char *name, uint32_t location, uint32_t *spi)
{
	struct ethtool_rxnfc command = {.cmd = ETHTOOL_GRXCLSRULE, .fs.location = location};

	if (ethtool_ask(name, &command) || !is_by_spi_alone(&command.fs))
		return false;
	*spi = ntohl(command.fs.h_u.esp_ip4_spec.spi);
	return true;
}

int rx_rules_delete(const char *name, uint32_t location)
{
	struct ethtool_rxnfc command = {.cmd = ETHTOOL_SRXCLSRLDEL, .fs.location = location};

	return ethtool_ask(name, &command);
}
