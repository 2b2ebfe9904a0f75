/* SPDX-License-Identifier: BSD-2-Clause */
/* 'gate': what 'run' begins with, and no more. For before the network is up: nothing that comes up later is ever in
 * clear. */
#include <stdio.h>
#include <stdlib.h>

#include "attach/backstop.h"
#include "commands.h"
#include "config/config_file.h"
#include "daemon/closing.h"
#include "session.h"

/* What is seen of the daemon's, when there is one, is its own to close. */
static int close_locked(const struct invocation *inv, struct closing *c, struct instance *in, struct config *config,
			struct fault *f)
{
	const char *path = word(inv, "-c");
	int err;

	c->config_path = path ? path : CONFIG_DEFAULT_PATH;
	err = config_read(config, c->config_path, f);
	if (!err)
		err = instance_lock(in, f);
	if (!err)
		err = closing_run(c, f);
	return err ? err : closing_settle(c, f);
}

static void say_closed(const struct closing *c)
{
	unsigned attached = 0;

	for (unsigned i = 0; i < PORTS_MAX; i++)
		attached += c->nics->nic[i].used && c->nics->nic[i].present;
	printf("the gate is closed for what %s protects: %u of %u interfaces are there and attached%s; 'xdp-ipsec run' "
	       "goes on "
	       "from here\n",
	       c->config_path, attached, c->config->interface_count,
	       backstop_is_up(c->instance->bpf_dir) ? ", the backstop guards all others" : "");
}

int gate_command(const struct invocation *inv)
{
	static struct instance in = {.lock_fd = -1};
	static struct config config;
	static struct maps maps;
	static struct programs programs;
	static struct nics nics;
	struct closing c = {.instance = &in, .config = &config, .maps = &maps, .programs = &programs, .nics = &nics};
	struct fault f;
	int err = session_instance(inv, &in, &f);

	if (!err)
		err = close_locked(inv, &c, &in, &config, &f);
	if (!err)
		say_closed(&c);
	if (maps.port) {
		nics_close(&nics);
		closing_undo_unused(&c, false);
		maps_close(&maps);
	}
	programs_free(&programs);
	config_free(&config);
	instance_unlock(&in);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}
