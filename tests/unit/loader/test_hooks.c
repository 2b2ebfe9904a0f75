/* SPDX-License-Identifier: BSD-2-Clause */
/* What is pinned for a NIC that cannot be asked what runs on it. The kernel is played: all pins hold one XDP link. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attach/hooks.h"

#define NIC	7
#define PROGRAM 42

static int query_error;
static uint32_t running;
static unsigned unpinned;

/* It is there. */
char *if_indextoname(unsigned ifindex, char name[IF_NAMESIZE])
{
	(void)ifindex;
	return strcpy(name, "nic0");
}

int bpf_xdp_query(int ifindex, int flags, struct bpf_xdp_query_opts *opts)
{
	(void)flags;
	assert_int_equal(ifindex, NIC);
	opts->drv_prog_id = running;
	return query_error;
}

/* A file whose name says that it is a link. */
int bpf_obj_get(const char *path)
{
	(void)path;
	return memfd_create("link", MFD_CLOEXEC);
}

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *size)
{
	struct bpf_link_info *link = info;

	(void)fd;
	(void)size;
	link->prog_id = PROGRAM;
	link->xdp.ifindex = NIC;
	return 0;
}

int bpf_link_detach(int fd)
{
	(void)fd;
	return 0;
}

int unlink(const char *path)
{
	(void)path;
	unpinned++;
	return 0;
}

static const struct hook_place at = {.dir = "/nowhere", .dev = "nic0", .ifindex = NIC};

static int take_over(uint32_t program, int error, enum port_mode *mode)
{
	struct fault f;

	running = program;
	query_error = error;
	unpinned = 0;
	return hooks_take_over(&at, mode, &f);
}

static void test_same_nic(void **unused)
{
	enum port_mode mode;

	(void)unused;
	assert_int_equal(take_over(PROGRAM, 0, &mode), 0);
	assert_int_equal(mode, PORT_NATIVE);
	assert_int_equal(unpinned, 0);
}

static void test_another_nic(void **unused)
{
	enum port_mode mode;

	(void)unused;
	assert_int_equal(take_over(PROGRAM + 1, 0, &mode), 0);
	assert_int_equal(mode, 0);
	assert_int_equal(unpinned, 3);
}

/* It may be ours: its gate stays closed. */
static void test_not_known(void **unused)
{
	enum port_mode mode;

	(void)unused;
	assert_int_equal(take_over(0, -ENOMEM, &mode), -ENOMEM);
	assert_int_equal(unpinned, 0);
}

static void count(const char *dev, void *arg)
{
	(void)dev;
	++*(unsigned *)arg;
}

/* What cannot be read is not nothing, for which the maps would go. */
static void test_unreadable(void **unused)
{
	unsigned n = 0;

	(void)unused;
	assert_int_equal(hooks_for_each_device("/nowhere", count, &n), 0);
	assert_int_equal(hooks_for_each_device("/proc/self/exe", count, &n), -ENOTDIR);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_nic),
		cmocka_unit_test(test_another_nic),
		cmocka_unit_test(test_not_known),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
