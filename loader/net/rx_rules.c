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
	return err;
}

void rx_rules_free(struct rx_rules *rules)
{
	free(rules->locations);
	*rules = (struct rx_rules){0};
}

static bool is_taken(const struct rx_rules *rules, uint32_t location)
{
	for (uint32_t i = 0; i < rules->count; i++)
		if (rules->locations[i] == location)
			return true;
	return false;
}

/* The first that match win, so what others have made goes before ours. */
static int choose_location(const struct rx_rules *rules, uint32_t *location)
{
	*location = RX_CLS_LOC_ANY;
	if (rules->driver_chooses)
		return 0;
	for (uint32_t i = rules->size; i > 0; i--) {
		*location = i - 1;
		if (!is_taken(rules, *location))
			return 0;
	}
	return -ENOSPC;
}

static int note_location(struct rx_rules *rules, uint32_t location)
{
	uint32_t *more = realloc(rules->locations, (rules->count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	rules->locations = more;
	rules->locations[rules->count++] = location;
	return 0;
}

/* ---- a rule ---- */

static struct ethtool_rx_flow_spec rule_for(uint32_t spi, uint64_t queue)
{
	struct ethtool_rx_flow_spec rule = {.flow_type = ESP_V4_FLOW, .ring_cookie = queue};

	rule.h_u.esp_ip4_spec.spi = htonl(spi);
	rule.m_u.esp_ip4_spec.spi = 0xffffffff;
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
	err = note_location(rules, *location);
	if (err)
		rx_rules_delete(name, *location);
	return err;
}

/* Drivers that know more fields than a rule has give these back as zero; of an address without a mask some tell what
 * they like, so only masks are compared. */
static bool is_by_spi_alone(const struct ethtool_rx_flow_spec *rule)
{
	const struct ethtool_rx_flow_spec ours = rule_for(0, 0);

	return rule->flow_type == ESP_V4_FLOW && rule->ring_cookie < RX_CLS_FLOW_WAKE &&
	       memcmp(&rule->m_u.esp_ip4_spec, &ours.m_u.esp_ip4_spec, sizeof(ours.m_u.esp_ip4_spec)) == 0;
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
