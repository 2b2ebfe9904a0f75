/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules as nft shows them, and what they do for certain with IKE of 192.0.2.2 to 192.0.2.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "check/firewall_rules.h"

#define INPUT(policy) \
	"{\"chain\":{\"family\":\"inet\",\"table\":\"filter\",\"name\":\"input\",\"type\":\"filter\",\"hook\":" \
	"\"input\"," \
	"\"prio\":0,\"policy\":\"" policy "\"}}"
#define RULE_IN(chain, expr) \
	",{\"rule\":{\"family\":\"inet\",\"table\":\"filter\",\"chain\":\"" chain "\",\"expr\":[" expr "]}}"
#define RULE(expr)	   RULE_IN("input", expr)
#define MATCH(left, right) "{\"match\":{\"op\":\"==\",\"left\":" left ",\"right\":" right "}},"
#define DPORT		   "{\"payload\":{\"protocol\":\"udp\",\"field\":\"dport\"}}"
#define SADDR		   "{\"payload\":{\"protocol\":\"ip\",\"field\":\"saddr\"}}"
#define ACCEPT		   "{\"accept\":null}"
#define DROP		   "{\"drop\":null}"

static const struct firewall_packet ike = {
	.way = FIREWALL_IN,
	.dev = "eth0",
	.src = {192, 0, 2, 2},
	.dst = {192, 0, 2, 1},
	.proto = 17,
	.sport = 500,
	.dport = 500,
	.mark = 0,
	.ct_state = "new",
};

static bool drops(const char *rules, const struct firewall_packet *p)
{
	char document[4096], chain[FIREWALL_CHAIN_TEXT];
	cJSON *json;
	bool dropped;

	snprintf(document, sizeof(document), "{\"nftables\":[%s]}", rules);
	json = cJSON_Parse(document);
	if (!json)
		fail_msg("no JSON: %s", document);
	dropped = firewall_drops(json, p, chain);
	if (dropped)
		assert_string_equal(chain, "chain input of table inet filter");
	cJSON_Delete(json);
	return dropped;
}

static void test_policy(void **unused)
{
	(void)unused;
	assert_false(drops("{\"metainfo\":{}}", &ike));
	assert_false(drops(INPUT("accept"), &ike));
	assert_true(drops(INPUT("drop"), &ike));
	assert_true(drops(INPUT("accept") RULE(DROP), &ike));
	assert_true(drops(INPUT("accept") RULE("{\"reject\":{\"type\":\"tcp reset\"}}"), &ike));
	assert_false(drops(INPUT("drop") RULE(ACCEPT), &ike));
}

static void test_matches(void **unused)
{
	(void)unused;
	assert_false(drops(INPUT("drop") RULE(MATCH(DPORT, "500") ACCEPT), &ike));
	assert_true(drops(INPUT("drop") RULE(MATCH(DPORT, "4500") ACCEPT), &ike));
	assert_false(drops(INPUT("drop") RULE(MATCH(DPORT, "{\"set\":[22,500]}") ACCEPT), &ike));
	assert_false(drops(INPUT("drop") RULE(MATCH(DPORT, "{\"range\":[1,1024]}") ACCEPT), &ike));
	assert_true(drops(INPUT("drop")
				  RULE(MATCH("{\"payload\":{\"protocol\":\"tcp\",\"field\":\"dport\"}}", "500") ACCEPT),
			  &ike));
	assert_false(drops(INPUT("drop") RULE(MATCH(SADDR, "{\"prefix\":{\"addr\":\"192.0.2.0\",\"len\":24}}") ACCEPT),
			   &ike));
	assert_true(drops(INPUT("drop") RULE(MATCH(SADDR, "{\"prefix\":{\"addr\":\"192.0.3.0\",\"len\":24}}") ACCEPT),
			  &ike));
	assert_true(drops(
		INPUT("drop") RULE(MATCH("{\"payload\":{\"protocol\":\"ip6\",\"field\":\"saddr\"}}", "\"::1\"") ACCEPT),
		&ike));
	assert_true(drops(INPUT("drop") RULE(MATCH("{\"meta\":{\"key\":\"iifname\"}}", "\"lo\"") ACCEPT), &ike));
	assert_false(drops(INPUT("drop") RULE(MATCH("{\"meta\":{\"key\":\"iifname\"}}", "\"eth*\"") ACCEPT), &ike));
	assert_false(drops(INPUT("drop") RULE(MATCH("{\"meta\":{\"key\":\"l4proto\"}}", "\"udp\"") ACCEPT), &ike));
	assert_true(drops(INPUT("drop") RULE(MATCH("{\"meta\":{\"key\":\"mark\"}}", "7141") ACCEPT), &ike));
	/* All conditions count, and the first rule that ends it does. */
	assert_true(drops(INPUT("drop") RULE(MATCH(DPORT, "500") MATCH(SADDR, "\"192.0.2.3\"") ACCEPT), &ike));
	assert_true(drops(INPUT("accept") RULE(MATCH(DPORT, "500") DROP) RULE(ACCEPT), &ike));
}

