/* SPDX-License-Identifier: BSD-2-Clause */
/* What an interface stands on, from messages as the kernel writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <linux/rtnetlink.h>

#include "net/netdev_stack.h"

/* What the kernel says of an interface besides its kind: one number. */
struct data {
	uint16_t type;
	uint16_t size;
	uint32_t value;
};

static struct netdev_stack parsed(const char *kind, int link, bool elsewhere, const struct data *data)
{
	char buf[512];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	struct netdev_stack dev;
	struct nlattr *info, *inner;

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
		if (data) {
			inner = mnl_attr_nest_start(m, IFLA_INFO_DATA);
			mnl_attr_put(m, data->type, data->size, &data->value);
			mnl_attr_nest_end(m, inner);
		}
		mnl_attr_nest_end(m, info);
	}
	netdev_stack_parse(m, &dev);
	return dev;
}

static int below(const char *kind, int link, bool elsewhere)
{
	return parsed(kind, link, elsewhere, NULL).below;
}

static bool has_shortcuts(const char *kind, struct data data)
{
	return parsed(kind, 7, false, &data).has_shortcuts;
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

/* What is not said is as bad as it can be. */
static void test_shortcuts(void **unused)
{
	(void)unused;
	assert_true(has_shortcuts("macvlan", (struct data){IFLA_MACVLAN_MODE, 4, MACVLAN_MODE_BRIDGE}));
	assert_true(has_shortcuts("macvtap", (struct data){IFLA_MACVLAN_MODE, 4, MACVLAN_MODE_BRIDGE}));
	assert_true(has_shortcuts("macvlan", (struct data){IFLA_MACVLAN_MODE, 2, MACVLAN_MODE_VEPA}));
	assert_true(has_shortcuts("macvlan", (struct data){IFLA_MACVLAN_FLAGS, 4, 0}));
	assert_true(parsed("macvlan", 7, false, NULL).has_shortcuts);
	for (uint32_t mode = MACVLAN_MODE_PRIVATE; mode <= MACVLAN_MODE_SOURCE; mode *= 2)
		assert_int_equal(has_shortcuts("macvlan", (struct data){IFLA_MACVLAN_MODE, 4, mode}),
				 mode == MACVLAN_MODE_BRIDGE);
	assert_true(has_shortcuts("ipvlan", (struct data){IFLA_IPVLAN_FLAGS, 2, 0}));
	assert_true(has_shortcuts("ipvtap", (struct data){IFLA_IPVLAN_MODE, 2, 1}));
	assert_false(has_shortcuts("ipvlan", (struct data){IFLA_IPVLAN_FLAGS, 2, IPVLAN_F_PRIVATE}));
	assert_false(has_shortcuts("ipvtap", (struct data){IFLA_IPVLAN_FLAGS, 2, IPVLAN_F_VEPA}));
	assert_false(has_shortcuts("vlan", (struct data){IFLA_VLAN_ID, 2, 5}));
	assert_false(has_shortcuts("bridge", (struct data){IFLA_MACVLAN_MODE, 4, MACVLAN_MODE_BRIDGE}));
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
		cmocka_unit_test(test_shortcuts),
		cmocka_unit_test(test_other_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
