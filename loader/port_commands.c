/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "control_client.h"
#include "hooks.h"
#include "maps.h"
#include "port_words.h"
#include "pinned_maps.h"
#include "session.h"

int attach_command(const struct invocation *inv)
{
	struct interface_config config;
	struct fault f;

	return port_words_parse(inv->words, &config, &f) ? cli_usage(inv, f.text) : session_ask(inv, -1);
}

/* ---- detach, which works without the supervisor too ---- */

static void forget_port(const struct instance *in, const char *dev)
{
	struct maps maps;

	if (maps_open(&maps, in->bpf_dir, NULL))
		return;
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (strncmp(maps.port[i].name, dev, sizeof(maps.port[i].name)) == 0)
			maps.port[i] = (struct port){0};
	maps_close(&maps);
}

static void note_another(const char *dev, void *arg)
{
	(void)dev;
	*(bool *)arg = true;
}

/* With the lock held, so that no supervisor starts meanwhile. The last NIC takes the maps with it. */
static int detach_alone(struct instance *in, const char *dev, struct fault *f)
{
	const struct hook_place at = {.dir = in->bpf_dir, .dev = dev, .ifindex = (int)if_nametoindex(dev)};
	bool others = false;

	if (!hooks_any(&at))
		return fault(f, ENOENT, "%s: not attached", dev);
	hooks_remove_all(&at);
	forget_port(in, dev);
	if (hooks_for_each_device(in->bpf_dir, note_another, &others) == 0 && !others)
		pinned_maps_remove(in->bpf_dir);
	return 0;
}

static int detach(const struct invocation *inv, struct instance *in, const char *dev, struct fault *f)
{
	int err = control_ask(in, inv->command->name, inv->words, -1, NULL, f);

	if (err != -ECONNREFUSED)
		return err;
	err = instance_lock(in, f);
	if (!err)
		err = detach_alone(in, dev, f);
	instance_unlock(in);
	return err;
}

int detach_command(const struct invocation *inv)
{
	const char *dev = word(inv, "dev");
	struct interface_config config;
	struct instance in;
	struct fault f;
	int err;

	if (port_words_parse(inv->words, &config, &f))
		return cli_usage(inv, f.text);
	err = session_instance(inv, &in, &f);
	if (!err)
		err = detach(inv, &in, dev, &f);
	if (err)
		return cli_fail(inv, f.text);
	printf("%s: detached: the gate is open, what was protected goes in clear\n", dev);
	return EXIT_SUCCESS;
}
