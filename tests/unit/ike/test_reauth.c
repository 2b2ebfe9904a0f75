/* SPDX-License-Identifier: BSD-2-Clause */
/* Peers that prove themselves anew, in time or with other files, while packets go on; and those that cannot. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inside.h"
#include "one_ca.h"

#define HOUR   3600
#define MINUTE 60000
/* Before that a new IKE SA is not told from one that both ends have begun at once. */
#define SETTLED 32000

static unsigned count_log(const struct world *w, int host, const char *text)
{
	unsigned n = 0;

	for (const char *at = w->hosts[host].log; (at = strstr(at, text)); at++)
		n++;
	return n;
}

/* ---- reauth-time ---- */

static void start_psk(struct world *w, uint64_t first, uint64_t second, unsigned selectors)
{
	for (int host = 0; host < 2; host++) {
		struct connection_config *c = world_connection(w, host);

		c->start = host ? START_RESPOND : START_INITIATE;
		c->reauth_ms = host ? second : first;
		c->selector_count = selectors;
		for (unsigned i = 0; i < selectors && selectors > 1; i++) {
			c->selectors[i] = SELECTOR_ALL;
			c->selectors[i].proto = (uint8_t)(100 + i);
		}
		world_configure(w, host, c);
	}
	world_run(w, 500);
}

static void assert_went_on(struct world *w, unsigned proofs)
{
	assert_true(world_is_up(w));
	for (int host = 0; host < 2; host++) {
		assert_true(count_log(w, host, ": up with ") >= proofs);
		assert_false(world_logged(w, host, "ended: "));
	}
}

