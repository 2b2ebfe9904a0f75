/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "packets.h"
#include "packet/reassembly.h"

#define SLOT	   7
#define GENERATION 15
#define SECOND	   1000000000ULL

static const struct reassembly_limits limits = {.datagrams = 12, .per_source = 4, .headless = 6, .first_min = 40};

static struct reassembler r;
static uint64_t lost[REASON_COUNT], lost_of_sa;
static uint32_t at_hand; /* of the fragment that is added now */
static uint8_t whole[HOST_FRAME_MAX], payload[65536];
static struct reassembled out;

/* What a test says of a fragment; the payload is the same bytes for all. */
struct part {
	size_t at;
	size_t len;
	bool last;
	uint16_t id;
	uint8_t src; /* last byte of the address */
	uint8_t tos;
	uint8_t tags;
	uint8_t options; /* bytes */
	uint16_t flags;
	uint64_t now;
	const uint8_t *data; /* in place of payload + at */
};

static void on_drop(void *user, const struct lost_fragments *what)
{
	assert_ptr_equal(user, &r);
	lost[what->why] += what->count;
	at_hand += what->at_hand;
	if (what->slot == SLOT) {
		assert_int_equal(what->generation, GENERATION);
		lost_of_sa += what->count;
	} else {
		assert_int_equal(what->slot, SLOT_NONE);
	}
}

static int set_up(void **state)
{
	struct fault f;

	(void)state;
	memset(lost, 0, sizeof(lost));
	lost_of_sa = 0;
	fill_payload(payload, sizeof(payload), 3);
	return reassembly_create(&r, &limits, on_drop, &r, &f);
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(at_hand, 0);
	reassembly_destroy(&r);
	return 0;
}

static bool add_part(const struct part *p)
{
	uint8_t frame[ETH_LEN_MAX + IP_LEN_MAX + 65536];
	const size_t l2 = ETH_LEN + p->tags * (size_t)VLAN_LEN, header = IP_LEN_MIN + p->options;
	const bool first = p->at == 0;
	struct ip_fragment f = {
		.frame = frame, .l2 = l2, .slot = first ? SLOT : SLOT_NONE, .generation = first ? GENERATION : 0};
	uint8_t *ip = frame + l2;
	bool complete;

	memset(frame, 0x11 + p->tags, l2);
	memset(ip, 0, header);
	memset(ip + IP_LEN_MIN, 1, p->options);
	ip[0] = (uint8_t)(0x40 | header / 4);
	ip[IP_TOS] = p->tos;
	ip[IP_TTL] = 64;
	store_be16(ip + IP_ID, p->id);
	store_be16(ip + IP_FRAG, (uint16_t)(p->at / 8 | (p->last ? 0 : IP_MF) | p->flags));
	memcpy(ip + IP_SRC, test_src, 4);
	ip[IP_SRC + 3] = p->src;
	memcpy(ip + IP_DST, test_dst, 4);
	memcpy(ip + header, p->data ? p->data : payload + p->at, p->len);
	ip_finish(ip, header, header + p->len, PROTO_ESP);
	f.ip = (struct ip_view){.ip = ip, .header = header, .total = header + p->len};
	at_hand = 0;
	complete = reassembly_add(&r, &f, p->now, whole, &out);
	assert_in_range(at_hand, 0, !complete);
	at_hand = 0;
	return complete;
}
#define ADD(...) add_part(&(struct part){__VA_ARGS__})

/* The datagram came out of this length, and right in every byte. */
static void assert_whole(size_t len)
{
	const uint8_t *ip = whole + out.l2;
	const size_t header = (size_t)(ip[0] & 15) * 4;

	assert_int_equal(out.len, out.l2 + header + len);
	assert_int_equal(load_be16(ip + IP_TOTAL_LEN), header + len);
	assert_int_equal(load_be16(ip + IP_FRAG), 0);
	assert_int_equal(csum_ipv4_header(ip, header), 0);
	assert_memory_equal(ip + header, payload, len);
	assert_int_equal(out.slot, SLOT);
	assert_int_equal(out.generation, GENERATION);
}

static uint64_t lost_in_all(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < REASON_COUNT; i++)
		sum += lost[i];
	return sum;
}

static void assert_lost(enum reason why, uint64_t n)
{
	assert_int_equal(lost[why], n);
	assert_int_equal(lost_in_all(), n);
	lost[why] = 0;
}

