/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests that only root can make: without, each is shown as skipped, and none counts as passed. After cmocka.h. */
#ifndef TESTS_NEEDS_ROOT_H
#define TESTS_NEEDS_ROOT_H

#include <unistd.h>

static void needs_root(void **state)
{
	(void)state;
	skip();
}

/* Runs the group, or, not being root, shows what is in it. */
static int run_as_root(struct CMUnitTest *tests, size_t count)
{
	for (size_t i = 0; i < count && geteuid(); i++)
		tests[i] = (struct CMUnitTest){tests[i].name, needs_root, NULL, NULL, NULL};
	return _cmocka_run_group_tests("as root", tests, count, NULL, NULL);
}

#endif
