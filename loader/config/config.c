/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>

void config_free(struct config *config)
{
	free(config->connections);
	free(config->policies);
	config->connections = NULL;
	config->policies = NULL;
	config->connection_count = config->policy_count = 0;
}
