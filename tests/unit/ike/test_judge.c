/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said of a connection's certificates before a peer sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/judge.h"
#include "one_ca.h"

#define HOUR 3600
#define DAY  86400

static struct pki another;

static int setup_all(void **state)
{
	make_ca(state);
	pki_init(&another, 1800000000);
	return 0;
}

static int teardown_all(void **state)
{
	free_ca(state);
	pki_free(&another);
	return 0;
}

static void no_crl(void)
{
	free(pki.crl);
	pki.crl = NULL;
}

/* A leaf that is valid from an hour before to ten days after now, judged so much later. */
static void assert_judged(struct world *w, int64_t later, enum judgement wanted, const char *text)
{
	struct connection_config *c = world_connection(w, 0);
	struct fault f = {""};

	pki_use(&pki, w, 0, c, w->wall_s - HOUR, w->wall_s + 10 * DAY);
	assert_int_equal(judge(c, w->wall_s + later, &f), wanted);
	assert_non_null(strstr(f.text, text));
	connection_config_free(c);
}

static void times_count(void **state)
{
	assert_judged(*state, 0, JUDGED_GOOD, "");
	assert_judged(*state, -2 * HOUR, JUDGED_BAD,
		      "cert: it is valid from 2027-01-15 07:00 UTC on: compare the clock");
	assert_judged(*state, 11 * DAY, JUDGED_BAD, "cert: it expired on 2027-01-25 08:00 UTC: get a new one");
	/* The CA's own is for a day. */
	assert_judged(*state, 2 * DAY, JUDGED_BAD, "ca: it expired on 2027-01-16 08:00 UTC");
}

static void crl_must_be_of_today(void **state)
{
	const struct world *w = *state;

	pki_make_crl(&pki, false, w->wall_s, w->wall_s + HOUR);
	assert_judged(*state, 0, JUDGED_GOOD, "");
	assert_judged(*state, 2 * HOUR, JUDGED_BAD, "crl: it is out of date since 2027-01-15 09:00 UTC");
	no_crl();
}

/* By its own CRL: the last leaf is the one that is judged. */
static void own_may_be_revoked(void **state)
{
	struct connection_config *c, *with_crl;
	struct world *w = *state;
	struct fault f = {""};

	c = world_connection(w, 0);
	pki_use(&pki, w, 0, c, w->wall_s - HOUR, w->wall_s + HOUR);
	pki_make_crl(&pki, true, w->wall_s, w->wall_s + HOUR);
	with_crl = world_connection(w, 0);
	pki_use(&pki, w, 0, with_crl, w->wall_s - HOUR, w->wall_s + HOUR);
	no_crl();
	trust_free(&c->trust);
	c->trust = with_crl->trust;
	with_crl->trust = (struct trust){0};
	assert_int_equal(judge(c, w->wall_s, &f), JUDGED_BAD);
	assert_non_null(strstr(f.text, "cert: certificate 'CN=host0.example' has been revoked"));
	connection_config_free(c);
	connection_config_free(with_crl);
}

static void another_ca_is_a_doubt(void **state)
{
	struct connection_config *c, *other;
	struct world *w = *state;
	struct fault f = {""};

	c = world_connection(w, 0);
	other = world_connection(w, 0);
	pki_use(&pki, w, 0, c, w->wall_s - HOUR, w->wall_s + HOUR);
	pki_use(&another, w, 0, other, w->wall_s - HOUR, w->wall_s + HOUR);
	trust_free(&c->trust);
	c->trust = other->trust;
	other->trust = (struct trust){0};
	assert_int_equal(judge(c, w->wall_s, &f), JUDGED_DOUBTFUL);
	assert_non_null(strstr(f.text, "the peer must trust another CA"));
	connection_config_free(c);
	connection_config_free(other);
}

static void psk_has_nothing_to_judge(void **state)
{
	struct connection_config *c = world_connection(*state, 0);
	struct fault f;

	assert_int_equal(judge(c, 0, &f), JUDGED_GOOD);
	connection_config_free(c);
}

/* It is said, and the connection is tried. */
static void an_engine_warns_and_goes_on(void **state)
{
	struct connection_config *c;
	struct world *w = *state;

	c = world_connection(w, 0);
	c->start = START_INITIATE;
	pki_use(&pki, w, 0, c, w->wall_s - 2 * HOUR, w->wall_s - HOUR);
	world_configure(w, 0, c);
	assert_true(world_logged(w, 0, "c0: cert: it expired on"));
	world_run(w, 100);
	assert_true(w->sent > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(times_count),	     TEST(crl_must_be_of_today),     TEST(own_may_be_revoked),
		TEST(another_ca_is_a_doubt), TEST(psk_has_nothing_to_judge), TEST(an_engine_warns_and_goes_on),
	};

	return cmocka_run_group_tests_name("IKE, files judged", tests, setup_all, teardown_all);
}
