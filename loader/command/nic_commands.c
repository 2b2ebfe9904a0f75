/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "attach/backstop.h"
#include "attach/gates.h"
#include "attach/hooks.h"
#include "attach/hooks_away.h"
#include "attach/hooks_stray.h"
#include "attach/steering_undo.h"
#include "commands.h"
#include "config/nic_words.h"
#include "control_client.h"
#include "instance/pinned_maps.h"
#include "instance/worker_place.h"
#include "maps/maps.h"
#include "session.h"

int attach_command(const struct invocation *inv)
{
	struct interface_config config;
	struct fault f;

	return nic_words_parse(inv->words, &config, &f) ? cli_usage(inv, f.text) : session_ask(inv, -1);
}

/* ---- detach, which works without the supervisor too ---- */

/* Whether there was such a port: attached, or expected. *others: whether another is there. */
static bool forget_port(const struct maps *maps, const char *dev, bool *others)
{
	bool found = false;

	for (unsigned i = 0; i < PORTS_MAX; i++) {
		struct port *p = &maps->port[i];

		if (strncmp(p->name, dev, sizeof(p->name)) == 0) {
			*p = (struct port){0};
			found = true;
		} else {
			*others |= p->name[0] != '\0';
		}
	}
	return found;
}

static void note_another(const char *dev, void *arg)
{
	(void)dev;
	*(bool *)arg = true;
}

/* 1, if the maps know of it; 0; -errno, when nobody can tell what else they know of. */
static int open_in_maps(const struct instance *in, const char *dev, uint32_t ifindex, bool *others, struct fault *f)
{
	struct maps maps;
	int err = maps_open(&maps, in->bpf_dir, f);
	bool found;

	if (err)
		return err == -ENOENT ? 0 : err;
	found = forget_port(&maps, dev, others);
	if (ifindex && found)
		gates_open(&maps, ifindex);
	maps_close(&maps);
	return found;
}

/* The last NIC takes maps and backstop with it. */
static int detach_one(struct instance *in, const char *dev, struct fault *f)
{
	const struct hook_place at = {.dir = in->bpf_dir, .dev = dev, .ifindex = (int)if_nametoindex(dev)};
	const bool attached = hooks_any(&at);
	bool others = false, away;
	struct fault why;
	int known;

	hooks_remove_all(&at);
	steering_undo(in->run_dir, dev);
	away = hooks_remove_away(&at);
	known = open_in_maps(in, dev, (uint32_t)at.ifindex, &others, &why);
	if (known < 0)
		return fault(f, -known,
			     "%s: its programs are off, but the backstop still guards it, and the maps that tell it of "
			     "others cannot be read: %s; 'detach all' opens the gate of all",
			     dev, why.text);
	if (!attached && !known && !away)
		return fault(f, ENOENT, "%s: not attached", dev);
	if (hooks_for_each_device(in->bpf_dir, note_another, &others) == 0 && !others && !hooks_any_away(in->bpf_dir))
		pinned_maps_remove(in->bpf_dir);
	return 0;
}

static void detach_each(const char *dev, void *arg)
{
	const struct instance *in = arg;
	const struct hook_place at = {.dir = in->bpf_dir, .dev = dev, .ifindex = (int)if_nametoindex(dev)};

	hooks_remove_all(&at);
	steering_undo(in->run_dir, dev);
}

/* With the lock held, so that no supervisor starts meanwhile. */
static int detach_alone(struct instance *in, const char *dev, struct fault *f)
{
	if (strcmp(dev, "all") != 0)
		return detach_one(in, dev, f);
	hooks_for_each_device(in->bpf_dir, detach_each, in);
	hooks_remove_all_away(in->bpf_dir);
	pinned_maps_remove(in->bpf_dir);
	return 0;
}

static int detach(const struct invocation *inv, struct instance *in, const char *dev, struct fault *f)
{
	int err = control_ask(in, inv->command->name, inv->words, -1, NULL, f);

	if (err != -ECONNREFUSED)
		return err;
	err = instance_lock(in, f);
	/* One that has outlived its supervisor has sockets and TAPs of the NICs. */
	if (!err)
		err = worker_place_clear(in->run_dir, f);
	if (!err)
		err = detach_alone(in, dev, f);
	instance_unlock(in);
	return err;
}

/* Also of a NIC that is not attached, whoever said so: err. Not of all NICs: another instance may be about to pin what
 * it has attached to one that nobody has named. */
static bool remove_stray(const struct instance *in, const char *dev, int err)
{
	const struct hook_place at = {.dir = in->bpf_dir, .dev = dev, .ifindex = (int)if_nametoindex(dev)};

	if ((err && err != -ENOENT && err != -EREMOTEIO) || !hooks_remove_stray(&at))
		return false;
	printf("%s: clsact filters that had lost their pin are removed: what they dropped goes in clear, but for what "
	       "else guards it\n",
	       dev);
	return true;
}

/* Before it is detached: any interface, here or away, or the backstop. */
static bool guards(const struct instance *in)
{
	bool any = backstop_is_up(in->bpf_dir) || hooks_any_away(in->bpf_dir);

	hooks_for_each_device(in->bpf_dir, note_another, &any);
	return any;
}

/* What stays closed in this network namespace all the same. */
static void show_other_guards(const struct instance *in)
{
	struct if_nameindex *all = if_nameindex();
	char owner[INSTANCE_MAX];

	for (const struct if_nameindex *i = all; i && i->if_index; i++) {
		const struct hook_place at = {.dir = in->bpf_dir, .dev = i->if_name, .ifindex = (int)i->if_index};

		if (hooks_owner(&at, owner) && strcmp(owner, in->name) != 0)
			printf("%s: instance '%s' still guards it\n", i->if_name, owner);
	}
	if_freenameindex(all);
}

static void show_all_detached(const struct instance *in, bool guarded)
{
	if (guarded)
		puts("all interfaces are detached, and the backstop is down: the gate is open, what was protected goes "
		     "in clear");
	else
		printf("instance '%s' has guarded nothing here: no gate was opened\n", in->name);
	show_other_guards(in);
}

int detach_command(const struct invocation *inv)
{
	const char *dev = word(inv, "dev");
	struct interface_config config;
	struct instance in;
	bool guarded, stray;
	struct fault f;
	int err;

	if (nic_words_parse(inv->words, &config, &f))
		return cli_usage(inv, f.text);
	if (session_instance(inv, &in, &f))
		return cli_fail(inv, f.text);
	guarded = guards(&in);
	err = detach(inv, &in, dev, &f);
	stray = remove_stray(&in, dev, err);
	if (err && !stray)
		return cli_fail(inv, f.text);
	if (strcmp(dev, "all") == 0)
		show_all_detached(&in, guarded);
	else if (!err)
		printf("%s: detached: the gate is open, what was protected goes in clear\n", dev);
	return EXIT_SUCCESS;
}
