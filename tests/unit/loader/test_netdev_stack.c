/* SPDX-License-Identifier: BSD-2-Clause */
/* What an interface stands on, from messages as the kernel writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <linux/rtnetlink.h>

#include "net/netdev_stack.h"

static int below(const char *kind, int link, bool elsewhere)
{
	char buf[512];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	struct netdev_stack dev;
	struct nlattr *info;

	m->nlmsg_type = RTM_NEWLINK;
	mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(m, IFLA_IFNAME, "x");
	if (link)
		mnl_attr_put_u32(m, IFLA_LINK, (uint32_t)link);
	if (elsewhere)
		mnl_attr_put_u32(m, IFLA_LINK_NETNSID, 0);
	if (kind) {
		info = mnl_attr_nest_start(m, IFLA_LINKINFO);
		mnl_attr_put_strz(m, IFLA_INFO_KIND, kind);
		mnl_attr_nest_end(m, info);
	}
	netdev_stack_parse(m, &dev);
	return dev.below;
}

static void test_vlan(void **unused)
{
	(void)unused;
	assert_int_equal(below("vlan", 7, false), 7);
	assert_int_equal(below("vlan", 0, false), 0);
	assert_int_equal(below("vlan", 7, true), 0);
}

static void test_other_uppers(void **unused)
{
	(void)unused;
	assert_int_equal(below("macvlan", 7, false), 7);
	assert_int_equal(below("ipvlan", 7, false), 7);
	assert_int_equal(below("macvtap", 7, true), 0);
}

static void test_other_kinds(void **unused)
{
	(void)unused;
	assert_int_equal(below("veth", 7, false), 0);
	assert_int_equal(below("vlan2", 7, false), 0);
	assert_int_equal(below(NULL, 7, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_other_uppers),
		cmocka_unit_test(test_other_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