static void in_order_and_in_any_other(void **state)
{
	static const uint8_t orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};

	(void)state;
	for (uint16_t o = 0; o < 4; o++) {
		for (int i = 0; i < 4; i++) {
			const size_t n = orders[o][i];

			assert_int_equal(ADD(.at = n * 1480, .len = n == 3 ? 77 : 1480, .last = n == 3, .id = o),
					 i == 3);
		}
		assert_whole(3 * 1480 + 77);
	}
	assert_int_equal(lost_in_all(), 0);
}

static void any_cut_in_any_order(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 300; round++) {
		size_t len = 41 + (size_t)rand() % 65400, cuts[FRAGMENTS_MAX + 1] = {0}, n = 0;
		const size_t least = (len / 100 + 40 + 7) & ~(size_t)7;
		size_t order[FRAGMENTS_MAX];

		while (len - cuts[n] > 3 * least) {
			cuts[n + 1] = cuts[n] + least + 8 * ((size_t)rand() % (least / 8));
			n++;
		}
		if (n == 0)
			continue;
		cuts[++n] = len;
		for (size_t i = 0; i < n; i++)
			order[i] = i;
		for (size_t i = n - 1; i > 0; i--) {
			const size_t j = (size_t)rand() % (i + 1), kept = order[i];

			order[i] = order[j];
			order[j] = kept;
		}
		for (size_t i = 0; i < n; i++) {
			const size_t k = order[i];

			assert_int_equal(ADD(.at = cuts[k], .len = cuts[k + 1] - cuts[k], .last = k == n - 1,
					     .id = (uint16_t)round),
					 i == n - 1);
		}
		assert_whole(len);
	}
	assert_int_equal(lost_in_all(), 0);
}

static void headers_are_those_of_the_first(void **state)
{
	(void)state;
	assert_false(ADD(.at = 80, .len = 5, .last = true, .tos = 0x20));
	assert_true(ADD(.at = 0, .len = 80, .tags = 2, .options = 40, .tos = 0x48, .flags = IP_DF));
	assert_whole(85);
	assert_int_equal(out.l2, ETH_LEN_MAX);
	assert_int_equal(whole[0], 0x13);
	assert_int_equal(whole[out.l2 + IP_TOS], 0x48);
	assert_int_equal(whole[out.l2 + IP_LEN_MIN], 1);
}

static void the_longest_of_all(void **state)
{
	(void)state;
	assert_false(ADD(.at = 0, .len = 32768));
	assert_true(ADD(.at = 32768, .len = 65515 - 32768, .last = true));
	assert_whole(65515);
	/* A byte more, in what comes last or with what the first one's options add. */
	assert_false(ADD(.at = 32768, .len = 65516 - 32768, .last = true, .id = 1));
	assert_lost(REASON_FRAG_INVALID, 1);
	assert_false(ADD(.at = 32768, .len = 65515 - 32768, .last = true, .id = 2));
	assert_false(ADD(.at = 0, .len = 32768, .options = 4, .id = 2));
	assert_lost(REASON_FRAG_INVALID, 2);
}

/* Datagrams are told apart by addresses, protocol and ID. */
static void datagrams_do_not_mix(void **state)
{
	(void)state;
	assert_false(ADD(.at = 0, .len = 80, .id = 1, .src = 1));
	assert_false(ADD(.at = 80, .len = 8, .last = true, .id = 2, .src = 1));
	assert_false(ADD(.at = 80, .len = 8, .last = true, .id = 1, .src = 2));
	assert_true(ADD(.at = 80, .len = 16, .last = true, .id = 1, .src = 1));
	assert_whole(96);
	assert_int_equal(lost_in_all(), 0);
}

static void a_repeat_changes_nothing(void **state)
{
	(void)state;
	assert_false(ADD(.at = 0, .len = 80));
	assert_false(ADD(.at = 160, .len = 8, .last = true));
	assert_false(ADD(.at = 0, .len = 80));
	assert_false(ADD(.at = 160, .len = 8, .last = true));
	assert_lost(REASON_FRAG_OVERLAP, 2);
	assert_true(ADD(.at = 80, .len = 80));
	assert_whole(168);
}

