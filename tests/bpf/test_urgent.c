/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of its two TAP queues a packet of the host goes to: that for bulk, an even one, or that for what is urgent. */
#include "fixture.h"

#include <bpf/bpf.h>
#include <net/ethernet.h>
#include <string.h>

#include "datapath.skel.h"

#define TOS	 1 /* offset in the IPv4 header */
#define SLOTS	 200
#define DSCP_CS6 48
#define DSCP_CS5 40
#define DSCP_EF	 46

/* A test run takes the first Ethernet header off, as a socket would have it; a TAP's program sees the whole frame. */
static uint32_t queue_of(struct fixture *fx, const struct frame *f, uint32_t slot)
{
	const struct tx_tag tag = tx_tag_of(slot, 1);
	uint8_t in[ETH_HLEN + sizeof(f->data)] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = (uint32_t)(ETH_HLEN + f->len));

	memcpy(in + ETH_HLEN, f->data, f->len);
	memcpy(in + ETH_HLEN + ETH_ALEN, &tag, sizeof(tag));
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(fx->skel->progs.tap_steering), &opts), 0);
	return opts.retval;
}

static bool is_urgent(struct fixture *fx, struct frame f, uint8_t dscp)
{
	f.data[f.l3 + TOS] = (uint8_t)(dscp << 2);
	return queue_of(fx, &f, 5) % 2;
}

static void what_fills_no_queue_is_urgent(void **state)
{
	struct fixture *fx = *state;

	assert_true(is_urgent(fx, FRAME_OUT(.proto = IPPROTO_ICMP), 0));
	assert_true(is_urgent(fx, FRAME_OUT(.proto = IPPROTO_UDP, .dport = 53), 0));
	assert_true(is_urgent(fx, FRAME_OUT(.proto = IPPROTO_UDP, .frag_off = 100), 0));
	assert_false(is_urgent(fx, FRAME_OUT(.proto = IPPROTO_TCP, .dport = 443), 0));
	assert_false(is_urgent(fx, FRAME_OUT(.proto = IPPROTO_GRE), 0));
}

static void what_says_so_is_urgent(void **state)
{
	struct fixture *fx = *state;

	assert_true(is_urgent(fx, FRAME_OUT(.proto = IPPROTO_TCP, .dport = 179), DSCP_CS6));
	assert_true(is_urgent(fx, FRAME_OUT(.proto = IPPROTO_TCP, .dport = 179), DSCP_EF));
	assert_false(is_urgent(fx, FRAME_OUT(.proto = IPPROTO_TCP, .dport = 179), DSCP_CS5));
}

static void behind_a_vlan_tag_too(void **state)
{
	struct fixture *fx = *state;

	assert_true(is_urgent(fx, FRAME_OUT(.tags = 1, .proto = IPPROTO_ICMP), 0));
	assert_false(is_urgent(fx, FRAME_OUT(.tags = 1, .proto = IPPROTO_TCP), 0));
}

/* Whatever an SA carries goes to the same pair, and what two SAs carry may go to two. */
static void an_sa_has_one_pair(void **state)
{
	const struct frame bulk = FRAME_OUT(.proto = IPPROTO_TCP), urgent = FRAME_OUT(.proto = IPPROTO_ICMP);
	bool differ = false;

	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		const uint32_t queue = queue_of(*state, &bulk, slot);

		assert_int_equal(queue % 2, 0);
		assert_int_equal(queue_of(*state, &urgent, slot), queue + 1);
		differ |= queue != queue_of(*state, &bulk, 0);
	}
	assert_true(differ);
}

/* One that is a lane's leads to that lane's, wherever its slot would. */
static void a_lanes_sa_has_the_lanes_pair(void **state)
{
	const struct frame bulk = FRAME_OUT(.proto = IPPROTO_TCP), urgent = FRAME_OUT(.proto = IPPROTO_ICMP);
	struct fixture *fx = *state;

	for (unsigned lanes = 2; lanes <= LANES_MAX; lanes += 31) {
		put_lanes(fx, lanes);
		for (uint8_t lane = 1; lane <= lanes; lane++) {
			uint32_t queue;

			put_outbound_of_lane(fx, 100 + lane, SEL(ANY_PORT), lane);
			queue = queue_of(fx, &bulk, 100 + lane);
			assert_int_equal(queue % 2, 0);
			assert_int_equal(lane_of_queue(PORT, queue / 2, lanes), lane - 1);
			assert_int_equal(queue_of(fx, &urgent, 100 + lane), queue + 1);
		}
	}
	assert_int_equal(queue_of(fx, &bulk, SLOT_NONE) % 2, 0);
}

static void what_ends_within_its_headers_is_bulk(void **state)
{
	struct frame f = FRAME_OUT(.proto = IPPROTO_ICMP);

	f.len = f.l3 + 9;
	assert_int_equal(queue_of(*state, &f, 5) % 2, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(what_fills_no_queue_is_urgent), TEST_NATIVE(what_says_so_is_urgent),
		TEST_NATIVE(behind_a_vlan_tag_too),	    TEST_NATIVE(an_sa_has_one_pair),
		TEST_NATIVE(a_lanes_sa_has_the_lanes_pair), TEST_NATIVE(what_ends_within_its_headers_is_bulk),
	};

	return cmocka_run_group_tests_name("urgent", tests, NULL, NULL);
}
