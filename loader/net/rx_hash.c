/* SPDX-License-Identifier: BSD-2-Clause */
#include "rx_hash.h"

const uint32_t rx_hash_esp[] = {ESP_V4_FLOW, AH_ESP_V4_FLOW, 0};

int rx_hash_get(const char *name, uint32_t kind, uint64_t *fields)
{
	struct ethtool_rxnfc command = {.cmd = ETHTOOL_GRXFH, .flow_type = kind};
	const int err = ethtool_ask(name, &command);

	*fields = err ? 0 : command.data;
	return err;
}

int rx_hash_set(const char *name, uint32_t kind, uint64_t fields)
{
	struct ethtool_rxnfc command = {.cmd = ETHTOOL_SRXFH, .flow_type = kind, .data = fields};

	return ethtool_ask(name, &command);
}