/* RFC 5722: all of it goes, also what is still to come. */
static void an_overlap_takes_all_with_it(void **state)
{
	static const struct part bad[] = {
		{.at = 72, .len = 80},
		{.at = 40, .len = 8},
		{.at = 0, .len = 40},
		{.at = 0, .len = 88},
		{.at = 152, .len = 16},
		{.at = 80, .len = 88},
		{.at = 80, .len = 168},
		{.at = 160, .len = 1, .last = true},
		{.at = 160, .len = 9, .last = true},
		{.at = 152, .len = 8, .last = true},
		{.at = 168, .len = 8},
		{.at = 800, .len = 8, .last = true},
	};

	(void)state;
	for (uint16_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct part p = bad[i];

		p.id = i;
		p.src = (uint8_t)(i + 1);
		assert_false(ADD(.at = 0, .len = 80, .id = i, .src = p.src));
		assert_false(ADD(.at = 160, .len = 8, .last = true, .id = i, .src = p.src));
		assert_false(add_part(&p));
		assert_lost(REASON_FRAG_OVERLAP, 3);
		assert_false(ADD(.at = 80, .len = 80, .id = i, .src = p.src));
		assert_false(ADD(.at = 0, .len = 80, .id = i, .src = p.src));
		assert_lost(REASON_FRAG_OVERLAP, 2);
	}
}

static void the_same_place_with_other_bytes_is_an_overlap(void **state)
{
	uint8_t other[80];

	(void)state;
	memcpy(other, payload, sizeof(other));
	other[79] ^= 1;
	assert_false(ADD(.at = 0, .len = 80));
	assert_false(ADD(.at = 0, .len = 80, .data = other));
	assert_lost(REASON_FRAG_OVERLAP, 2);
}

static void an_end_before_what_is_there(void **state)
{
	(void)state;
	assert_false(ADD(.at = 0, .len = 80));
	assert_false(ADD(.at = 160, .len = 80));
	assert_false(ADD(.at = 80, .len = 8, .last = true));
	assert_lost(REASON_FRAG_OVERLAP, 3);
}

/* Refused alone: a datagram does not end by somebody's nonsense. */
static void what_no_datagram_can_have(void **state)
{
	(void)state;
	assert_false(ADD(.at = 0, .len = 80));
	assert_false(ADD(.at = 80, .len = 0));
	assert_false(ADD(.at = 80, .len = 0, .last = true));
	assert_false(ADD(.at = 80, .len = 79));
	assert_false(ADD(.at = 65528, .len = 8));
	assert_false(ADD(.at = 65520, .len = 1, .last = true));
	assert_false(ADD(.at = 0, .len = 100, .last = true));
	/* RFC 1858: a tiny first fragment leaves headers to the second. */
	assert_false(ADD(.at = 0, .len = 32));
	assert_lost(REASON_FRAG_INVALID, 7);
	assert_true(ADD(.at = 80, .len = 1, .last = true));
	assert_whole(81);
}

static void too_many_pieces(void **state)
{
	(void)state;
	assert_false(ADD(.at = 0, .len = 40));
	for (size_t i = 1; i < FRAGMENTS_MAX; i++)
		assert_false(ADD(.at = 32 + 8 * i, .len = 8));
	assert_int_equal(lost_in_all(), 0);
	assert_false(ADD(.at = 32 + 8 * FRAGMENTS_MAX, .len = 8, .last = true));
	assert_lost(REASON_FRAG_INVALID, FRAGMENTS_MAX + 1);

	assert_false(ADD(.at = 0, .len = 40, .id = 1));
	for (size_t i = 1; i < FRAGMENTS_MAX - 1; i++)
		assert_false(ADD(.at = 32 + 8 * i, .len = 8, .id = 1));
	assert_true(ADD(.at = 32 + 8 * (FRAGMENTS_MAX - 1), .len = 8, .last = true, .id = 1));
	assert_whole(40 + 8 * (FRAGMENTS_MAX - 1));
}

static void ecn_of_all(void **state)
{
	/* first, second, of the whole; 0xff: refused (RFC 3168 section 5.3) */
	static const uint8_t cases[][3] = {
		{0, 0, 0}, {1, 1, 1}, {2, 2, 2}, {3, 3, 3},    {1, 3, 3},    {3, 1, 3},	   {2, 3, 3},
		{3, 2, 3}, {1, 2, 1}, {2, 1, 2}, {0, 3, 0xff}, {3, 0, 0xff}, {0, 1, 0xff}, {2, 0, 0xff},
	};

	(void)state;
	for (uint16_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t *c = cases[i];
		bool done;

		assert_false(ADD(.at = 0, .len = 80, .id = i, .src = (uint8_t)i, .tos = (uint8_t)(0xb8 | c[0])));
		done = ADD(.at = 80, .len = 8, .last = true, .id = i, .src = (uint8_t)i, .tos = (uint8_t)(0xb8 | c[1]));
		assert_int_equal(done, c[2] != 0xff);
		if (!done)
			assert_lost(REASON_FRAG_INVALID, 2);
		else
			assert_int_equal(whole[out.l2 + IP_TOS], 0xb8 | c[2]);
	}
}

