/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "commands.h"
#include "config/config_file.h"
#include "daemon/supervisor.h"
#include "session.h"

int run_command(const struct invocation *inv)
{
	const char *path = word(inv, "-c");
	struct instance in;
	struct fault f;
	int err = session_instance(inv, &in, &f);

	if (!err)
		err = supervisor_run(&in, path ? path : CONFIG_DEFAULT_PATH, word(inv, "detach-on-exit"), &f);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}
