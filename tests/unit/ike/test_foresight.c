/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What takes long is done by others, in whatever order and at whatever time: nothing comes out other than if the engine
 * had done it, and nobody waits for another IKE SA's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "engine/foresight.h"
#include "inside.h"
#include "pki.h"
#include "tap.h"

static struct tap tap;

/* Whatever runs these tests, there are hands. */
static int with_hands(void **state)
{
	struct world *w;

	unsetenv("IKE_TEST_HANDS");
	world_setup(state);
	w = *state;
	tap_start(&tap, w);
	return 0;
}

/* All that the host has given out. */
static unsigned do_all(struct world *w, int host)
{
	unsigned n = 0;

	for (; played_do(&w->hosts[host].hands, w->hosts[host].engine, UINT64_MAX); n++)
		engine_tick(w->hosts[host].engine);
	return n;
}

static enum job_kind next_kind(const struct world *w, int host)
{
	assert_non_null(w->hosts[host].hands.jobs);
	return w->hosts[host].hands.jobs->kind;
}

static const struct ike_sa *inside_half_open(struct world *w)
{
	return TAILQ_FIRST(&inside_peer(w, 1)->sas);
}

static void by_certificate(struct world *w, struct pki *pki)
{
	pki_init(pki, w->wall_s);
	for (int i = 1; i >= 0; i--) {
		struct connection_config *c = world_connection(w, i);

		pki_use(pki, w, i, c, w->wall_s - 3600, w->wall_s + 30 * 86400);
		world_configure(w, i, c);
	}
}

/* ---- nothing is other than without ---- */

/* A pair and a secret each way; with certificates a check and a signature besides. */
static void jobs_are_what_a_handshake_takes(void **state)
{
	struct world *w = *state;
	struct pki pki;

	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 100);
	assert_true(world_is_up(w));
	assert_int_equal(w->hosts[0].hands.done, 2);
	assert_int_equal(w->hosts[1].hands.done, 2);
	world_again(w, 1);
	by_certificate(w, &pki);
	world_initiate(w, 0);
	world_run(w, 100);
	assert_true(world_is_up(w));
	assert_int_equal(w->hosts[0].hands.done, 4);
	assert_int_equal(w->hosts[1].hands.done, 4);
	pki_free(&pki);
}

/* Rekeys of children and IKE SAs, each begun by either; a job takes any time. */
static void any_order_comes_to_the_same(void **state)
{
	struct world *w = *state;
	struct pki pki;

	for (unsigned n = 0; n < 20; n++) {
		world_again(w, n);
		w->hands_ms = 40;
		w->chance = n;
		by_certificate(w, &pki);
		world_initiate(w, 0);
		world_run(w, 1000);
		assert_true(world_is_up(w));
		world_rekey(w, n % 2, n / 2 % 2);
		assert_true(world_run_under_traffic(w, 3000));
		assert_true(world_is_up(w));
		pki_free(&pki);
	}
}

/* Who takes no job is as nobody, also in between. */
static void without_hands_it_goes_on(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_TRAP);
	w->hosts[1].hands.full = true;
	world_initiate(w, 0);
	world_run(w, 100);
	assert_true(world_is_up(w));
	assert_int_equal(w->hosts[1].hands.done, 0);
	w->hosts[0].hands.full = true;
	world_rekey(w, 0, false);
	world_rekey(w, 1, true);
	world_run(w, 2000);
	assert_true(world_is_up(w));
}

/* ---- what waits ---- */

/* Its peer asks again, and gets one answer; of the question nothing is lost. */
static void asked_again_meanwhile(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 100);
	w->hands_held = true;
	tap.count = 0;
	world_rekey(w, 0, false);
	world_run(w, 10);
	assert_int_equal(do_all(w, 0), 1);
	world_run(w, 1200);
	assert_int_equal(tap_count(&tap, 0, EXCHANGE_CREATE_CHILD_SA, false, 0), 2);
	assert_int_equal(tap_count(&tap, 1, EXCHANGE_CREATE_CHILD_SA, true, 0), 0);
	assert_int_equal(w->hosts[1].hands.out, 1);
	assert_int_equal(do_all(w, 1), 1);
	world_run(w, 10);
	assert_int_equal(tap_count(&tap, 1, EXCHANGE_CREATE_CHILD_SA, true, 0), 1);
	assert_int_equal(do_all(w, 0), 1);
	w->hands_held = false;
	world_run(w, 1000);
	assert_true(world_is_up(w));
}

