/* SPDX-License-Identifier: BSD-2-Clause */
/* What a hand gives back: keys that meet, and verdicts which say what the one would have found who gives it the job. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hands/job.h"
#include "identity/auth.h"
#include "one_ca.h"
#include "octets.h"

#define NOW  1800000000
#define SHA2 (1U << HASH_SHA2_256 | 1U << HASH_SHA2_384 | 1U << HASH_SHA2_512)

static struct hand *hand;
static struct job_answer answer;

static int with_hand(void **state)
{
	(void)state;
	hand = hand_new();
	return hand ? 0 : -1;
}

static int without_hand(void **state)
{
	(void)state;
	hand_free(hand);
	return 0;
}

/* ---- keys ---- */

static struct keys_done keys_of(const struct keys_job *job)
{
	struct keys_done done = {.error = 0};

	hand_do(hand, JOB_KEYS, (struct chunk){job, sizeof(*job)}, &answer);
	assert_int_equal(answer.error, 0);
	assert_int_equal(answer.data.size, sizeof(done));
	memcpy(&done, answer.data.data, sizeof(done));
	return done;
}

static void a_pair_is_made_and_meets(void **state)
{
	static const uint8_t none[DH_SECRET_SIZE];
	struct keys_job job = {.meets = false};
	const struct keys_done one = keys_of(&job), other = keys_of(&job);
	struct keys_done met;

	(void)state;
	assert_true(one.own.there && other.own.there);
	assert_memory_not_equal(one.own.private, other.own.private, DH_PRIVATE_SIZE);
	assert_memory_equal(one.secret, none, sizeof(none));
	job = (struct keys_job){.own = one.own, .meets = true};
	memcpy(job.peer, other.own.public, DH_PUBLIC_SIZE);
	met = keys_of(&job);
	assert_int_equal(met.error, 0);
	/* Its own pair is the one that it was given. */
	assert_memory_equal(&met.own, &one.own, sizeof(one.own));
	job = (struct keys_job){.own = other.own, .meets = true};
	memcpy(job.peer, one.own.public, DH_PUBLIC_SIZE);
	assert_memory_equal(keys_of(&job).secret, met.secret, DH_SECRET_SIZE);
	assert_memory_not_equal(met.secret, none, sizeof(none));
}

/* The job is done, and the peer's value is the one to blame; the secret before is not told. */
static void no_point_has_no_secret(void **state)
{
	static const uint8_t none[DH_SECRET_SIZE];
	struct keys_job job = {.meets = false};
	struct keys_done done = keys_of(&job);

	(void)state;
	job = (struct keys_job){.own = done.own, .meets = true};
	memcpy(job.peer, done.own.public, DH_PUBLIC_SIZE);
	assert_int_equal(keys_of(&job).error, 0);
	job.peer[0] ^= 1;
	done = keys_of(&job);
	assert_int_equal(done.error, -EINVAL);
	assert_memory_equal(done.secret, none, sizeof(none));
}

/* ---- proofs ---- */

static uint8_t message[OCTETS_MESSAGE_SIZE + OCTETS_NONCE_SIZE + 48];

/* A host of that CA, and what it proves itself by: AUTH over `message`. */
struct host {
	struct connection_config c;
	struct world w;
	struct body body;
	uint8_t cert[2000];
	struct cert_check check;
};

static void sign(struct host *h)
{
	const struct keyholder_ops keys = keyring_ops(h->w.hosts[0].ring);
	const struct auth_octets octets = {message, sizeof(message)};

	body_init(&h->body);
	assert_int_equal(auth_write_signature(&h->body, &keys, 2, EVP_PKEY_EC, 384, SHA2, &octets), 0);
	h->check.auth = auth_parse(
		&(struct payload){.type = PAYLOAD_AUTH, .data = h->body.data + 4, .size = h->body.w.size - 4});
}

static void host_init(struct host *h, struct pki *ca)
{
	const struct credentials *own;

	memset(h, 0, sizeof(*h));
	octets_make(message, false, OCTETS_NONCE_SIZE + 48);
	h->w.hosts[0].ring = keyring_new();
	pki_use(ca, &h->w, 0, &h->c, NOW - 3600, NOW + 3600);
	own = h->c.credentials;
	assert_true((size_t)own->der_size[0] < sizeof(h->cert));
	h->cert[0] = CERT_X509_SIGNATURE;
	memcpy(h->cert + 1, own->der[0], (size_t)own->der_size[0]);
	h->check = (struct cert_check){.trust = h->c.trust,
				       .id = h->c.local_id,
				       .octets = CHUNK(message),
				       .certs = {{h->cert, (size_t)own->der_size[0] + 1}},
				       .count = 1,
				       .now = NOW};
	sign(h);
}

static void host_free(struct host *h)
{
	credentials_free(h->c.credentials);
	trust_free(h->c.trust);
	keyring_free(h->w.hosts[0].ring);
}

