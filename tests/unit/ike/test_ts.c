/* SPDX-License-Identifier: BSD-2-Clause */
/* Traffic selectors as peers send them, and what is left of them between two hosts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/ts.h"

static const uint8_t local[4] = {192, 0, 2, 1}, remote[4] = {192, 0, 2, 2}, zero[4], ones[4] = {255, 255, 255, 255};
static const struct selector all = {SELECTOR_ANY_PORT};
static const struct selector bgp[2] = {{0, 65535, 179, 179, 6}, {179, 179, 0, 65535, 6}};

static struct ts host(const uint8_t addr[4], uint8_t proto, uint16_t min, uint16_t max)
{
	struct ts ts = {.proto = proto, .port_min = min, .port_max = max};

	memcpy(ts.start, addr, 4);
	memcpy(ts.end, addr, 4);
	return ts;
}

static struct ts anywhere(void)
{
	struct ts ts = host(zero, 0, 0, 65535);

	memcpy(ts.end, ones, 4);
	return ts;
}

static struct ts_list one(struct ts ts)
{
	return (struct ts_list){.ts = {ts}, .count = 1};
}

static bool narrow(struct ts_list l, struct ts_list r, const struct selector *allowed, unsigned count,
		   struct selector *out)
{
	unsigned index = 99;

	return ts_narrow(&l, &r, local, remote, allowed, count, out, &index) && index < count;
}

/* PAN-OS without proxy IDs. */
static void everything_is_narrowed_to_the_hosts(void **state)
{
	struct selector s;

	(void)state;
	assert_true(narrow(one(anywhere()), one(anywhere()), &all, 1, &s));
	assert_true(selector_equal(&s, &all));
	assert_true(narrow(one(anywhere()), one(anywhere()), bgp, 2, &s));
	assert_true(selector_equal(&s, &bgp[0]));
}

/* An acquire: the packet first, then what the policy is for (RFC 7296 section 2.9). */
static void a_packet_first_does_not_narrow(void **state)
{
	struct ts_list l = {.ts = {host(local, 17, 53, 53), host(local, 0, 0, 65535)}, .count = 2};
	struct ts_list r = {.ts = {host(remote, 17, 4000, 4000), host(remote, 0, 0, 65535)}, .count = 2};
	struct selector s;

	(void)state;
	assert_true(narrow(l, r, &all, 1, &s));
	assert_true(selector_equal(&s, &all));
}

static void protocol_and_port_meet(void **state)
{
	struct selector s;

	(void)state;
	assert_true(narrow(one(host(local, 6, 179, 179)), one(host(remote, 6, 0, 65535)), &all, 1, &s));
	assert_true(selector_equal(&s, &bgp[1]));
	assert_true(narrow(one(host(local, 0, 0, 65535)), one(host(remote, 6, 100, 200)), bgp, 2, &s));
	assert_true(selector_equal(&s, &bgp[0]));
}

static void nothing_in_common_is_refused(void **state)
{
	struct selector s;

	(void)state;
	assert_false(narrow(one(host(local, 17, 0, 65535)), one(host(remote, 17, 0, 65535)), bgp, 2, &s));
	assert_false(narrow(one(host(local, 6, 0, 65535)), one(host(remote, 17, 0, 65535)), &all, 1, &s));
	assert_false(narrow(one(host(remote, 0, 0, 65535)), one(host(remote, 0, 0, 65535)), &all, 1, &s));
	assert_false(narrow(one(host(local, 6, 0, 178)), one(host(remote, 6, 180, 65535)), bgp, 2, &s));
	/* OPAQUE ports (section 3.13.1): from 65535 to 0. */
	assert_false(narrow(one(host(local, 6, 65535, 0)), one(host(remote, 6, 0, 65535)), bgp, 2, &s));
}

static void is_narrowed_to(struct ts l, struct ts r, struct selector allowed, struct selector wanted)
{
	struct selector s;

	assert_true(narrow(one(l), one(r), &allowed, 1, &s));
	assert_true(selector_equal(&s, &wanted));
}

static void ranges_meet(void **state)
{
	(void)state;
	is_narrowed_to(host(local, 6, 100, 200), host(remote, 6, 0, 65535), all,
		       (struct selector){100, 200, 0, 65535, 6});
	is_narrowed_to(host(local, 6, 0, 65535), host(remote, 6, 8000, 8080),
		       (struct selector){0, 65535, 8010, 9000, 6}, (struct selector){0, 65535, 8010, 8080, 6});
	is_narrowed_to(host(local, 0, 0, 65535), host(remote, 0, 0, 65535), (struct selector){0, 65535, 8010, 9000, 6},
		       (struct selector){0, 65535, 8010, 9000, 6});
	is_narrowed_to(host(local, 6, 1000, 1000), host(remote, 6, 8080, 8080),
		       (struct selector){0, 65535, 8000, 8080, 6}, (struct selector){1000, 1000, 8080, 8080, 6});
}

