/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection_policies.h"

#include <errno.h>
#include <string.h>

#include "locals.h"
#include "spd_store.h"

static struct policy policy_of(const struct connection_config *c, const struct selector *sel)
{
	struct policy p = {
		.remote = c->remote,
		.rule =
			{
				.proto = (uint8_t)sel->proto,
				.action = SPD_PROTECT,
				.owner = OWNER_IKE,
				.origin = c->remote.len,
				.local_port_min = sel->local_port_min,
				.local_port_max = sel->local_port_max,
				.remote_port_min = sel->remote_port_min,
				.remote_port_max = sel->remote_port_max,
			},
	};

	memcpy(p.rule.local, c->local, sizeof(p.rule.local));
	return p;
}

static int add(struct spd *spd, const struct connection_config *c, const struct selector *sel, struct fault *f)
{
	const struct policy p = policy_of(c, sel);
	struct fault why;
	int err = spd_add(spd, &p, &why);

	return err ? fault(f, -err, "[connection %s]: %.300s", c->name, why.text) : 0;
}

/* A port is either end's. */
static int add_protect(struct spd *spd, const struct connection_config *c, const struct protect *p, struct fault *f)
{
	const struct selector other = selector_mirrored(&p->sel);
	int err = add(spd, c, &p->sel, f);

	return err || !p->either_end ? err : add(spd, c, &other, f);
}

static int add_connection(struct spd *spd, const struct connection_config *c, struct fault *f)
{
	int err = 0;

	for (unsigned i = 0; i < c->protect_count && !err; i++)
		err = add_protect(spd, c, &c->protects[i], f);
	return err;
}

static int add_policy(struct spd *spd, const struct policy_config *p, struct fault *f)
{
	struct fault why;
	int err = spd_add(spd, &p->policy, &why);

	return err ? fault(f, -err, "[policy %s]: %.300s", p->name, why.text) : 0;
}

/* The SPD as it is to be, from what is there. */
static int build(struct spd *spd, const struct config *config, struct fault *f)
{
	int err = 0;

	spd_flush(spd, OWNER_IKE);
	spd_flush(spd, OWNER_FILE);
	for (unsigned i = 0; i < config->connection_count && !err; i++)
		err = add_connection(spd, &config->connections[i], f);
	for (unsigned i = 0; i < config->policy_count && !err; i++)
		err = add_policy(spd, &config->policies[i], f);
	return err;
}

int connection_policies_check(const struct maps *maps, const struct config *config, struct fault *f)
{
	struct spd spd = {0};
	struct spd_image image = {0};
	int err = maps ? spd_read(maps, &spd, f) : 0;

	if (!err)
		err = build(&spd, config, f);
	if (!err)
		err = spd_compile(&spd, &image, f);
	spd_image_free(&image);
	spd_free(&spd);
	return err;
}

int connection_policies_sync(const struct maps *maps, const struct config *config, struct fault *f)
{
	struct spd spd;
	int err = spd_read(maps, &spd, f);

	if (!err)
		err = build(&spd, config, f);
	if (!err)
		err = spd_write(maps, &spd, f);
	spd_free(&spd);
	return err ? err : locals_sync(maps, f);
}
