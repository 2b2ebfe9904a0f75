/* SPDX-License-Identifier: BSD-2-Clause */
/* SA payloads: what is taken of what peers offer, and what of their answers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "offer.h"

/* ---- ours ---- */

static void ours_is_taken_by_ours(void **state)
{
	static struct body b;
	struct ike_choice c, taken;
	struct esp_choice e, got;
	struct payload p;

	(void)state;
	for (uint64_t spi = 0; spi < 20; spi += 17) {
		body_init(&b);
		proposal_offer_ike(&b, spi);
		p = (struct payload){.data = b.data + 4, .size = b.w.size - 4};
		assert_int_equal(proposal_choose_ike(&p, spi, &c), 0);
		assert_int_equal(c.prf, PRF_HMAC_SHA2_384);
		assert_true(c.spi == spi);
		body_init(&b);
		proposal_answer_ike(&b, &c, spi);
		p.size = b.w.size - 4;
		assert_int_equal(proposal_accept_ike(&p, spi, &taken), 0);
		assert_int_equal(taken.prf, c.prf);
	}
	for (int kind = 0; kind < 4; kind++) {
		const enum esn_policy esn = kind & 1 ? ESN_OFFERED : ESN_NEVER;

		body_init(&b);
		proposal_offer_esp(&b, 0xcafe, esn, kind & 2);
		p = (struct payload){.data = b.data + 4, .size = b.w.size - 4};
		assert_int_equal(proposal_choose_esp(&p, ESN_OFFERED, kind & 2, &e), 0);
		assert_int_equal(e.esn, kind & 1);
		assert_int_equal(e.spi, 0xcafe);
		body_init(&b);
		proposal_answer_esp(&b, &e, 0xbeef);
		p.size = b.w.size - 4;
		assert_int_equal(proposal_accept_esp(&p, esn, kind & 2, &got), 0);
		assert_int_equal(got.esn, e.esn);
		assert_int_equal(got.spi, 0xbeef);
	}
}

/* ---- IKE ---- */

static void best_prf_is_taken(void **state)
{
	const struct transform all[] = {PRF(5), PRF(7), GCM, DH(31), PRF(6), DH(20), PRF(2), INTEG(0)};
	const struct transform two[] = {PRF(5), PRF(7), GCM, DH(20)}, one[] = {PRF(5), PRF(4), GCM, DH(20)};
	struct ike_choice c;

	(void)state;
	assert_int_equal(ike(all, COUNT(all), &c), 0);
	assert_int_equal(c.prf, PRF_HMAC_SHA2_384);
	assert_int_equal(ike(two, COUNT(two), &c), 0);
	assert_int_equal(c.prf, PRF_HMAC_SHA2_512);
	assert_int_equal(ike(one, COUNT(one), &c), 0);
	assert_int_equal(c.prf, PRF_HMAC_SHA2_256);
}

static void each_part_of_ike_is_needed(void **state)
{
	const struct transform bad[][4] = {
		{{TRANSFORM_ENCR, 20, 128, 0}, PRF(6), DH(20), INTEG(0)}, /* a shorter key */
		{{TRANSFORM_ENCR, 20, 0, 0}, PRF(6), DH(20), INTEG(0)},	  /* no key length */
		{{TRANSFORM_ENCR, 20, 256, 9}, PRF(6), DH(20), INTEG(0)}, /* an attribute nobody knows */
		{{TRANSFORM_ENCR, 19, 256, 0}, PRF(6), DH(20), INTEG(0)}, /* GCM with 12 bytes of ICV */
		{GCM, PRF(2), DH(20), INTEG(0)},			  /* HMAC-SHA1 */
		{GCM, PRF(6), DH(19), INTEG(0)},			  /* P-256 */
		{GCM, PRF(6), DH(0), INTEG(0)},
		{GCM, PRF(6), DH(20), INTEG(12)},     /* an integrity that must be used */
		{GCM, PRF(6), DH(20), ESN(0)},	      /* of ESP alone */
		{GCM, PRF(6), DH(20), {13, 0, 0, 0}}, /* a type of transform that nobody knows */
		{GCM, DH(20), INTEG(0), INTEG(0)},
		{PRF(6), DH(20), INTEG(0), INTEG(0)},
	};
	struct ike_choice c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ike(bad[i], 4, &c), -ENOPROTOOPT);
}

