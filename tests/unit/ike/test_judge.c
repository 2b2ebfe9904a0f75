/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said of a connection's certificates before a peer sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/file_times.h"
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

/* A month before, and of one that is made for less a third of that. */
static void renewal_is_due(void **state)
{
	static const struct {
		int64_t begin, end;
		enum judgement wanted;
		const char *text;
	} cases[] = {
		{-300 * DAY, 31 * DAY, JUDGED_GOOD, ""},
		{-300 * DAY, 29 * DAY + HOUR, JUDGED_DOUBTFUL,
		 "cert: it expires on 2027-02-13 09:00 UTC, in 29 days: get a new one"},
		{-300 * DAY, 1 * DAY + HOUR, JUDGED_DOUBTFUL, "in 1 day: "},
		{-5 * DAY, 4 * DAY, JUDGED_GOOD, ""},
		{-7 * DAY, 2 * DAY, JUDGED_DOUBTFUL, "in 2 days"},
		{-DAY, HOUR, JUDGED_GOOD, ""},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct connection_config *c = world_connection(w, 0);
		struct fault f = {""};

		pki_use(&pki, w, 0, c, w->wall_s + cases[i].begin, w->wall_s + cases[i].end);
		assert_int_equal(judge(c, w->wall_s, &f), cases[i].wanted);
		assert_non_null(strstr(f.text, cases[i].text));
		connection_config_free(c);
	}
}

static void crl_must_be_of_today(void **state)
{
	const struct world *w = *state;

	pki_make_crl(&pki, false, w->wall_s, w->wall_s + HOUR);
	assert_judged(*state, 0, JUDGED_GOOD, "");
	assert_judged(*state, 2 * HOUR, JUDGED_BAD, "crl: it is out of date since 2027-01-15 09:00 UTC");
	no_crl();
}

/* Of a CRL a week before, of any file the last third of what it is made for; of days, never. */
static void renewal_of_others_is_due(void **state)
{
	static const struct {
		enum dated_file file;
		int64_t begin, end;
		bool soon;
		const char *text;
	} cases[] = {
		{DATED_CA, -300 * DAY, 31 * DAY, false, ""},
		{DATED_CA, -300 * DAY, 29 * DAY, true,
		 "ca: it expires on 2027-02-13 08:00 UTC, in 29 days: get a new one"},
		{DATED_CRL, -300 * DAY, 8 * DAY, false, ""},
		{DATED_CRL, -300 * DAY, 7 * DAY - 1, true,
		 "crl: it is out of date from 2027-01-22 07:59 UTC, in 6 days, and every peer would be refused: get a "
		 "new one"},
		{DATED_CRL, -3 * DAY, 3 * DAY, false, ""},
		{DATED_CRL, -5 * DAY, 2 * DAY - 1, true, "in 1 day, and"},
		{DATED_CRL, -DAY, HOUR, false, ""},
		{DATED_CRL, -DAY, -HOUR, true, "crl: it is out of date since 2027-01-15 07:00 UTC, and every"},
	};
	const int64_t now = ((const struct world *)*state)->wall_s;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct file_times t = {now + cases[i].begin, now + cases[i].end};
		struct fault f;

		assert_int_equal(file_ends_soon(cases[i].file, &t, now), cases[i].soon);
		file_end_tell(cases[i].file, &t, now, &f);
		assert_non_null(strstr(f.text, cases[i].text));
	}
}

static void judged_is_the_crl_too(void **state)
{
	struct world *w = *state;
	struct connection_config *c = world_connection(w, 0);
	struct fault f = {""};

	pki_make_crl(&pki, false, w->wall_s - 5 * DAY, w->wall_s + DAY);
	pki_use(&pki, w, 0, c, w->wall_s - HOUR, w->wall_s + 10 * DAY);
	assert_int_equal(judge(c, w->wall_s, &f), JUDGED_DOUBTFUL);
	assert_non_null(strstr(f.text, "crl: it is out of date from"));
	connection_config_free(c);
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
	trust_free(c->trust);
	c->trust = with_crl->trust;
	with_crl->trust = NULL;
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
	trust_free(c->trust);
	c->trust = other->trust;
	other->trust = NULL;
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

static unsigned told(const struct world *w, const char *line)
{
	const char *at = w->hosts[0].told;
	unsigned n = 0;

	while ((at = strstr(at, line)) && ++at)
		n++;
	return n;
}

/* When it is read, and once a day; the CA's, which is for a day, from then on. */
static void what_ends_is_told_daily(void **state)
{
	struct connection_config *c, *fresh;
	struct world *w = *state;

	c = world_connection(w, 0);
	c->start = START_RESPOND;
	pki_use(&pki, w, 0, c, w->wall_s - 20 * DAY, w->wall_s + 3 * DAY);
	world_configure(w, 0, c);
	assert_int_equal(told(w, "certificate_ends c0\n"), 1);
	world_run(w, 23 * HOUR * 1000);
	assert_int_equal(told(w, "certificate_ends c0\n"), 1);
	world_run(w, 2 * HOUR * 1000);
	assert_int_equal(told(w, "certificate_ends c0\n"), 1 + 2);
	assert_true(world_logged(w, 0, "c0: cert: it expires on"));
	assert_true(world_logged(w, 0, "c0: ca: it expired on"));
	fresh = world_connection(w, 0);
	fresh->start = START_RESPOND;
	pki_use(&pki, w, 0, fresh, w->wall_s - HOUR, w->wall_s + 300 * DAY);
	fresh->files_digest[0] = 1;
	world_configure(w, 0, fresh);
	assert_int_equal(told(w, "certificate_ends c0\n"), 3 + 1);
	world_run(w, 26 * HOUR * 1000);
	assert_int_equal(told(w, "certificate_ends c0\n"), 4 + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(times_count),
		TEST(renewal_is_due),
		TEST(crl_must_be_of_today),
		TEST(renewal_of_others_is_due),
		TEST(judged_is_the_crl_too),
		TEST(own_may_be_revoked),
		TEST(another_ca_is_a_doubt),
		TEST(psk_has_nothing_to_judge),
		TEST(an_engine_warns_and_goes_on),
		TEST(what_ends_is_told_daily),
	};

	return cmocka_run_group_tests_name("IKE, files judged", tests, setup_all, teardown_all);
}