/* IKE_SA_INIT again has no answer before there is one, and takes no second job. */
static void first_message_again_meanwhile(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	w->hands_held = true;
	world_run(w, 0);
	assert_int_equal(do_all(w, 0), 1);
	world_run(w, 1600);
	/* Three times asked, and nothing else. */
	assert_int_equal(w->sent, 3);
	assert_int_equal(w->hosts[1].hands.out, 1);
	assert_int_equal(w->hosts[1].hands.jobs->rank, JOB_OF_ANYBODY);
	do_all(w, 1);
	w->hands_held = false;
	world_run(w, 10);
	do_all(w, 0);
	world_run(w, 1000);
	assert_true(world_is_up(w));
}

/* The fragments of IKE_AUTH come while the keys to open them are computed: none has to come again. */
static void fragments_wait_for_their_key(void **state)
{
	struct world *w = *state;
	struct pki pki;

	pki_init(&pki, w->wall_s);
	pki.padding = 3000;
	for (int i = 1; i >= 0; i--) {
		struct connection_config *c = world_connection(w, i);

		pki_use(&pki, w, i, c, w->wall_s - 3600, w->wall_s + 30 * 86400);
		world_configure(w, i, c);
	}
	w->hands_held = true;
	world_initiate(w, 0);
	while (w->hosts[1].hands.done < 1 || !w->hosts[1].hands.jobs) {
		world_run(w, 2);
		do_all(w, 0);
		if (w->hosts[1].hands.done < 1)
			do_all(w, 1);
	}
	/* All of it has arrived by then. */
	world_run(w, 100);
	assert_int_equal(next_kind(w, 1), JOB_KEYS);
	assert_int_equal(w->hosts[1].hands.jobs->rank, JOB_OF_SERIOUS);
	assert_true(inside_half_open(w)->backlog.datagrams->next->next);
	w->hands_held = false;
	do_all(w, 1);
	world_run(w, 200);
	do_all(w, 0);
	world_run(w, 200);
	assert_true(world_is_up(w));
	pki_free(&pki);
}

/* ---- the end, meanwhile ---- */

static void let_end(struct world *w, struct pki *pki, int host, const char *how)
{
	struct connection_config *c;

	switch (how[0]) {
	case 'd': /* dead */
		engine_dead(w->hosts[host].engine, host ? "c1" : "c0");
		break;
	case 'r': /* reload */
		c = world_connection(w, host);
		pki_use(pki, w, host, c, w->wall_s - 3600, w->wall_s + 30 * 86400);
		c->digest[1]++;
		world_configure(w, host, c);
		break;
	case 'k': /* killed */
		world_restart(w, host);
		return;
	}
	engine_tick(w->hosts[host].engine);
}

/* Each time a job is out in turn, of a handshake and two rekeys, the IKE SA ends before it is done. */
static void answer_comes_after_the_end(void **state)
{
	static const char *const hows[] = {"dead", "reload", "killed"};
	struct world *w = *state;
	struct pki pki;

	for (unsigned n = 0; n < 3 * 14 * 2; n++) {
		const int host = (int)(n / 3 % 2);

		world_again(w, n);
		by_certificate(w, &pki);
		w->hands_held = true;
		world_initiate(w, 0);
		for (unsigned step = 0; step < n / 6; step++) {
			world_run(w, 2);
			for (int i = 0; i < 2; i++)
				if (w->hosts[i].hands.jobs)
					played_do(&w->hosts[i].hands, w->hosts[i].engine, UINT64_MAX);
			if (step == 8 && inside_peer(w, 0))
				world_rekey(w, 0, n & 1);
		}
		world_run(w, 2);
		let_end(w, &pki, host, hows[n % 3]);
		do_all(w, 0);
		do_all(w, 1);
		w->hands_held = false;
		if (n % 3 != 2) {
			world_run(w, 60000);
			world_initiate(w, 0);
			world_run(w, 60000);
			assert_true(world_talks(w));
		}
		pki_free(&pki);
	}
}

/* An IKE SA that is gone has no job, and its memory none of a job's. */
static void half_open_is_given_up_meanwhile(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	w->hands_held = true;
	world_run(w, 0);
	do_all(w, 0);
	world_run(w, 40000);
	assert_int_equal(w->hosts[1].engine->half_open, 0);
	assert_true(w->hosts[1].hands.out > 0);
	do_all(w, 1);
	world_run(w, 1000);
}

/* ---- proofs ---- */

