/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection_policies.h"

#include <errno.h>
#include <string.h>

#include "locals.h"
#include "spd_store.h"

static struct policy policy_of(const struct connection_config *c, uint8_t proto, uint16_t local_port,
			       uint16_t remote_port)
{
	struct policy p = {
		.remote = c->remote,
		.rule =
			{
				.proto = proto,
				.action = SPD_PROTECT,
				.owner = OWNER_IKE,
				.origin = c->remote.len,
				.local_port_min = local_port,
				.local_port_max = local_port ? local_port : UINT16_MAX,
				.remote_port_min = remote_port,
				.remote_port_max = remote_port ? remote_port : UINT16_MAX,
			},
	};

	memcpy(p.rule.local, c->local, sizeof(p.rule.local));
	return p;
}

static int add(struct spd *spd, const struct connection_config *c, uint8_t proto, uint16_t local_port,
	       uint16_t remote_port, struct fault *f)
{
	const struct policy p = policy_of(c, proto, local_port, remote_port);
	struct fault why;
	int err = spd_add(spd, &p, &why);

	return err ? fault(f, -err, "[connection %s]: %.300s", c->name, why.text) : 0;
}

/* A port is either end's. */
static int add_protect(struct spd *spd, const struct connection_config *c, const struct protect *p, struct fault *f)
{
	int err = add(spd, c, p->proto, 0, p->port, f);

	return err || !p->port ? err : add(spd, c, p->proto, p->port, 0, f);
}

static int add_connection(struct spd *spd, const struct connection_config *c, struct fault *f)
{
	static const struct protect all;
	int err = c->protect_count ? 0 : add_protect(spd, c, &all, f);

	for (unsigned i = 0; i < c->protect_count && !err; i++)
		err = add_protect(spd, c, &c->protects[i], f);
	return err;
}

int connection_policies_sync(const struct maps *maps, const struct config *config, struct fault *f)
{
	struct spd spd;
	int err = spd_read(maps, &spd, f);

	if (!err)
		spd_flush(&spd, OWNER_IKE);
	for (unsigned i = 0; i < config->connection_count && !err; i++)
		err = add_connection(&spd, &config->connections[i], f);
	if (!err)
		err = spd_write(maps, &spd, f);
	spd_free(&spd);
	return err ? err : locals_sync(maps, f);
}
