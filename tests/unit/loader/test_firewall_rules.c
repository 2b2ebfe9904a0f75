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

static enum firewall_fate fate(const char *rules, const struct firewall_packet *p, char chain[FIREWALL_CHAIN_TEXT])
{
	enum firewall_fate fate;
	char document[4096];
	cJSON *json;

	snprintf(document, sizeof(document), "{\"nftables\":[%s]}", rules);
	json = cJSON_Parse(document);
	if (!json)
		fail_msg("no JSON: %s", document);
	fate = firewall_fate(json, p, chain);
	cJSON_Delete(json);
	return fate;
}

static bool drops(const char *rules, const struct firewall_packet *p)
{
	char chain[FIREWALL_CHAIN_TEXT];

	if (fate(rules, p, chain) != FIREWALL_DROPS)
		return false;
	assert_string_equal(chain, "chain input of table inet filter");
	return true;
}

static bool is_unsure(const char *rules, const struct firewall_packet *p)
{
	char chain[FIREWALL_CHAIN_TEXT];

	return fate(rules, p, chain) == FIREWALL_UNSURE;
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

#define BASE(name, hook) \
	",{\"chain\":{\"family\":\"inet\",\"table\":\"filter\",\"name\":\"" name "\",\"hook\":\"" hook \
	"\",\"policy\":\"accept\"}}"
#define MARK "{\"meta\":{\"key\":\"mark\"}}"

/* Who sets a mark that another chain asks for, or has a packet not tracked, may save it; so may who sends it on. */
static void test_changes(void **unused)
{
	static const char sets_mark[] =
		BASE("pre", "prerouting") RULE_IN("pre", "{\"mangle\":{\"key\":" MARK ",\"value\":5}}");
	char rules[2048];

	(void)unused;
	snprintf(rules, sizeof(rules), "%s%s", INPUT("drop") RULE(MATCH(MARK, "5") ACCEPT), sets_mark);
	assert_true(is_unsure(rules, &ike));
	snprintf(rules, sizeof(rules), "%s%s", INPUT("drop") RULE(MATCH(DPORT, "22") ACCEPT), sets_mark);
	assert_true(drops(rules, &ike));
	assert_true(is_unsure(INPUT("drop") RULE("{\"match\":{\"op\":\"in\",\"left\":{\"ct\":{\"key\":\"state\"}},"
						 "\"right\":\"untracked\"}}," ACCEPT) BASE("pre", "prerouting")
				      RULE_IN("pre", "{\"notrack\":null}"),
			      &ike));
	assert_true(is_unsure(
		INPUT("drop") BASE("pre", "prerouting") RULE_IN("pre", "{\"dnat\":{\"addr\":\"10.0.0.1\"}}"), &ike));
	assert_true(is_unsure(INPUT("accept") RULE("{\"fwd\":{\"dev\":\"eth1\"}}"), &ike));
	assert_true(drops(INPUT("drop") RULE(MATCH(DPORT, "22") "{\"redirect\":{\"port\":500}}"), &ike));
	/* Another source, when all is decided, saves nobody. */
	assert_true(drops(INPUT("drop") BASE("post", "input") RULE_IN("post", "{\"masquerade\":null}"), &ike));
}

static void test_fates(void **unused)
{
	char chain[FIREWALL_CHAIN_TEXT] = "";

	(void)unused;
	assert_int_equal(fate(INPUT("accept"), &ike, chain), FIREWALL_PASSES);
	assert_int_equal(fate(INPUT("drop") RULE(MATCH(DPORT, "500") ACCEPT), &ike, chain), FIREWALL_PASSES);
	assert_string_equal(chain, "");
	assert_int_equal(fate(INPUT("accept") RULE("{\"limit\":{\"rate\":1}}," DROP), &ike, chain), FIREWALL_UNSURE);
	assert_string_equal(chain, "chain input of table inet filter");
	/* One that certainly drops counts more than one that may. */
	assert_int_equal(fate(INPUT("accept") RULE("{\"queue\":null}") BASE("pre", "prerouting") RULE_IN("pre", DROP),
			      &ike, chain),
			 FIREWALL_DROPS);
	assert_string_equal(chain, "chain pre of table inet filter");
}

static void test_icmp(void **unused)
{
#define ICMP_TYPE "{\"payload\":{\"protocol\":\"icmp\",\"field\":\"type\"}}"
	struct firewall_packet echo = ike;

	(void)unused;
	echo.proto = 1;
	echo.sport = echo.dport = UNKNOWN_NUMBER;
	echo.icmp_type = 8;
	assert_false(drops(INPUT("drop") RULE(MATCH(ICMP_TYPE, "\"echo-request\"") ACCEPT), &echo));
	assert_true(drops(INPUT("drop") RULE(MATCH(ICMP_TYPE, "{\"set\":[\"echo-reply\",3]}") ACCEPT), &echo));
	assert_true(drops(INPUT("drop") RULE(MATCH(ICMP_TYPE, "\"echo-request\"") ACCEPT), &ike));
	assert_true(is_unsure(INPUT("drop") RULE(MATCH(DPORT, "500") ACCEPT) RULE(
				      MATCH("{\"payload\":{\"protocol\":\"icmp\",\"field\":\"code\"}}", "1") ACCEPT),
			      &echo));
}

/* What is forwarded sees neither input nor output, and on its way out both interfaces are known. */
static void test_forwarded(void **unused)
{
	struct firewall_packet p = ike;

	(void)unused;
	p.way = FIREWALL_COMES;
	assert_false(drops(INPUT("drop"), &p));
	p.way = FIREWALL_GOES_ON;
	snprintf(p.from, sizeof(p.from), "eth1");
	assert_false(drops(INPUT("drop"), &p));
#define FORWARD "{\"chain\":{\"family\":\"inet\",\"table\":\"filter\",\"name\":\"input\",\"hook\":\"forward\"}}"
	assert_true(drops(FORWARD RULE(MATCH("{\"meta\":{\"key\":\"iifname\"}}", "\"eth1\"")
					       MATCH("{\"meta\":{\"key\":\"oifname\"}}", "\"eth0\"") DROP),
			  &p));
	p.from[0] = '\0';
	assert_true(is_unsure(FORWARD RULE(MATCH("{\"meta\":{\"key\":\"iifname\"}}", "\"eth1\"") DROP), &p));
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
		cmocka_unit_test(test_policy),	cmocka_unit_test(test_matches),	  cmocka_unit_test(test_states),
		cmocka_unit_test(test_unknown), cmocka_unit_test(test_chains),	  cmocka_unit_test(test_sets),
		cmocka_unit_test(test_hooks),	cmocka_unit_test(test_changes),	  cmocka_unit_test(test_fates),
		cmocka_unit_test(test_icmp),	cmocka_unit_test(test_forwarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
