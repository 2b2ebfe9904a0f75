/* SPDX-License-Identifier: BSD-2-Clause */
/* loader/attach/cover.h: what stands on attached NICs alone, of real interfaces in a network namespace of the test's
 * own. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "attach/cover.h"
#include "unit/needs_root.h"

static void run(const char *command)
{
	if (system(command) != 0)
		abort();
}

/* arg: names with a space behind each. */
static bool is_named(const void *arg, int ifindex)
{
	char name[IF_NAMESIZE + 1];

	if (!if_indextoname((unsigned)ifindex, name))
		return false;
	return strstr(arg, strcat(name, " "));
}

static bool guarded(const char *attached, const char *dev)
{
	const int ifindex = (int)if_nametoindex(dev);
	struct cover c;
	bool is;

	assert_true(ifindex);
	assert_int_equal(cover_find(&c, is_named, attached), 0);
	assert_true(cover_has(&c, ifindex) && !cover_has(&c, 9999));
	is = cover_guards(&c, ifindex);
	cover_free(&c);
	return is;
}

static void interfaces(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		abort();
	run("ip link add e0 type veth peer name f0 && ip link add e1 type veth peer name f1 && "
	    "ip link add e2 type veth peer name f2 && ip link add name b0 type bridge && "
	    "ip link set e0 master b0 && ip link add name top type bridge");
}

static void a_nic_guards_itself(void **state)
{
	(void)state;
	assert_true(guarded("e0 ", "e0"));
	assert_false(guarded("e0 ", "e1"));
	/* A veth has a link to its other end, on which it does not stand. */
	assert_false(guarded("e0 ", "f0"));
	assert_false(guarded("e0 ", "lo"));
}

static void a_bridge_by_all_of_its_ports(void **state)
{
	(void)state;
	assert_true(guarded("e0 ", "b0"));
	assert_false(guarded("e1 ", "b0"));
	run("ip link set e1 master b0");
	assert_false(guarded("e0 ", "b0"));
	assert_true(guarded("e0 e1 ", "b0"));
	run("ip link set e1 nomaster");
}

static void a_bridge_without_ports_is_not(void **state)
{
	(void)state;
	assert_false(guarded("e0 e1 ", "top"));
}

static void what_stands_on_a_nic(void **state)
{
	(void)state;
	if (system("ip link add link e2 name mv type macvlan 2>/dev/null") != 0)
		skip();
	assert_true(guarded("e2 ", "mv"));
	assert_false(guarded("e1 ", "mv"));
	/* And what stands on that: storey by storey. */
	run("ip link set mv master top");
	assert_true(guarded("e2 ", "top"));
	assert_false(guarded("e1 ", "top"));
	run("ip link set mv nomaster");
	/* Which the NIC does not see all of. */
	run("ip link set mv type macvlan mode bridge");
	assert_false(guarded("e2 ", "mv"));
	run("ip link set mv type macvlan mode private");
	assert_true(guarded("e2 ", "mv"));
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(a_nic_guards_itself),
		cmocka_unit_test(a_bridge_by_all_of_its_ports),
		cmocka_unit_test(a_bridge_without_ports_is_not),
		cmocka_unit_test(what_stands_on_a_nic),
	};

	if (geteuid() == 0)
		interfaces();
	return run_as_root(tests, sizeof(tests) / sizeof(tests[0]));
}