static void test_states(void **unused)
{
	static const char established[] =
		INPUT("drop") RULE("{\"match\":{\"op\":\"in\",\"left\":{\"ct\":{\"key\":\"state\"}},\"right\":["
				   "\"established\",\"related\"]}}," ACCEPT);
	struct firewall_packet later = ike;

	(void)unused;
	assert_true(drops(established, &ike));
	later.ct_state = NULL;
	assert_false(drops(established, &later));
	assert_true(drops(
		INPUT("drop") RULE(
			"{\"vmap\":{\"key\":{\"ct\":{\"key\":\"state\"}},\"data\":{\"set\":[[\"established\"," ACCEPT
			"],[\"invalid\"," DROP "]]}}}"),
		&ike));
	assert_false(drops(
		INPUT("accept") RULE(
			"{\"vmap\":{\"key\":{\"ct\":{\"key\":\"state\"}},\"data\":{\"set\":[[\"established\"," ACCEPT
			"],[\"invalid\"," DROP "]]}}}"),
		&ike));
}

/* What is not understood, or depends on what is not known, is never said to drop. */
static void test_unknown(void **unused)
{
	struct firewall_packet any = ike;

	(void)unused;
	assert_false(drops(INPUT("drop") RULE("{\"xt\":{\"type\":\"match\",\"name\":\"udp\"}}," ACCEPT), &ike));
	assert_false(drops(INPUT("drop") RULE("{\"limit\":{\"rate\":1,\"per\":\"second\"}}," ACCEPT), &ike));
	assert_false(drops(INPUT("drop") RULE(MATCH("{\"osf\":{\"key\":\"name\"}}", "\"Linux\"") ACCEPT), &ike));
	assert_false(drops(INPUT("drop") RULE("{\"queue\":null}"), &ike));
	any.dport = any.sport = any.proto = UNKNOWN_NUMBER;
	assert_false(drops(INPUT("drop") RULE(MATCH(DPORT, "22") ACCEPT), &any));
	assert_true(drops(INPUT("drop") RULE(MATCH(SADDR, "\"192.0.2.3\"") MATCH(DPORT, "22") ACCEPT), &any));
	/* Counters and the like end nothing. */
	assert_true(drops(INPUT("drop")
				  RULE(MATCH(DPORT, "500") "{\"counter\":{\"packets\":0,\"bytes\":0}},{\"log\":null}"),
			  &ike));
}

static void test_chains(void **unused)
{
	(void)unused;
	assert_false(drops(INPUT("drop") RULE("{\"jump\":{\"target\":\"a\"}}") RULE_IN("a", MATCH(DPORT, "500") ACCEPT),
			   &ike));
	assert_true(drops(INPUT("drop") RULE("{\"jump\":{\"target\":\"a\"}}") RULE_IN("a", MATCH(DPORT, "22") ACCEPT),
			  &ike));
	/* After a jump it goes on, after a goto not; 'return' ends but the chain. */
	assert_false(drops(INPUT("drop") RULE("{\"jump\":{\"target\":\"a\"}}") RULE(ACCEPT)
				   RULE_IN("a", "{\"return\":null}") RULE_IN("a", DROP),
			   &ike));
	assert_true(drops(INPUT("drop") RULE("{\"goto\":{\"target\":\"a\"}}") RULE(ACCEPT)
				  RULE_IN("a", "{\"return\":null}"),
			  &ike));
	/* One that calls itself, which the kernel would refuse, is unknown. */
	assert_false(drops(INPUT("drop") RULE("{\"jump\":{\"target\":\"a\"}}")
				   RULE_IN("a", "{\"jump\":{\"target\":\"a\"}}"),
			   &ike));
}

static void test_sets(void **unused)
{
#define PEERS(elements) \
	",{\"set\":{\"family\":\"inet\",\"name\":\"peers\",\"table\":\"filter\",\"type\":\"ipv4_addr\",\"elem\":" \
	"[" elements "]}}"
	(void)unused;
	assert_false(drops(INPUT("drop") PEERS("\"192.0.2.9\",\"192.0.2.2\"") RULE(MATCH(SADDR, "\"@peers\"") ACCEPT),
			   &ike));
	assert_true(drops(INPUT("drop") PEERS("\"192.0.2.9\"") RULE(MATCH(SADDR, "\"@peers\"") ACCEPT), &ike));
	assert_true(drops(INPUT("drop") RULE(MATCH(SADDR, "\"@peers\"") ACCEPT), &ike));
}

/* Chains of other hooks, families and NICs do not see it. */
static void test_hooks(void **unused)
{
	struct firewall_packet out = ike;

	(void)unused;
	out.way = FIREWALL_OUT;
	assert_false(drops(INPUT("drop"), &out));
	assert_false(drops("{\"chain\":{\"family\":\"ip6\",\"table\":\"f\",\"name\":\"i\",\"hook\":\"input\","
			   "\"policy\":\"drop\"}}",
			   &ike));
	assert_false(drops("{\"chain\":{\"family\":\"netdev\",\"table\":\"f\",\"name\":\"i\",\"hook\":\"ingress\","
			   "\"dev\":\"eth1\","
			   "\"policy\":\"drop\"}}",
			   &ike));
	assert_true(drops(
		"{\"chain\":{\"family\":\"inet\",\"table\":\"filter\",\"name\":\"input\",\"hook\":\"ingress\",\"dev\":"
		"[\"eth1\",\"eth0\"],\"policy\":\"drop\"}}",
		&ike));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy),	cmocka_unit_test(test_matches), cmocka_unit_test(test_states),
		cmocka_unit_test(test_unknown), cmocka_unit_test(test_chains),	cmocka_unit_test(test_sets),
		cmocka_unit_test(test_hooks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