static void protocol_and_spi_must_fit(void **state)
{
	const struct transform t[] = {GCM, PRF(6), DH(20)};
	struct ike_choice c;
	struct payload p;

	(void)state;
	begin();
	add(1, PROTOCOL_ESP, "", 0, t, 3, true);
	p = made();
	assert_int_equal(proposal_choose_ike(&p, false, &c), -ENOPROTOOPT);
	begin();
	add(1, PROTOCOL_IKE, "12345678", 8, t, 3, true);
	p = made();
	assert_int_equal(proposal_choose_ike(&p, false, &c), -ENOPROTOOPT);
	assert_int_equal(proposal_choose_ike(&p, true, &c), 0);
	begin();
	add(1, PROTOCOL_IKE, "\0\0\0\0\0\0\0\0", 8, t, 3, true);
	p = made();
	assert_int_equal(proposal_choose_ike(&p, true, &c), -ENOPROTOOPT);
	begin();
	add(1, PROTOCOL_IKE, "", 0, t, 3, true);
	p = made();
	assert_int_equal(proposal_choose_ike(&p, true, &c), -ENOPROTOOPT);
}

/* strongSwan sends the AEADs behind the others. */
static void first_proposal_that_fits_is_taken(void **state)
{
	const struct transform cbc[] = {{TRANSFORM_ENCR, 12, 256, 0}, INTEG(12), PRF(5), DH(20)};
	const struct transform gcm[] = {GCM, PRF(5), DH(20)}, better[] = {GCM, PRF(6), DH(20)};
	struct ike_choice c;
	struct payload p;

	(void)state;
	begin();
	add(1, PROTOCOL_IKE, "", 0, cbc, 4, false);
	add(2, PROTOCOL_IKE, "", 0, gcm, 3, false);
	add(3, PROTOCOL_IKE, "", 0, better, 3, true);
	p = made();
	assert_int_equal(proposal_choose_ike(&p, false, &c), 0);
	assert_int_equal(c.number, 2);
	assert_int_equal(c.prf, PRF_HMAC_SHA2_256);
}

/* ---- ESP ---- */

static void esn_is_first_choice_unless_never(void **state)
{
	const struct transform both[] = {GCM, ESN(0), ESN(1)}, yes[] = {GCM, ESN(1)}, no[] = {GCM, ESN(0)},
			       none[] = {GCM};
	struct esp_choice c;

	(void)state;
	assert_int_equal(esp(both, 3, ESN_OFFERED, false, &c), 0);
	assert_true(c.esn);
	assert_int_equal(esp(both, 3, ESN_NEVER, false, &c), 0);
	assert_false(c.esn);
	assert_int_equal(esp(yes, 2, ESN_NEVER, false, &c), -ENOPROTOOPT);
	assert_int_equal(esp(no, 2, ESN_OFFERED, false, &c), 0);
	assert_false(c.esn);
	assert_int_equal(esp(none, 1, ESN_OFFERED, false, &c), -ENOPROTOOPT);
	assert_int_equal(esp(none, 1, ESN_NEVER, false, &c), -ENOPROTOOPT);
}

static void group_is_needed_for_pfs_alone(void **state)
{
	const struct transform with[] = {GCM, DH(31), DH(20), ESN(1)}, without[] = {GCM, ESN(1)},
			       other[] = {GCM, DH(14), ESN(1)};
	struct esp_choice c;

	(void)state;
	assert_int_equal(esp(with, 4, ESN_OFFERED, true, &c), 0);
	assert_true(c.dh);
	assert_int_equal(esp(with, 4, ESN_OFFERED, false, &c), 0);
	assert_false(c.dh);
	assert_int_equal(esp(without, 2, ESN_OFFERED, true, &c), -ENOPROTOOPT);
	assert_int_equal(esp(other, 3, ESN_OFFERED, true, &c), -ENOPROTOOPT);
}

