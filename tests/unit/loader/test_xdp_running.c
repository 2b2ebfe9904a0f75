/* SPDX-License-Identifier: BSD-2-Clause */
/* attach/xdp_running.c: an interface without a program is told from one that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>

#include "attach/xdp_running.h"

#define LOOPBACK 1

static void test_none(void **unused)
{
	struct xdp_running running;

	(void)unused;
	assert_int_equal(xdp_running(LOOPBACK, &running), 0);
	assert_int_equal(running.program, 0);
}

/* As while a NIC is on its way to another namespace. */
static void test_not_there(void **unused)
{
	struct xdp_running running;

	(void)unused;
	assert_int_equal(xdp_running(INT_MAX, &running), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
