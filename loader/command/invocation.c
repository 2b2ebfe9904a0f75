/* SPDX-License-Identifier: BSD-2-Clause */
#include "invocation.h"

#include <stdio.h>
#include <stdlib.h>

int cli_fail(const struct invocation *inv, const char *text)
{
	fprintf(stderr, "xdp-ipsec %s: %s\n", inv->command->name, text);
	return EXIT_FAILURE;
}

int cli_usage(const struct invocation *inv, const char *text)
{
	fprintf(stderr, "xdp-ipsec %s: %s (see 'xdp-ipsec help %s')\n", inv->command->name, text, inv->command->name);
	return EXIT_USAGE;
}