static void time_runs_out(void **state)
{
	(void)state;
	assert_false(ADD(.at = 0, .len = 80, .now = SECOND));
	assert_false(ADD(.at = 80, .len = 80, .now = 2 * SECOND));
	assert_false(ADD(.at = 80, .len = 80, .id = 1, .now = 2 * SECOND));
	reassembly_expire(&r, SECOND + REASSEMBLY_NS);
	assert_int_equal(lost_in_all(), 0);
	reassembly_expire(&r, SECOND + REASSEMBLY_NS + 1);
	assert_int_equal(lost_of_sa, 2);
	assert_lost(REASON_FRAG_TIMEOUT, 2);
	/* The ID has come round: without anybody having looked at the time, old and new do not mix. */
	assert_false(ADD(.at = 0, .len = 80, .id = 1, .now = 2 * SECOND + REASSEMBLY_NS + 1));
	assert_int_equal(lost_of_sa, 2);
	assert_lost(REASON_FRAG_TIMEOUT, 1);
	assert_true(ADD(.at = 80, .len = 8, .last = true, .id = 1, .now = 2 * SECOND + REASSEMBLY_NS + 1));
	assert_whole(88);
}

static void a_condemned_one_is_forgotten_in_time(void **state)
{
	(void)state;
	assert_false(ADD(.at = 0, .len = 80));
	assert_false(ADD(.at = 40, .len = 80));
	assert_lost(REASON_FRAG_OVERLAP, 2);
	assert_false(ADD(.at = 0, .len = 80, .now = REASSEMBLY_NS + 1));
	assert_true(ADD(.at = 80, .len = 8, .last = true, .now = REASSEMBLY_NS + 1));
	assert_int_equal(lost_in_all(), 0);
}

/* A source that opens more than it may loses its own, the oldest first. */
static void a_flood_of_one_source_is_its_own_loss(void **state)
{
	(void)state;
	assert_false(ADD(.at = 0, .len = 80, .src = 1));
	for (uint16_t id = 0; id < 1000; id++)
		assert_false(ADD(.at = 0, .len = 1480, .id = id, .src = 66));
	assert_lost(REASON_FRAG_FULL, 1000 - limits.per_source);
	assert_true(ADD(.at = 80, .len = 8, .last = true, .src = 1));
	assert_true(ADD(.at = 1480, .len = 8, .last = true, .src = 66, .id = 999));
	assert_true(ADD(.at = 1480, .len = 8, .last = true, .src = 66, .id = 1000 - limits.per_source));
	assert_whole(1488);
}

/* Of later fragments anybody can send, as they have no SPI: they push out their own kind alone. */
static void headless_ones_push_out_headless_ones(void **state)
{
	(void)state;
	for (uint8_t src = 1; src <= 3; src++)
		assert_false(ADD(.at = 0, .len = 80, .src = src));
	for (uint16_t i = 0; i < 1000; i++)
		assert_false(ADD(.at = 800, .len = 80, .id = i, .src = (uint8_t)(100 + i % 100)));
	assert_int_equal(lost_of_sa, 0);
	assert_lost(REASON_FRAG_FULL, 1000 - limits.headless);
	assert_int_equal(r.headless, limits.headless);
	for (uint8_t src = 1; src <= 3; src++)
		assert_true(ADD(.at = 80, .len = 8, .last = true, .src = src));
	reassembly_expire(&r, REASSEMBLY_NS + 1);
	assert_lost(REASON_FRAG_TIMEOUT, limits.headless);
	assert_int_equal(r.headless, 0);
}