static void each_part_of_esp_is_needed(void **state)
{
	const struct transform bad[][3] = {
		{{TRANSFORM_ENCR, 20, 128, 0}, ESN(0), INTEG(0)},
		{{TRANSFORM_ENCR, 12, 256, 0}, ESN(0), INTEG(12)},
		{GCM, ESN(0), INTEG(12)},
		{GCM, ESN(2), INTEG(0)},
		{GCM, ESN(0), PRF(6)},
	};
	const struct transform good[] = {GCM, ESN(0)};
	struct esp_choice c;
	struct payload p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(esp(bad[i], 3, ESN_OFFERED, false, &c), -ENOPROTOOPT);
	/* AH; an SPI of zero; one that is too long. */
	begin();
	add(1, PROTOCOL_AH, "\1\2\3\4", 4, good, 2, true);
	p = made();
	assert_int_equal(proposal_choose_esp(&p, ESN_OFFERED, false, &c), -ENOPROTOOPT);
	begin();
	add(1, PROTOCOL_ESP, "\0\0\0\0", 4, good, 2, true);
	p = made();
	assert_int_equal(proposal_choose_esp(&p, ESN_OFFERED, false, &c), -ENOPROTOOPT);
	begin();
	add(1, PROTOCOL_ESP, "12345678", 8, good, 2, true);
	p = made();
	assert_int_equal(proposal_choose_esp(&p, ESN_OFFERED, false, &c), -ENOPROTOOPT);
}

/* ---- answers ---- */

static int accept_ike(const struct transform *t, uint8_t count)
{
	struct ike_choice c;
	struct payload p;

	begin();
	add(1, PROTOCOL_IKE, "", 0, t, count, true);
	p = made();
	return proposal_accept_ike(&p, false, &c);
}

static int accept_esp(const struct transform *t, uint8_t count, enum esn_policy esn, bool dh)
{
	struct esp_choice c;
	struct payload p;

	begin();
	add(1, PROTOCOL_ESP, "\1\2\3\4", 4, t, count, true);
	p = made();
	return proposal_accept_esp(&p, esn, dh, &c);
}

