/* SPDX-License-Identifier: BSD-2-Clause */
/* Additional key exchanges in SA payloads (RFC 9370): what can be left out is, and who insists is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "offer.h"

/* The transforms of type 6 to 12 in an answer of ours, which has one proposal with an SPI of that size: each must be
 * NONE. One bit for each type. */
static unsigned additional_nones(const struct body *b, uint8_t spi_size)
{
	const uint8_t *at = b->data + 4 + 8 + spi_size, *end = b->data + b->w.size;
	unsigned found = 0;

	assert_int_equal(b->data[4 + 6], spi_size);
	for (uint8_t i = 0; i < b->data[4 + 7]; i++, at += at[2] << 8 | at[3]) {
		assert_true(at + 8 <= end);
		assert_int_equal(at[0], i + 1 == b->data[4 + 7] ? 0 : 3);
		if (at[4] <= TRANSFORM_ESN)
			continue;
		assert_int_equal(at[6] << 8 | at[7], 0);
		assert_false(found & 1U << at[4]);
		found |= 1U << at[4];
	}
	assert_ptr_equal(at, end);
	return found;
}

static unsigned answered_ike(const struct ike_choice *c, uint64_t spi)
{
	static struct body b;

	body_init(&b);
	proposal_answer_ike(&b, c, spi);
	return additional_nones(&b, spi ? 8 : 0);
}

static unsigned answered_esp(const struct esp_choice *c)
{
	static struct body b;

	body_init(&b);
	proposal_answer_esp(&b, c, 0xbeef);
	return additional_nones(&b, 4);
}

/* What is offered with NONE among it is answered by NONE, each type for itself (RFC 9370 section 2.2.1): IKE SA, its
 * rekey, children with PFS and the first one without. */
static void optional_key_exchange_is_answered_by_none(void **state)
{
	const struct transform init[] = {GCM,	       PRF(6),	    DH(31),	  DH(20),
					 ADDKE(1, 36), ADDKE(1, 0), ADDKE(2, 35), ADDKE(2, 36),
					 ADDKE(2, 0),  ADDKE(7, 0), ADDKE(7, 37)};
	const struct transform child[] = {GCM, DH(20), ESN(1), ESN(0), ADDKE(1, 0), ADDKE(1, 36)},
			       plain[] = {GCM, ESN(0)};
	struct ike_choice c;
	struct esp_choice e;
	struct payload p;

	(void)state;
	assert_int_equal(ike(init, COUNT(init), &c), 0);
	assert_int_equal(answered_ike(&c, 0), 1 << 6 | 1 << 7 | 1 << 12);
	begin();
	add(1, PROTOCOL_IKE, "12345678", 8, init, COUNT(init), true);
	p = made();
	assert_int_equal(proposal_choose_ike(&p, true, &c), 0);
	assert_int_equal(answered_ike(&c, 17), 1 << 6 | 1 << 7 | 1 << 12);
	assert_int_equal(esp(child, COUNT(child), ESN_OFFERED, true, &e), 0);
	assert_true(e.dh && e.esn);
	assert_int_equal(answered_esp(&e), 1 << 6);
	assert_int_equal(esp(child, COUNT(child), ESN_OFFERED, false, &e), 0);
	assert_int_equal(answered_esp(&e), 1 << 6);
	/* Nothing is answered that was not asked. */
	assert_int_equal(ike(init, 4, &c), 0);
	assert_int_equal(answered_ike(&c, 0), 0);
	assert_int_equal(esp(plain, 2, ESN_OFFERED, false, &e), 0);
	assert_int_equal(answered_esp(&e), 0);
}

/* Said by an error of its own, so that it can be named; who would not fit without it either is no such case. */
static void insisting_on_a_key_exchange_is_refused(void **state)
{
	const struct transform other[] = {GCM, PRF(6), DH(19), ADDKE(1, 36)};
	struct ike_choice c;
	struct esp_choice e;

	(void)state;
	for (uint8_t n = 1; n <= 7; n++) {
		const struct transform t[] = {GCM, PRF(6), DH(20), ADDKE(n % 7 + 1, 0), ADDKE(n, 36), ADDKE(n, 37)},
				       child[] = {GCM, DH(20), ESN(0), ADDKE(n, 36)};

		assert_int_equal(ike(t, COUNT(t), &c), -EPROTONOSUPPORT);
		assert_int_equal(esp(child, COUNT(child), ESN_OFFERED, true, &e), -EPROTONOSUPPORT);
		assert_int_equal(esp(child, COUNT(child), ESN_OFFERED, false, &e), -EPROTONOSUPPORT);
	}
	assert_int_equal(ike(other, COUNT(other), &c), -ENOPROTOOPT);
}

static void who_insists_in_one_proposal_alone_is_taken_by_another(void **state)
{
	const struct transform hybrid[] = {GCM, PRF(6), DH(20), ADDKE(1, 36)}, classic[] = {GCM, PRF(6), DH(20)},
			       esp_hybrid[] = {GCM, DH(20), ESN(0), ADDKE(1, 36)},
			       esp_classic[] = {GCM, DH(20), ESN(0)};
	struct ike_choice c;
	struct esp_choice e;
	struct payload p;

	(void)state;
	begin();
	add(1, PROTOCOL_IKE, "", 0, hybrid, 4, false);
	add(2, PROTOCOL_IKE, "", 0, classic, 3, true);
	p = made();
	assert_int_equal(proposal_choose_ike(&p, false, &c), 0);
	assert_int_equal(c.number, 2);
	assert_int_equal(answered_ike(&c, 0), 0);
	begin();
	add(1, PROTOCOL_ESP, "\1\2\3\4", 4, esp_hybrid, 4, false);
	add(2, PROTOCOL_ESP, "\1\2\3\4", 4, esp_classic, 3, true);
	p = made();
	assert_int_equal(proposal_choose_esp(&p, ESN_OFFERED, true, &e), 0);
	assert_int_equal(e.number, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(optional_key_exchange_is_answered_by_none),
		cmocka_unit_test(insisting_on_a_key_exchange_is_refused),
		cmocka_unit_test(who_insists_in_one_proposal_alone_is_taken_by_another),
	};

	return cmocka_run_group_tests_name("IKE hybrid proposals", tests, NULL, NULL);
}