/* Also from the peer's own address: what an outsider sends in its name takes nothing of what the peer has here. */
static void headless_ones_of_the_peer_push_out_nothing_else(void **state)
{
	(void)state;
	for (uint16_t id = 0; id < 2; id++)
		assert_false(ADD(.at = 0, .len = 80, .id = id));
	for (uint16_t id = 100; id < 1100; id++)
		assert_false(ADD(.at = 800, .len = 80, .id = id));
	assert_lost(REASON_FRAG_FULL, 1000 - (limits.per_source - 2));
	/* The peer's go on, and take back the room. */
	for (uint16_t id = 2; id < limits.per_source; id++)
		assert_false(ADD(.at = 0, .len = 80, .id = id));
	assert_lost(REASON_FRAG_FULL, limits.per_source - 2);
	assert_false(ADD(.at = 800, .len = 80, .id = 100));
	assert_int_equal(lost_of_sa, 0);
	assert_lost(REASON_FRAG_FULL, 1);
	for (uint16_t id = 0; id < limits.per_source; id++)
		assert_true(ADD(.at = 80, .len = 8, .last = true, .id = id));
	assert_int_equal(r.headless, 0);
}

/* Nor do they where all room is taken. */
static void headless_ones_find_no_room_among_others(void **state)
{
	(void)state;
	for (uint8_t src = 1; src <= 12; src++)
		assert_false(ADD(.at = 0, .len = 80, .src = src));
	assert_false(ADD(.at = 800, .len = 80, .src = 77));
	assert_false(ADD(.at = 800, .len = 80, .src = 3, .id = 1));
	assert_int_equal(lost_of_sa, 0);
	assert_lost(REASON_FRAG_FULL, 2);
	for (uint8_t src = 1; src <= 12; src++)
		assert_true(ADD(.at = 80, .len = 8, .last = true, .src = src));
}

/* All room taken by others: a source that has none takes the oldest, one that has some its own. */
static void full_of_many_sources(void **state)
{
	(void)state;
	for (uint8_t src = 1; src <= 12; src++)
		assert_false(ADD(.at = 0, .len = 80, .src = src));
	assert_false(ADD(.at = 0, .len = 80, .src = 77));
	assert_lost(REASON_FRAG_FULL, 1);
	for (uint16_t id = 1; id < 100; id++)
		assert_false(ADD(.at = 0, .len = 80, .src = 77, .id = id));
	assert_lost(REASON_FRAG_FULL, 99);
	for (uint8_t src = 2; src <= 12; src++)
		assert_true(ADD(.at = 80, .len = 8, .last = true, .src = src));
	assert_int_equal(lost_in_all(), 0);
}

/* Whatever happened, all room is there again. */
static void nothing_leaks(void **state)
{
	uint32_t n = 0;
	struct datagram *d;

	(void)state;
	srand(11);
	for (uint32_t i = 0; i < 200000; i++) {
		const bool last = rand() % 4 == 0;

		ADD(.at = 8 * ((size_t)rand() % 12), .len = last ? 13 : 8 * (1 + (size_t)rand() % 8), .last = last,
		    .id = (uint16_t)(rand() % 8), .src = (uint8_t)(rand() % 8), .now = i * (SECOND / 1000));
	}
	reassembly_expire(&r, UINT64_MAX);
	TAILQ_FOREACH(d, &r.free, by_age)
		n++;
	assert_int_equal(n, limits.datagrams);
	assert_int_equal(r.headless, 0);
	for (uint32_t i = 0; i < REASSEMBLY_BUCKETS; i++) {
		assert_int_equal(r.buckets[i].count, 0);
		assert_true(TAILQ_EMPTY(&r.buckets[i].datagrams));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(in_order_and_in_any_other),
		TEST(any_cut_in_any_order),
		TEST(headers_are_those_of_the_first),
		TEST(the_longest_of_all),
		TEST(datagrams_do_not_mix),
		TEST(a_repeat_changes_nothing),
		TEST(an_overlap_takes_all_with_it),
		TEST(the_same_place_with_other_bytes_is_an_overlap),
		TEST(an_end_before_what_is_there),
		TEST(what_no_datagram_can_have),
		TEST(too_many_pieces),
		TEST(ecn_of_all),
		TEST(time_runs_out),
		TEST(a_condemned_one_is_forgotten_in_time),
		TEST(a_flood_of_one_source_is_its_own_loss),
		TEST(headless_ones_push_out_headless_ones),
		TEST(headless_ones_of_the_peer_push_out_nothing_else),
		TEST(headless_ones_find_no_room_among_others),
		TEST(full_of_many_sources),
		TEST(nothing_leaks),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