static void answer_has_one_of_each(void **state)
{
	const struct transform good[] = {GCM, PRF(6), DH(20), INTEG(0)};
	const struct transform bad[][5] = {
		{GCM, PRF(6), DH(20), PRF(5), INTEG(0)},      {GCM, PRF(6), DH(20), DH(19), INTEG(0)},
		{GCM, PRF(6), DH(20), GCM, INTEG(0)},	      {GCM, PRF(6), DH(20), INTEG(0), INTEG(0)},
		{GCM, PRF(6), DH(20), INTEG(0), ADDKE(1, 0)}, /* never offered, not even to be left out */
	};
	struct ike_choice c;
	struct payload p;

	(void)state;
	assert_int_equal(accept_ike(good, 3), 0);
	assert_int_equal(accept_ike(good, 4), 0);
	assert_int_equal(accept_ike(good, 2), -ENOPROTOOPT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(accept_ike(bad[i], 5), -ENOPROTOOPT);
	/* Two proposals; a number that was not offered. */
	begin();
	add(1, PROTOCOL_IKE, "", 0, good, 3, false);
	add(1, PROTOCOL_IKE, "", 0, good, 3, true);
	p = made();
	assert_int_equal(proposal_accept_ike(&p, false, &c), -ENOPROTOOPT);
	begin();
	add(2, PROTOCOL_IKE, "", 0, good, 3, true);
	p = made();
	assert_int_equal(proposal_accept_ike(&p, false, &c), -ENOPROTOOPT);
}

static void answer_for_a_child_is_of_the_offer(void **state)
{
	const struct transform esn[] = {GCM, ESN(1)}, both[] = {GCM, ESN(1), ESN(0)}, dh[] = {GCM, ESN(0), DH(20)},
			       two[] = {GCM, ESN(0), DH(20), DH(20)}, none[] = {GCM, ESN(0), DH(0)},
			       hybrid[] = {GCM, ESN(0), DH(20), ADDKE(1, 0)};

	(void)state;
	assert_int_equal(accept_esp(esn, 2, ESN_OFFERED, false), 0);
	assert_int_equal(accept_esp(esn, 2, ESN_NEVER, false), -ENOPROTOOPT);
	assert_int_equal(accept_esp(esn, 1, ESN_OFFERED, false), -ENOPROTOOPT);
	assert_int_equal(accept_esp(both, 3, ESN_OFFERED, false), -ENOPROTOOPT);
	assert_int_equal(accept_esp(dh, 3, ESN_OFFERED, true), 0);
	assert_int_equal(accept_esp(dh, 3, ESN_OFFERED, false), -ENOPROTOOPT);
	assert_int_equal(accept_esp(two, 4, ESN_OFFERED, true), -ENOPROTOOPT);
	assert_int_equal(accept_esp(none, 3, ESN_OFFERED, false), 0);
	assert_int_equal(accept_esp(none, 3, ESN_OFFERED, true), -ENOPROTOOPT);
	assert_int_equal(accept_esp(hybrid, 4, ESN_OFFERED, true), -ENOPROTOOPT);
}

/* ---- not well-formed ---- */

/* Cut at each byte, and each byte of length changed: an error, or nothing taken that was not there. */
static void cut_and_bent(void **state)
{
	const struct transform t[] = {GCM, PRF(6), DH(20)};
	struct ike_choice c;
	char text[300];

	(void)state;
	begin();
	add(1, PROTOCOL_IKE, "", 0, t, 3, true);
	for (size_t size = 0; size < w.size; size++) {
		uint8_t *copy = malloc(size ? size : 1);
		struct payload p = {.data = copy, .size = size};

		memcpy(copy, data, size);
		assert_int_equal(proposal_choose_ike(&p, false, &c), -EBADMSG);
		assert_int_equal(proposal_accept_ike(&p, false, &c), -EBADMSG);
		proposal_text(&p, text, sizeof(text));
		free(copy);
	}
	for (size_t at = 0; at < w.size; at++) {
		/* Where lengths and counts are: of the proposal, of each transform, markers. */
		const bool structural = at == 0 || at == 2 || at == 3 || at == 6 || at == 7 || at == 8 || at == 10 ||
					at == 11 || at == 22 || at == 23;

		for (unsigned v = 0; structural && v < 256; v++) {
			uint8_t *copy = malloc(w.size);
			struct payload p = {.data = copy, .size = w.size};

			memcpy(copy, data, w.size);
			copy[at] = (uint8_t)v;
			assert_int_equal(proposal_choose_ike(&p, false, &c) == 0, v == data[at]);
			proposal_text(&p, text, sizeof(text));
			free(copy);
		}
	}
}

static void nothing_is_not_well_formed(void **state)
{
	const struct payload p = {.data = data, .size = 0};
	struct ike_choice c;
	struct esp_choice e;

	(void)state;
	assert_int_equal(proposal_choose_ike(&p, false, &c), -EBADMSG);
	assert_int_equal(proposal_choose_esp(&p, ESN_OFFERED, false, &e), -EBADMSG);
	assert_int_equal(proposal_accept_esp(&p, ESN_OFFERED, false, &e), -EBADMSG);
}

/* ---- for people ---- */

static void text_says_what_is_offered(void **state)
{
	const struct transform t[] = {{TRANSFORM_ENCR, 12, 128, 0}, PRF(2), DH(14)},
			       hybrid[] = {ADDKE(1, 36), ADDKE(7, 0)};
	struct payload p;
	char text[100];

	(void)state;
	begin();
	add(1, PROTOCOL_IKE, "", 0, t, 3, false);
	add(2, PROTOCOL_IKE, "", 0, t + 1, 1, true);
	p = made();
	proposal_text(&p, text, sizeof(text));
	assert_string_equal(text, "ENCR-12(128)/PRF-2/DH-14, PRF-2");
	begin();
	add(1, PROTOCOL_IKE, "", 0, hybrid, 2, true);
	p = made();
	proposal_text(&p, text, sizeof(text));
	assert_string_equal(text, "ADDKE1-36/ADDKE7-0");
	for (size_t size = 1; size < sizeof(text); size++) {
		memset(text, 'x', sizeof(text));
		proposal_text(&p, text, size);
		assert_true(strlen(text) < size);
		assert_int_equal(text[size], 'x');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours_is_taken_by_ours),
		cmocka_unit_test(best_prf_is_taken),
		cmocka_unit_test(each_part_of_ike_is_needed),
		cmocka_unit_test(protocol_and_spi_must_fit),
		cmocka_unit_test(first_proposal_that_fits_is_taken),
		cmocka_unit_test(esn_is_first_choice_unless_never),
		cmocka_unit_test(group_is_needed_for_pfs_alone),
		cmocka_unit_test(each_part_of_esp_is_needed),
		cmocka_unit_test(answer_has_one_of_each),
		cmocka_unit_test(answer_for_a_child_is_of_the_offer),
		cmocka_unit_test(cut_and_bent),
		cmocka_unit_test(nothing_is_not_well_formed),
		cmocka_unit_test(text_says_what_is_offered),
	};

	return cmocka_run_group_tests_name("IKE proposals", tests, NULL, NULL);
}
