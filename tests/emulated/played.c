/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In a test program that qemu-user or valgrind runs (tests/emulated/run), before its libraries. The tests of it that
 * are named in $NOT_HERE are shown as skipped, and a system call that neither qemu-user 7.2 nor valgrind 3.19 knows is
 * played by the next best.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef int run_fn(const char *name, const struct CMUnitTest *tests, size_t count, CMFixtureFunction up,
		   CMFixtureFunction down);
run_fn _cmocka_run_group_tests;

/* What the tests start are programs of the host, which would complain of this one. */
static __attribute__((constructor)) void for_nobody_else(void)
{
	unsetenv("LD_PRELOAD");
}

/* Memory is locked at once, and not as it is used. */
int mlock2(const void *addr, size_t len, unsigned flags)
{
	(void)flags;
	return mlock(addr, len);
}

static void not_here(void **state)
{
	(void)state;
	skip();
}

/* The names are divided by spaces; * is all. */
static bool is_named(const char *names, const char *name)
{
	const size_t len = strlen(name);

	if (names && strcmp(names, "*") == 0)
		return true;
	for (const char *at = names; at && (at = strstr(at, name)); at += len)
		if ((at == names || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

int _cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count, CMFixtureFunction up,
			    CMFixtureFunction down)
{
	run_fn *run = (run_fn *)dlsym(RTLD_NEXT, __func__);
	struct CMUnitTest *here = calloc(count, sizeof(*here));
	int failed;

	if (!run || !here)
		abort();
	for (size_t i = 0; i < count; i++)
		here[i] = is_named(getenv("NOT_HERE"), tests[i].name)
				  ? (struct CMUnitTest){tests[i].name, not_here, NULL, NULL, NULL}
				  : tests[i];
	failed = run(name, here, count, up, down);
	free(here);
	return failed;
}
