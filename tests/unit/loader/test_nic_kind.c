/* SPDX-License-Identifier: BSD-2-Clause */
/* Which kinds of interfaces are refused and what is named instead, from messages as the kernel writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "attach/nic_kind.h"

static int judge(const char *kind, const char *instead, struct fault *f)
{
	char buf[512];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	struct netdev_stack dev;
	struct nlattr *info;

	m->nlmsg_type = RTM_NEWLINK;
	mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(m, IFLA_IFNAME, "x0");
	if (kind) {
		info = mnl_attr_nest_start(m, IFLA_LINKINFO);
		mnl_attr_put_strz(m, IFLA_INFO_KIND, kind);
		mnl_attr_nest_end(m, info);
	}
	netdev_stack_parse(m, &dev);
	return nic_kind_judge("x0", &dev, instead, f);
}

static void test_refused(void **unused)
{
	static const char *const kinds[] = {"bond", "team", "vrf", "vlan", "ipvlan", "ipvtap"};
	struct fault f;

	(void)unused;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		assert_int_equal(judge(kinds[i], "eth1 and eth2", &f), -EINVAL);
		assert_non_null(strstr(f.text, kinds[i][0] == 'v' && kinds[i][1] == 'l' ? "VLAN" : "x0: a"));
		assert_non_null(strstr(f.text, "attach eth1 and eth2"));
		assert_int_equal(judge(kinds[i], "", &f), -EINVAL);
		assert_non_null(strstr(f.text, "attach "));
	}
}

/* Each of its ports has half of what there is: neither is the remedy. */
static void test_hsr(void **unused)
{
	struct fault f;

	(void)unused;
	assert_int_equal(judge("hsr", "eth1 and eth2", &f), -EINVAL);
	assert_null(strstr(f.text, "eth1"));
}

static void test_taken(void **unused)
{
	static const char *const kinds[] = {NULL,    "veth", "bridge", "macvlan", "macvtap",
					    "dummy", "tun",  "vxlan",  "geneve",  "bondage"};
	struct fault f;

	(void)unused;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		assert_int_equal(judge(kinds[i], "", &f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hsr),
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