/* What the hand says of it, which is what the one who gives it would have found. */
static int verdict_of(const struct host *h, struct cert_verdict *v)
{
	struct cert_verdict own;
	size_t about, size;
	uint8_t *data = cert_check_write(&h->check, &about, &size);

	hand_do(hand, JOB_CHECK, (struct chunk){data, size}, &answer);
	free(data);
	assert_int_equal(answer.error, 0);
	assert_true(cert_verdict_read(v, answer.data.data, answer.data.size));
	cert_check(&h->check, &own);
	assert_int_equal(v->err, own.err);
	assert_int_equal(v->certified, own.certified);
	assert_string_equal(v->why.text, own.why.text);
	assert_int_equal(v->certs.until, own.certs.until);
	assert_int_equal(v->certs.size, own.certs.size);
	cert_verdict_free(&own);
	return v->err;
}

static int err_of(const struct host *h, bool *certified)
{
	struct cert_verdict v;
	const int err = verdict_of(h, &v);

	*certified = v.certified;
	cert_verdict_free(&v);
	return err;
}

static void a_proof_is_judged(void **state)
{
	static struct host h;
	struct cert_verdict v;
	bool certified;

	(void)state;
	host_init(&h, &pki);
	assert_int_equal(verdict_of(&h, &v), 0);
	assert_true(v.certified);
	assert_int_equal(v.certs.until, NOW + 3600);
	assert_true(v.certs.size > 0);
	cert_verdict_free(&v);
	/* The certificate is good, and the signature is of something else. */
	h.check.octets.size--;
	assert_int_equal(err_of(&h, &certified), -EACCES);
	assert_true(certified);
	h.check.octets.size++;
	h.check.now = NOW + 3601;
	assert_true(err_of(&h, &certified) < 0);
	assert_false(certified);
	h.check.now = NOW;
	h.check.count = 0;
	assert_true(err_of(&h, &certified) < 0);
	assert_false(certified);
	host_free(&h);
}

#define CAS 6

/* It keeps what it has read of a few of them, by which nobody is judged but those whose files they are. */
static void each_is_judged_by_its_own_ca(void **state)
{
	static struct host hosts[CAS];
	static struct pki cas[CAS];
	bool certified;

	(void)state;
	for (int i = 0; i < CAS; i++) {
		pki_init(&cas[i], NOW);
		host_init(&hosts[i], &cas[i]);
	}
	for (int n = 0; n < 3 * CAS; n++) {
		struct host *h = &hosts[n % CAS];
		const struct trust *own = h->check.trust;

		assert_int_equal(err_of(h, &certified), 0);
		h->check.trust = hosts[(n + 1) % CAS].check.trust;
		assert_true(err_of(h, &certified) < 0);
		assert_false(certified);
		h->check.trust = own;
	}
	for (int i = 0; i < CAS; i++) {
		host_free(&hosts[i]);
		pki_free(&cas[i]);
	}
}

static void revoked_is_not_proven(void **state)
{
	static struct host h, later;
	bool certified;

	(void)state;
	host_init(&h, &pki);
	pki_make_crl(&pki, true, NOW, NOW + 3600);
	host_init(&later, &pki);
	h.check.trust = later.check.trust;
	assert_true(err_of(&h, &certified) < 0);
	assert_false(certified);
	assert_int_equal(err_of(&later, &certified), 0);
	host_free(&h);
	host_free(&later);
}

/* ---- what is no job ---- */

static void refused(uint32_t kind, const void *data, size_t size, int error)
{
	hand_do(hand, kind, (struct chunk){data, size}, &answer);
	assert_int_equal(answer.error, error);
	assert_int_equal(answer.data.size, 0);
}

static void nonsense_is_answered(void **state)
{
	const struct keys_job keys = {.meets = false};
	static struct host h;
	size_t about, size;
	uint8_t *data;

	(void)state;
	host_init(&h, &pki);
	data = cert_check_write(&h.check, &about, &size);
	refused(JOB_KEYS, &keys, sizeof(keys) - 1, -EINVAL);
	refused(JOB_SIGN, &keys, sizeof(keys), -EINVAL);
	refused(JOB_CHECK, data, size - 1, -EINVAL);
	/* The text of the CA, which begins after the time and its size, is no certificate. */
	memset(data + about + 12, 'x', 20);
	data[0] ^= 1;
	refused(JOB_CHECK, data, size, -ENOMEM);
	free(data);
	host_free(&h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_hand, without_hand)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pair_is_made_and_meets),	    TEST(no_point_has_no_secret), TEST(a_proof_is_judged),
		TEST(each_is_judged_by_its_own_ca), TEST(revoked_is_not_proven),  TEST(nonsense_is_answered),
	};

	return cmocka_run_group_tests(tests, make_ca, free_ca);
}
