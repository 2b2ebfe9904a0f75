/* SPDX-License-Identifier: BSD-2-Clause */
/* loader/net/busy_poll.h: what the kernel then says of the sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/socket.h>

#include "lib/privileges.h"
#include "net/busy_poll.h"
#include "unit/needs_root.h"

/* Of Linux 5.11. */
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#define SO_BUSY_POLL_BUDGET 70
#endif

static int sockets[2];

static int make_sockets(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		if ((sockets[i] = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0)) < 0)
			return -1;
	return 0;
}

static int close_sockets(void **unused)
{
	(void)unused;
	close(sockets[0]);
	return close(sockets[1]);
}

static int of(int fd, int option)
{
	socklen_t len = sizeof(int);
	int value = -1;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, option, &value, &len), 0);
	return value;
}

static void assert_off(int fd)
{
	assert_int_equal(of(fd, SO_PREFER_BUSY_POLL), 0);
	assert_int_equal(of(fd, SO_BUSY_POLL), 0);
}

static void is_on_for_all(void **unused)
{
	(void)unused;
	assert_off(sockets[0]);
	assert_int_equal(busy_poll_set(sockets, 2), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(of(sockets[i], SO_PREFER_BUSY_POLL), 1);
		assert_int_equal(of(sockets[i], SO_BUSY_POLL), 20);
	}
}

/* 0 or -errno. */
static int set_budget(void *value)
{
	return setsockopt(sockets[0], SOL_SOCKET, SO_BUSY_POLL_BUDGET, value, sizeof(int)) < 0 ? -errno : 0;
}

/* The kernel does not tell it, but lets nobody without privileges raise it. */
static void takes_64_packets_at_once(void **unused)
{
	int is = 64, more = 65;

	(void)unused;
	assert_int_equal(privileges_try_without(set_budget, &is), -EPERM);
	assert_int_equal(busy_poll_set(sockets, 2), 0);
	assert_int_equal(privileges_try_without(set_budget, &is), 0);
	assert_int_equal(privileges_try_without(set_budget, &more), -EPERM);
}

/* A queue that is not polled and whose interrupts are put off would wait for nothing. */
static void is_on_for_all_or_none(void **unused)
{
	const int one[] = {sockets[0], -1};

	(void)unused;
	assert_int_equal(busy_poll_set(one, 2), -EBADF);
	assert_off(sockets[0]);
}

static int try(void *unused)
{
	(void)unused;
	return busy_poll_set(sockets, 2);
}

static void takes_privileges(void **unused)
{
	(void)unused;
	assert_int_equal(privileges_try_without(try, NULL), -EPERM);
	assert_off(sockets[0]);
	assert_off(sockets[1]);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_on_for_all, make_sockets, close_sockets),
		cmocka_unit_test_setup_teardown(takes_64_packets_at_once, make_sockets, close_sockets),
		cmocka_unit_test_setup_teardown(is_on_for_all_or_none, make_sockets, close_sockets),
		cmocka_unit_test_setup_teardown(takes_privileges, make_sockets, close_sockets),
	};

	return run_as_root(tests, sizeof(tests) / sizeof(tests[0]));
}
