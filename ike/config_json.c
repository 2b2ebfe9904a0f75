/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "ike_config.h"

void connection_config_free(struct connection_config *c)
{
	if (!c)
		return;
	credentials_free(&c->credentials);
	trust_free(&c->trust);
	free(c);
}

void ike_config_free(struct ike_config *c)
{
	for (unsigned i = 0; i < c->count; i++)
		connection_config_free(c->connections[i]);
	free(c->connections);
	*c = (struct ike_config){0};
}
