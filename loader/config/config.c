/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

bool config_has_interface(const struct config *config, const char *name)
{
	for (unsigned i = 0; i < config->interface_count; i++)
		if (strcmp(config->interfaces[i].name, name) == 0)
			return true;
	return false;
}

/* ---- by name ---- */

static bool is_connection(const void *array, size_t place, const void *name)
{
	return strcmp(((const struct connection_config *)array)[place].name, name) == 0;
}

static bool is_policy(const void *array, size_t place, const void *name)
{
	return strcmp(((const struct policy_config *)array)[place].name, name) == 0;
}

const struct connection_config *config_connection(const struct config *config, const char *name)
{
	const size_t place = key_index_find(&config->connection_names, key_hash_text(name), is_connection,
					    config->connections, name);

	return place == KEY_INDEX_NONE ? NULL : &config->connections[place];
}

const struct policy_config *config_policy(const struct config *config, const char *name)
{
	const size_t place =
		key_index_find(&config->policy_names, key_hash_text(name), is_policy, config->policies, name);

	return place == KEY_INDEX_NONE ? NULL : &config->policies[place];
}

bool config_has_connection(const struct config *config, const char *name)
{
	return config_connection(config, name);
}

bool config_has_policy(const struct config *config, const char *name)
{
	return config_policy(config, name);
}

int config_connection_named(struct config *config)
{
	const unsigned last = config->connection_count - 1;

	return key_index_add(&config->connection_names, key_hash_text(config->connections[last].name), last);
}

int config_policy_named(struct config *config)
{
	const unsigned last = config->policy_count - 1;

	return key_index_add(&config->policy_names, key_hash_text(config->policies[last].name), last);
}

void config_free(struct config *config)
{
	free(config->connections);
	free(config->policies);
	key_index_clear(&config->connection_names);
	key_index_clear(&config->policy_names);
	config->connections = NULL;
	config->policies = NULL;
	config->connection_count = config->policy_count = 0;
}