/* Whoever is not proven is signed nothing for. */
static void nothing_is_signed_for_strangers(void **state)
{
	struct world *w = *state;
	struct connection_config *c;
	struct pki pki, other;
	char *ca;

	by_certificate(w, &pki);
	pki_init(&other, w->wall_s);
	c = world_connection(w, 0);
	pki_use(&other, w, 0, c, w->wall_s - 3600, w->wall_s + 30 * 86400);
	ca = pki_pem(pki.ca, NULL);
	trust_free(c->trust);
	assert_int_equal(trust_load(&c->trust, ca, NULL, NULL), 0);
	c->digest[1]++;
	world_configure(w, 0, c);
	w->hands_held = true;
	world_initiate(w, 0);
	for (int i = 0; i < 20; i++) {
		world_run(w, 2);
		while (w->hosts[1].hands.jobs) {
			assert_int_not_equal(next_kind(w, 1), JOB_SIGN);
			played_do(&w->hosts[1].hands, w->hosts[1].engine, UINT64_MAX);
		}
		do_all(w, 0);
	}
	assert_true(world_logged(w, 1, "is not issued by the CA that is configured"));
	assert_int_equal(w->hosts[1].hands.done, 3);
	free(ca);
	pki_free(&pki);
	pki_free(&other);
}

/* ---- by what it depends on ---- */

/* The job that is out, whose it is. */
static void do_for(struct world *w, struct foresight *f)
{
	struct played_hands *hands = &w->hosts[0].hands;
	struct played_job *job = hands->jobs;
	struct job_answer a;

	assert_non_null(job);
	hand_do(hands->hand, job->kind, (struct chunk){job->data, job->size}, &a);
	assert_ptr_equal(foresight_find(w->hosts[0].engine, job->number), f);
	foresight_done(f, &a);
	assert_null(foresight_find(w->hosts[0].engine, job->number));
	hands->jobs = job->next;
	hands->out--;
	free(job);
}

/* Another peer's value, another pair: what is known is of neither. */
static void secret_is_of_its_two(void **state)
{
	struct world *w = *state;
	struct engine *e = w->hosts[0].engine;
	struct dh one, two, three;
	uint8_t real[DH_SECRET_SIZE], out[DH_SECRET_SIZE], other[DH_SECRET_SIZE], third[DH_SECRET_SIZE];
	struct foresight f = {0};

	assert_int_equal(dh_generate(&one) | dh_generate(&two) | dh_generate(&three), 0);
	assert_int_equal(dh_derive(&one, two.public, real), 0);
	assert_int_equal(dh_derive(&one, three.public, other), 0);
	assert_int_equal(dh_derive(&three, two.public, third), 0);
	w->hands_held = true;
	assert_true(foresee_secret(e, &f, JOB_OF_KNOWN, &one, two.public));
	/* Until it is done, each has to wait. */
	assert_true(foresee_pair(e, &f, JOB_OF_KNOWN));
	do_for(w, &f);
	assert_false(foresee_secret(e, &f, JOB_OF_KNOWN, &one, two.public));
	assert_int_equal(foreseen_secret(&f, &one, two.public, out), 0);
	assert_memory_equal(out, real, sizeof(real));
	assert_int_equal(foreseen_secret(&f, &one, three.public, out), 0);
	assert_memory_equal(out, other, sizeof(other));
	assert_int_equal(foreseen_secret(&f, &three, one.public, out), 0);
	assert_memory_equal(out, other, sizeof(other));
	assert_int_equal(foreseen_secret(&f, &three, two.public, out), 0);
	assert_memory_equal(out, third, sizeof(third));
	assert_true(foresee_secret(e, &f, JOB_OF_KNOWN, &one, three.public));
	foresight_end(&f);
	assert_null(f.memos);
}