/* Type and code in both (RFC 4301 section 4.4.1.1), or in one, as some peers have it. */
static void icmp_types_meet(void **state)
{
	const struct selector echo = {0x0800, 0x08ff, 0x0800, 0x08ff, 1};
	struct selector s;

	(void)state;
	is_narrowed_to(host(local, 1, 0x0800, 0x08ff), host(remote, 1, 0x0800, 0x08ff), all, echo);
	is_narrowed_to(host(local, 1, 0, 65535), host(remote, 1, 0, 65535), echo, echo);
	is_narrowed_to(host(local, 1, 0, 65535), host(remote, 1, 0x0800, 0x0800), echo,
		       (struct selector){0x0800, 0x08ff, 0x0800, 0x0800, 1});
	assert_false(narrow(one(host(local, 1, 0, 0xff)), one(host(remote, 1, 0, 0xff)), &echo, 1, &s));
}

/* Which of ours the result comes from: another connection's may say the same less exactly. */
static void tells_which_it_is(void **state)
{
	const struct ts_list l = one(host(local, 6, 179, 179)), r = one(host(remote, 6, 0, 65535));
	unsigned index = 99;
	struct selector s;

	(void)state;
	assert_true(ts_narrow(&l, &r, local, remote, bgp, 2, &s, &index));
	assert_int_equal(index, 1);
	assert_true(selector_equal(&s, &bgp[1]));
}

static bool accept_answer(struct ts l, struct ts r, const struct selector *asked, struct selector *out)
{
	const struct ts_list ll = one(l), rl = one(r);

	return ts_accept(&ll, &rl, local, remote, asked, out);
}

static void answer_may_be_narrower_but_not_wider(void **state)
{
	struct selector s;

	(void)state;
	assert_true(accept_answer(host(local, 0, 0, 65535), host(remote, 0, 0, 65535), &all, &s));
	assert_true(accept_answer(host(local, 6, 0, 65535), host(remote, 6, 179, 179), &all, &s));
	assert_true(selector_equal(&s, &bgp[0]));
	assert_false(accept_answer(anywhere(), host(remote, 0, 0, 65535), &all, &s));
	assert_false(accept_answer(host(local, 17, 0, 65535), host(remote, 17, 0, 65535), &bgp[0], &s));
}

/* ---- on the wire ---- */

static void written_is_read(void **state)
{
	static struct body b;
	struct payload p = {.type = PAYLOAD_TSI};
	struct ts_list list;

	(void)state;
	body_init(&b);
	ts_write(&b, PAYLOAD_TSI, local, 6, 179, 181);
	p.data = b.data + 4;
	p.size = b.w.size - 4;
	assert_true(ts_parse(&p, &list));
	assert_int_equal(list.count, 1);
	assert_int_equal(list.ts[0].port_min, 179);
	assert_int_equal(list.ts[0].port_max, 181);
	assert_memory_equal(list.ts[0].end, local, 4);
	for (size_t size = 0; size < b.w.size - 4; size++) {
		p.size = size;
		assert_false(ts_parse(&p, &list));
	}
}

static void other_types_are_left_out(void **state)
{
	/* An IPv6 range, then an IPv4 one. */
	uint8_t data[4 + 40 + 16] = {2, 0, 0, 0, 8, 0, 0, 40};
	struct payload p = {.type = PAYLOAD_TSR, .data = data, .size = sizeof(data)};
	struct ts_list list;

	(void)state;
	data[44] = TS_IPV4_ADDR_RANGE;
	data[47] = 16;
	assert_true(ts_parse(&p, &list));
	assert_int_equal(list.count, 1);
	data[47] = 17;
	assert_false(ts_parse(&p, &list));
	data[47] = 16;
	data[7] = 3;
	assert_false(ts_parse(&p, &list));
	data[7] = 40;
	data[0] = 3;
	assert_false(ts_parse(&p, &list));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_narrowed_to_the_hosts),
		cmocka_unit_test(a_packet_first_does_not_narrow),
		cmocka_unit_test(protocol_and_port_meet),
		cmocka_unit_test(nothing_in_common_is_refused),
		cmocka_unit_test(ranges_meet),
		cmocka_unit_test(icmp_types_meet),
		cmocka_unit_test(tells_which_it_is),
		cmocka_unit_test(answer_may_be_narrower_but_not_wider),
		cmocka_unit_test(written_is_read),
		cmocka_unit_test(other_types_are_left_out),
	};

	return cmocka_run_group_tests_name("IKE traffic selectors", tests, NULL, NULL);
}
