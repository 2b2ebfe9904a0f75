/* SPDX-License-Identifier: BSD-2-Clause */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "control_client.h"
#include "instance/libbpf_fault.h"

int session_need_root(const struct invocation *inv, struct fault *f)
{
	return geteuid() == 0 ? 0 : fault(f, EPERM, "this needs root: try 'sudo xdp-ipsec %s'", inv->command->name);
}

int session_instance(const struct invocation *inv, struct instance *in, struct fault *f)
{
	int err = session_need_root(inv, f);

	libbpf_quiet();
	return err ? err : instance_init(in, inv->instance, f);
}

/* A daemon that is there and whose maps are not: it had to take a BPF file system that is not seen from here. Of it
 * nobody is to be told that it does not run. */
static int no_maps(const struct invocation *inv, const struct instance *in, struct fault *f)
{
	const pid_t pid = instance_running(in);
	char remedy[INSTANCE_REMEDY], target[16] = "PID";

	if (pid > 0)
		snprintf(target, sizeof(target), "%d", pid);
	if (pid)
		return fault(f, EXDEV,
			     "instance '%s' runs in another mount namespace, whose BPF file system is not this one: "
			     "'nsenter --mount --target %s xdp-ipsec %s'",
			     in->name, target, inv->command->name);
	return fault(f, ENOENT, "instance '%s' has never been started here, or all its NICs are detached: %s", in->name,
		     instance_remedy(in, remedy));
}

int session_maps(const struct invocation *inv, struct instance *in, struct maps *maps, struct fault *f)
{
	int err = session_instance(inv, in, f);

	if (err)
		return err;
	err = maps_open(maps, in->bpf_dir, f);
	if (err)
		bpffs_close(&in->bpffs);
	return err == -ENOENT ? no_maps(inv, in, f) : err;
}

void session_maps_close(struct instance *in, struct maps *maps)
{
	maps_close(maps);
	bpffs_close(&in->bpffs);
}

int session_ask(const struct invocation *inv, int fd)
{
	cJSON *reply = NULL;
	struct instance in;
	struct fault f;
	int err = session_instance(inv, &in, &f);

	if (!err)
		err = control_ask(&in, inv->command->name, inv->words, fd, &reply, &f);
	if (!err && json_text(reply, "note"))
		fprintf(stderr, "xdp-ipsec %s: note: %s\n", inv->command->name, json_text(reply, "note"));
	cJSON_Delete(reply);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}
