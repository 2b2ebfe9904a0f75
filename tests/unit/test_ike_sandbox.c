/* SPDX-License-Identifier: BSD-2-Clause */
/* ike/sandbox.h: which capability IKE goes on with, on kernels that let any process use a map it has, and on others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"

static bool has_cap_bpf(void)
{
	struct __user_cap_header_struct self = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	assert_int_equal(syscall(SYS_capget, &self, data), 0);
	return data[CAP_TO_INDEX(CAP_BPF)].effective & CAP_TO_MASK(CAP_BPF);
}

/* bpf() of Linux 5.15 with kernel.unprivileged_bpf_disabled not 0. */
static int needs_cap_bpf(void *calls)
{
	++*(int *)calls;
	return has_cap_bpf() ? 0 : -EPERM;
}

/* Since 5.19; and before with kernel.unprivileged_bpf_disabled = 0. */
static int needs_nothing(void *calls)
{
	++*(int *)calls;
	return 0;
}

static int finds_nothing(void *calls)
{
	++*(int *)calls;
	return -ENOENT;
}

static void keeps_what_a_map_takes(void **unused)
{
	int calls = 0;

	(void)unused;
	assert_true(has_cap_bpf());
	assert_true(sandbox_bpf_capability(needs_cap_bpf, &calls) == 1ULL << CAP_BPF);
	assert_int_equal(calls, 1);
	assert_true(has_cap_bpf());
}

static void keeps_nothing_where_the_descriptor_does(void **unused)
{
	int calls = 0;

	(void)unused;
	assert_true(sandbox_bpf_capability(needs_nothing, &calls) == 0);
	assert_true(sandbox_bpf_capability(finds_nothing, &calls) == 0);
	assert_int_equal(calls, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_a_map_takes),
		cmocka_unit_test(keeps_nothing_where_the_descriptor_does),
	};

	return cmocka_run_group_tests_name("ike_sandbox", tests, NULL, NULL);
}
