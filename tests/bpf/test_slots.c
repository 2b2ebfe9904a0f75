/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Slots and generations of more than 16 bits, wherever a packet carries them: maps/layout.h, "beside the packet". */
#include <arpa/inet.h>
#include <string.h>

#include "fixture.h"

#define LAST	 (SLOTS_MAX - 1)
#define LATER	 FRAME_OUT(.id = 1, .frag_off = 5)
#define FIRST	 FRAME_OUT(.id = 1, .frag_off = 0x2000, .dport = 7, .payload = 64)
#define OLD	 0x7f123457 /* a generation with bits above those of a tag */
#define TAG_BITS 0xffffff

static void sent_by(struct fixture *fx, struct frame f, uint32_t slot)
{
	struct outcome out = run_egress(fx, &f);
	struct tx_tag tag;

	assert_int_equal(out.verdict, TC_ACT_REDIRECT);
	memcpy(&tag, out.data + 6, sizeof(tag));
	assert_int_equal(tx_tag_slot(&tag), slot);
	assert_true(tx_tag_is_of(&tag, fx->sa[slot].generation));
	assert_false(tx_tag_is_of(&tag, fx->sa[slot].generation + 2));
}

static void the_last_slot_sends(void **state)
{
	struct fixture *fx = *state;

	protect_all(fx);
	put_outbound(fx, LAST, 0, 0);
	sent_by(fx, FRAME_OUT(.dport = 7), LAST);
	put_outbound(fx, 65536, 0, 0);
	sent_by(fx, FRAME_OUT(.dport = 7), 65536);
}

static void fragments_of_the_last_slot_follow_the_first(void **state)
{
	struct fixture *fx = *state;

	protect_all(fx);
	put_outbound(fx, LAST, 0, 0);
	sent_by(fx, FIRST, LAST);
	sent_by(fx, LATER, LAST);
}

static void the_last_slot_receives(void **state)
{
	struct fixture *fx = *state;
	struct frame f = FRAME(.proto = IPPROTO_ESP, .spi = 0x1001, .seq = 1);
	struct outcome out;
	struct rx_meta meta;

	put_inbound(fx, LAST, 0x1001);
	out = run_xdp(fx, &f);
	assert_int_equal(out.verdict, XDP_REDIRECT);
	memcpy(&meta, out.data, sizeof(meta));
	assert_int_equal(meta.slot, LAST);
	assert_int_equal(meta.l3_offset, f.l3);
	assert_int_equal(meta.generation, 2 * LAST + 1);
}

/* A tag has the low bits, and whoever reads it compares those. */
static void a_tag_is_of_its_generation_alone(void **state)
{
	const struct tx_tag tag = tx_tag_of(LAST, OLD);

	(void)state;
	assert_int_equal(tx_tag_slot(&tag), LAST);
	assert_true(tx_tag_is_of(&tag, OLD));
	assert_true(tx_tag_is_of(&tag, OLD & TAG_BITS));
	assert_false(tx_tag_is_of(&tag, OLD + 1));
	assert_false(tx_tag_is_of(&tag, OLD ^ 0x800000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_last_slot_sends, fixture_large, fixture_free),
		cmocka_unit_test_setup_teardown(fragments_of_the_last_slot_follow_the_first, fixture_large,
						fixture_free),
		cmocka_unit_test_setup_teardown(the_last_slot_receives, fixture_large, fixture_free),
		cmocka_unit_test(a_tag_is_of_its_generation_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