/* By who began, by who did not, by both, and sooner than that can be: several times, and no packet is lost. */
static void reauth_time_loses_nothing(void **state)
{
	static const struct {
		uint64_t first;
		uint64_t second;
	} all[] = {{2 * MINUTE, 0}, {0, 2 * MINUTE}, {2 * MINUTE, 2 * MINUTE}, {1000, 0}, {0, 1000}, {1000, 1000}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (uint64_t seed = 0; seed < 5; seed++) {
			struct world *w = *state;
			uint64_t spi;

			world_again(w, seed);
			w->latency_ms = 20;
			start_psk(w, all[i].first, all[i].second, 1);
			assert_true(world_is_up(w));
			spi = inside_ike(w, 0)->spi_i;
			assert_true(world_run_under_traffic(w, 8 * MINUTE));
			assert_int_not_equal(inside_ike(w, 0)->spi_i, spi);
			assert_went_on(w, 4);
			/* Both at once is seen as such. */
			for (int host = 0; host < 2 && !(all[i].first && all[i].second); host++)
				assert_false(world_logged(w, host, "redundant"));
		}
}

static enum fate lose_auth_answers(struct world *w, struct world_packet *p, void *arg)
{
	struct ike_header h;

	(void)w;
	if (!header_parse(p->data, p->size, &h) || h.exchange != EXCHANGE_IKE_AUTH || !(h.flags & FLAG_RESPONSE) ||
	    !*(unsigned *)arg)
		return PASS;
	--*(unsigned *)arg;
	return DROP;
}

/* Who answers does not send by the new SA before its answer has come. */
static void lost_answer_loses_nothing_else(void **state)
{
	unsigned lost = 3;
	struct world *w = *state;

	start_psk(w, 2 * MINUTE, 0, 1);
	w->filter = lose_auth_answers;
	w->filter_arg = &lost;
	assert_true(world_run_under_traffic(w, 3 * MINUTE));
	assert_int_equal(lost, 0);
	assert_went_on(w, 2);
}

/* The first comes with the new IKE SA, the others after it; the old one goes when the last of them is there. */
static void every_child_moves(void **state)
{
	struct world *w = *state;
	const struct child *c;
	unsigned n = 0;

	start_psk(w, 2 * MINUTE, 0, 5);
	assert_int_equal(world_child_count(w, 0), 5);
	world_run(w, 150000);
	assert_int_equal(world_ike_count(w, 0), 1);
	assert_int_equal(world_ike_count(w, 1), 1);
	assert_int_equal(count_log(w, 0, ": up with "), 2);
	TAILQ_FOREACH(c, &inside_ike(w, 0)->children, of_list) {
		assert_true(c->state == CHILD_UP);
		n++;
	}
	assert_int_equal(n, 5);
	assert_int_equal(world_child_count(w, 0), 5);
	assert_int_equal(world_child_count(w, 1), 5);
}

/* A rekey makes nothing new of the proof. */
static void rekeys_do_not_put_it_off(void **state)
{
	struct world *w = *state;

	start_psk(w, 5 * MINUTE, 0, 1);
	for (int i = 0; i < 10; i++) {
		world_rekey(w, 0, true);
		assert_true(world_run_under_traffic(w, 32000));
	}
	assert_true(world_run_under_traffic(w, 40000));
	assert_int_equal(count_log(w, 0, ": up with "), 2);
	assert_true(world_is_up(w));
}

/* The peer has another secret by now: tried again, and at its end the connection is down. */
static void who_cannot_prove_itself_is_ended(void **state)
{
	struct world *w = *state;

	start_psk(w, 2 * MINUTE, 0, 1);
	assert_int_equal(keyring_add(w->hosts[1].ring, 1, KEY_PSK, "other", 5, NULL), 0);
	assert_true(world_run_under_traffic(w, 2 * MINUTE));
	assert_true(world_logged(w, 0, "to prove itself anew: reauth-time has passed"));
	assert_true(world_logged(w, 1, "its PSK is another one"));
	/* 15 % and half a minute later. */
	world_run(w, MINUTE);
	assert_true(world_logged(w, 0, "has not proven itself anew within reauth-time"));
	assert_false(world_talks(w));
	for (int host = 0; host < 2; host++)
		assert_int_equal(world_child_count(w, host), 0);
}

/* ---- certificates and CRLs that are renewed ---- */

/* Valid from an hour ago to then, from now. */
static struct connection_config *with_cert(struct world *w, int host, int64_t until_s)
{
	static uint8_t files;
	struct connection_config *c = world_connection(w, host);

	pki_use(&pki, w, host, c, world_wall(w) - HOUR, world_wall(w) + until_s);
	c->files_digest[0] = ++files;
	c->start = host ? START_RESPOND : START_INITIATE;
	return c;
}

static void drop_crl(void)
{
	free(pki.crl);
	pki.crl = NULL;
}

/* Host 1's certificate is the last that is made. */
static void start_certs(struct world *w, int64_t first, int64_t second)
{
	world_configure(w, 0, with_cert(w, 0, first));
	world_configure(w, 1, with_cert(w, 1, second));
	world_initiate(w, 0);
	world_run(w, 500);
	assert_true(world_is_up(w));
}

/* Host 0's configuration with what pki has for CRL now, and all else as it was. */
static void reload_crl(struct world *w)
{
	const struct connection_config *before = TAILQ_FIRST(&w->hosts[0].engine->connections)->config;
	struct connection_config *c = world_connection(w, 0);
	char *cert = pki_pem(before->credentials->cert, NULL), *ca = pki_pem(pki.ca, NULL);

	c->cert = true;
	c->start = before->start;
	c->private_key = before->private_key;
	c->local_id = before->local_id;
	strcpy(c->remote_id, before->remote_id);
	c->files_digest[0] = (uint8_t)(before->files_digest[0] + 100);
	assert_int_equal(credentials_load(&c->credentials, cert, NULL), 0);
	assert_int_equal(trust_load(&c->trust, ca, pki.crl, NULL), 0);
	free(cert);
	free(ca);
	drop_crl();
	world_configure(w, 0, c);
}

static uint64_t ike_spi(struct world *w)
{
	return inside_ike(w, 0)->spi_i;
}

/* Nothing that is up is proven by less than before. */
static void renewed_crl_changes_nothing(void **state)
{
	struct world *w = *state;
	uint32_t child;
	uint64_t spi;

	start_certs(w, 10 * HOUR, 10 * HOUR);
	spi = ike_spi(w);
	child = inside_child(w, 0)->in.spi;
	pki_make_crl(&pki, false, world_wall(w), world_wall(w) + HOUR);
	reload_crl(w);
	assert_true(world_logged(w, 0, "have been renewed"));
	assert_true(world_run_under_traffic(w, 2 * MINUTE));
	assert_true(ike_spi(w) == spi);
	assert_int_equal(inside_child(w, 0)->in.spi, child);
}

/* The peer learns of it by a new proof, as soon as that can be; what is up carries on. */
static void renewed_certificate_is_shown(void **state)
{
	for (int host = 0; host < 2; host++) {
		struct world *w = *state;
		uint64_t spi;

		world_again(w, 0);
		start_certs(w, 10 * HOUR, 10 * HOUR);
		spi = ike_spi(w);
		world_configure(w, host, with_cert(w, host, 20 * HOUR));
		assert_true(world_run_under_traffic(w, 2 * MINUTE));
		assert_true(ike_spi(w) != spi);
		assert_went_on(w, 2);
		assert_int_equal(count_log(w, host, "our certificate is a new one"), 1);
		assert_true(inside_ike(w, !host)->proven->certs.until >= world_wall(w) + 19 * HOUR);
	}
}

/* It has been revoked, and has another one by now. */
static void revoked_peer_proves_itself_by_another(void **state)
{
	struct world *w = *state;

	start_certs(w, 10 * HOUR, 10 * HOUR);
	world_run(w, SETTLED);
	pki_make_crl(&pki, true, world_wall(w), world_wall(w) + HOUR);
	world_configure(w, 1, with_cert(w, 1, 10 * HOUR));
	reload_crl(w);
	assert_true(world_run_under_traffic(w, 2 * MINUTE));
	assert_true(world_logged(w, 0, "certificate 'CN=host1.example' has been revoked"));
	assert_went_on(w, 2);
}

static void revoked_peer_is_ended(void **state)
{
	struct world *w = *state;

	start_certs(w, 10 * HOUR, 10 * HOUR);
	pki_make_crl(&pki, true, world_wall(w), world_wall(w) + HOUR);
	reload_crl(w);
	world_run(w, 2000);
	assert_true(world_logged(w, 0, "its certificate does not hold by them"));
	assert_true(world_logged(w, 0, "ended: the peer's certificate is not accepted any more"));
	for (int host = 0; host < 2; host++) {
		assert_null(world_bound(w, host));
		assert_int_equal(world_child_count(w, host), 0);
	}
}

static unsigned without_memory;

int __real_peer_certs_verify(struct peer_certs *certs, const struct trust *t, int64_t now, struct fault *f);
int __wrap_peer_certs_verify(struct peer_certs *certs, const struct trust *t, int64_t now, struct fault *f);

int __wrap_peer_certs_verify(struct peer_certs *certs, const struct trust *t, int64_t now, struct fault *f)
{
	if (!without_memory)
		return __real_peer_certs_verify(certs, t, now, f);
	without_memory--;
	return -ENOMEM;
}

/* There is no memory to look: nothing has changed by that, and it is looked again. */
static void revoked_peer_is_ended_when_there_is_memory(void **state)
{
	struct world *w = *state;

	start_certs(w, 10 * HOUR, 10 * HOUR);
	pki_make_crl(&pki, true, world_wall(w), world_wall(w) + HOUR);
	without_memory = 20;
	reload_crl(w);
	world_run(w, 1500);
	assert_non_null(world_bound(w, 0));
	world_run(w, 4000);
	assert_int_equal(without_memory, 0);
	assert_null(world_bound(w, 0));
}

/* Also if it is not there to be asked. */
static void revoked_peer_that_is_silent_is_ended(void **state)
{
	struct world *w = *state;

	start_certs(w, 10 * HOUR, 10 * HOUR);
	w->filter = world_drop_all;
	pki_make_crl(&pki, true, world_wall(w), world_wall(w) + HOUR);
	reload_crl(w);
	world_run(w, MINUTE);
	assert_null(world_bound(w, 0));
	assert_int_equal(world_child_count(w, 0), 0);
}

/* Just before host 0 gives up on IKE_SA_INIT it is asked for another cookie. */
static enum fate cookies_instead(struct world *w, struct world_packet *p, void *arg)
{
	uint8_t cookie[IKE_HEADER_SIZE + 16] = {0};
	struct writer writer = {.data = cookie, .room = sizeof(cookie)};
	struct ike_header h;
	unsigned *count = arg;

	if (p->to != 0 || !header_parse(p->data, p->size, &h) || h.exchange != EXCHANGE_IKE_SA_INIT)
		return PASS;
	if (++*count % 6)
		return DROP;
	h.spi_r = 0;
	h.next = PAYLOAD_NOTIFY;
	h.length = sizeof(cookie);
	header_write(&writer, &h);
	write_u32(&writer, 16);
	write_u32(&writer, COOKIE);
	write_u32(&writer, *count);
	write_u32(&writer, 0);
	engine_receive(w->hosts[0].engine, &p->path, cookie, sizeof(cookie));
	return DROP;
}

/* It neither proves itself anew nor is silent. Until its end it gets nothing new. */
static void revoked_peer_cannot_put_it_off(void **state)
{
	struct world *w = *state;
	unsigned count = 0;
	uint32_t child;
	uint64_t spi;

	start_certs(w, 10 * HOUR, 10 * HOUR);
	w->filter = cookies_instead;
	w->filter_arg = &count;
	pki_make_crl(&pki, true, world_wall(w), world_wall(w) + HOUR);
	reload_crl(w);
	world_run(w, 5000);
	assert_true(world_logged(w, 0, "its certificate does not hold by them"));
	spi = ike_spi(w);
	child = inside_child(w, 0)->in.spi;
	for (int ike = 0; ike < 2; ike++)
		world_rekey(w, 1, ike);
	world_run(w, 15000);
	assert_int_equal(inside_child(w, 0)->in.spi, child);
	assert_true(ike_spi(w) == spi);
	world_run(w, 15000);
	assert_true(count > 6);
	assert_true(world_logged(w, 0, "ended: the peer's certificate is not accepted any more"));
	assert_null(world_bound(w, 0));
	assert_int_equal(world_child_count(w, 0), 0);
}

/* Both begin at once, and host 0 is about to let go of the IKE SA that it has begun. False: host 1 is. */
static bool start_twice(struct world *w, uint64_t seed)
{
	world_again(w, seed);
	w->latency_ms = 20;
	for (int host = 0; host < 2; host++) {
		struct connection_config *c = with_cert(w, host, 10 * HOUR);

		c->start = START_INITIATE;
		world_configure(w, host, c);
	}
	world_run(w, 200);
	return world_logged(w, 0, "redundant");
}

/* The one that was to stay ends by it first, so that the other one would not go as redundant any more. */
static void revoked_peer_with_one_too_many_is_ended(void **state)
{
	struct world *w = *state;
	uint64_t seed = 1;

	while (!start_twice(w, seed))
		seed++;
	pki_make_crl(&pki, true, world_wall(w), world_wall(w) + HOUR);
	reload_crl(w);
	world_run(w, MINUTE);
	assert_true(world_logged(w, 0, "ended: the peer's certificate is not accepted any more"));
	for (int host = 0; host < 2; host++) {
		assert_null(world_bound(w, host));
		assert_int_equal(world_child_count(w, host), 0);
	}
}

/* ---- certificates that expire ---- */

static void expired_peer_is_ended(void **state)
{
	struct world *w = *state;

	start_certs(w, 10 * HOUR, 600);
	assert_true(world_run_under_traffic(w, 599000));
	assert_true(count_log(w, 0, "its certificate is about to expire") > 0);
	world_run(w, 3000);
	assert_true(world_logged(w, 0, "ended: the peer's certificate has expired"));
	for (int host = 0; host < 2; host++) {
		assert_null(world_bound(w, host));
		assert_int_equal(world_child_count(w, host), 0);
	}
	/* What is tried from then on is refused, and both ends say why. */
	world_run(w, 5000);
	assert_true(world_logged(w, 0, "certificate 'CN=host1.example' has expired"));
	assert_true(world_logged(w, 1, "our own certificate has expired"));
}

/* The clock is set: seen at the latest some minutes later. */
static void clock_that_is_set_is_seen(void **state)
{
	struct world *w = *state;

	start_certs(w, 20 * HOUR, 10 * HOUR);
	w->wall_s += 11 * HOUR;
	world_run(w, 6 * MINUTE);
	assert_true(world_logged(w, 0, "ended: the peer's certificate has expired"));
	assert_null(world_bound(w, 0));
}

/* It has a new one in time, and shows it. */
static void renewed_before_it_expires(void **state)
{
	struct world *w = *state;

	start_certs(w, 10 * HOUR, 600);
	assert_true(world_run_under_traffic(w, 5 * MINUTE));
	world_configure(w, 1, with_cert(w, 1, 10 * HOUR));
	assert_true(world_run_under_traffic(w, 10 * MINUTE));
	assert_went_on(w, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reauth_time_loses_nothing),
		TEST(lost_answer_loses_nothing_else),
		TEST(every_child_moves),
		TEST(rekeys_do_not_put_it_off),
		TEST(who_cannot_prove_itself_is_ended),
		TEST(renewed_crl_changes_nothing),
		TEST(renewed_certificate_is_shown),
		TEST(revoked_peer_proves_itself_by_another),
		TEST(revoked_peer_is_ended),
		TEST(revoked_peer_is_ended_when_there_is_memory),
		TEST(revoked_peer_that_is_silent_is_ended),
		TEST(revoked_peer_cannot_put_it_off),
		TEST(revoked_peer_with_one_too_many_is_ended),
		TEST(expired_peer_is_ended),
		TEST(clock_that_is_set_is_seen),
		TEST(renewed_before_it_expires),
	};

	return cmocka_run_group_tests_name("IKE, proofs anew", tests, make_ca, free_ca);
}
