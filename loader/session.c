/* SPDX-License-Identifier: BSD-2-Clause */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "control_client.h"
#include "libbpf_fault.h"

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

int session_maps(const struct invocation *inv, struct instance *in, struct maps *maps, struct fault *f)
{
	int err = session_instance(inv, in, f);

	if (!err)
		err = maps_open(maps, in->bpf_dir, f);
	if (err == -ENOENT)
		return fault(f, ENOENT,
			     "instance '%s' has never been started here, or all its NICs are detached: start it with "
			     "'xdp-ipsec run'",
			     in->name);
	return err;
}

int session_ask(const struct invocation *inv, int fd)
{
	struct instance in;
	struct fault f;
	int err = session_instance(inv, &in, &f);

	if (!err)
		err = control_ask(&in, inv->command->name, inv->words, fd, NULL, &f);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}