/* As RFC 7427 has it, behind the method. */
static size_t sign(const struct pki *pki, struct chunk octets, uint8_t *out, size_t room)
{
	const struct chunk der = sig_scheme_der(SIG_ECDSA_SHA384);
	BIO *bio = BIO_new_mem_buf(pki->last_key, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	size_t size = room - 1 - der.size;

	out[0] = (uint8_t)der.size;
	memcpy(out + 1, der.data, der.size);
	assert_int_equal(sig_sign(key, SIG_ECDSA_SHA384, octets.data, octets.size, out + 1 + der.size, &size), 0);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return 1 + der.size + size;
}

/* A verdict is of one proof, over these octets, by that certificate, for that name, by that CA. */
static void verdict_is_of_one_proof(void **state)
{
	static const uint8_t octets[] = "what AUTH is over", others[] = "what AUTH is not ";
	struct world *w = *state;
	struct engine *e = w->hosts[0].engine;
	struct connection_config *c = world_connection(w, 0), *d = world_connection(w, 0);
	struct cert_check check = {.now = w->wall_s}, wrong;
	struct foresight f = {0};
	struct cert_verdict v;
	struct pki pki, other;
	uint8_t signature[300], cert[1000];
	bool good;

	pki_init(&pki, w->wall_s);
	pki_init(&other, w->wall_s);
	pki_use(&other, w, 1, d, w->wall_s - 3600, w->wall_s + 86400);
	pki_use(&pki, w, 0, c, w->wall_s - 3600, w->wall_s + 86400);
	cert[0] = CERT_X509_SIGNATURE;
	memcpy(cert + 1, c->credentials->der[0], (size_t)c->credentials->der_size[0]);
	check.certs[0] = (struct chunk){cert, 1 + (size_t)c->credentials->der_size[0]};
	check.count = 1;
	check.trust = c->trust;
	check.id = c->local_id;
	check.octets = CHUNK(octets);
	check.auth = (struct auth){AUTH_SIGNATURE, {signature, sign(&pki, CHUNK(octets), signature, sizeof(signature))}};
	w->hands_held = true;
	assert_true(foresee_check(e, &f, JOB_OF_KNOWN, &check, &good));
	assert_false(good);
	do_for(w, &f);
	assert_false(foresee_check(e, &f, JOB_OF_KNOWN, &check, &good));
	assert_true(good);
	foreseen_check(&f, &check, &v);
	assert_int_equal(v.err, 0);
	assert_true(v.certified && v.certs.size);
	cert_verdict_free(&v);
	for (int i = 0; i < 4; i++) {
		wrong = check;
		if (i == 0)
			wrong.octets = CHUNK(others);
		else if (i == 1)
			wrong.id.data[0] ^= 1;
		else if (i == 2)
			wrong.trust = d->trust;
		else
			wrong.auth.method = AUTH_ECDSA_SHA384_P384;
		foreseen_check(&f, &wrong, &v);
		assert_true(v.err < 0);
		cert_verdict_free(&v);
		assert_true(foresee_check(e, &f, JOB_OF_KNOWN, &wrong, &good));
		assert_false(good);
		do_for(w, &f);
		assert_false(foresee_check(e, &f, JOB_OF_KNOWN, &wrong, &good));
		assert_false(good);
	}
	foresight_end(&f);
	connection_config_free(c);
	connection_config_free(d);
	pki_free(&pki);
	pki_free(&other);
}

/* What a hand says of one point of another's is no error of that. */
static void no_point_is_no_secret(void **state)
{
	struct world *w = *state;
	struct engine *e = w->hosts[0].engine;
	uint8_t nowhere[DH_PUBLIC_SIZE] = {1}, out[DH_SECRET_SIZE];
	struct foresight f = {0};
	struct dh pair;

	w->hands_held = true;
	assert_true(foresee_pair_and_secret(e, &f, JOB_OF_KNOWN, nowhere));
	do_for(w, &f);
	assert_false(foresee_pair_and_secret(e, &f, JOB_OF_KNOWN, nowhere));
	assert_int_equal(foreseen_pair(&f, &pair), 0);
	assert_int_equal(foreseen_secret(&f, &pair, nowhere, out), -EINVAL);
	/* A pair is nobody else's then. */
	assert_true(foresee_pair(e, &f, JOB_OF_KNOWN));
	foresight_end(&f);
}

/* A job that comes to nothing is not given out again and again. */
static void what_fails_is_done_here(void **state)
{
	const struct job_answer none = {.error = -ENOMEM};
	struct world *w = *state;
	struct engine *e = w->hosts[0].engine;
	struct foresight f = {0};
	struct dh pair;

	w->hands_held = true;
	assert_true(foresee_pair(e, &f, JOB_OF_KNOWN));
	foresight_done(&f, &none);
	assert_false(foresee_pair(e, &f, JOB_OF_KNOWN));
	assert_int_equal(foreseen_pair(&f, &pair), 0);
	assert_true(pair.there);
	foresight_forget(&f);
	assert_true(foresee_pair(e, &f, JOB_OF_KNOWN));
	foresight_end(&f);
}

#define WITH_HANDS(test) cmocka_unit_test_setup_teardown(test, with_hands, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HANDS(jobs_are_what_a_handshake_takes), WITH_HANDS(any_order_comes_to_the_same),
		WITH_HANDS(without_hands_it_goes_on),	     WITH_HANDS(asked_again_meanwhile),
		WITH_HANDS(first_message_again_meanwhile),   WITH_HANDS(fragments_wait_for_their_key),
		WITH_HANDS(answer_comes_after_the_end),	     WITH_HANDS(half_open_is_given_up_meanwhile),
		WITH_HANDS(nothing_is_signed_for_strangers), WITH_HANDS(secret_is_of_its_two),
		WITH_HANDS(verdict_is_of_one_proof),
		WITH_HANDS(no_point_is_no_secret),	     WITH_HANDS(what_fails_is_done_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
