/* SPDX-License-Identifier: BSD-2-Clause */
/* Who proves itself by what, and who does not: certificates and PPKs between two engines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "inside.h"
#include "one_ca.h"
#include "through.h"

#define HOUR 3600

static struct pki stranger;

static int setup_all(void **state)
{
	make_ca(state);
	pki_init(&stranger, 1800000000);
	return 0;
}

static int teardown_all(void **state)
{
	free_ca(state);
	pki_free(&stranger);
	return 0;
}

static struct connection_config *with_cert(struct world *w, int host, struct pki *ca, int64_t from, int64_t to)
{
	struct connection_config *c = world_connection(w, host);

	pki_use(ca, w, host, c, w->wall_s + from, w->wall_s + to);
	return c;
}

static void connect_with(struct world *w, struct connection_config *first, struct connection_config *second)
{
	world_configure(w, 1, second);
	world_configure(w, 0, first);
	engine_initiate(w->hosts[0].engine, "c0", NULL, 7);
	world_run(w, 1500);
	assert_int_equal(w->hosts[0].done_count, 1);
}

static void assert_refused(struct world *w)
{
	assert_true(w->hosts[0].done_error[0]);
	world_run(w, 30000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(world_sa_count(w, i, true), 0);
		assert_int_equal(world_ike_count(w, i), 0);
	}
}

static void certificates_prove(void **state)
{
	struct world *w = *state;

	connect_with(w, with_cert(w, 0, &pki, -HOUR, HOUR), with_cert(w, 1, &pki, -HOUR, HOUR));
	assert_string_equal(w->hosts[0].done_error, "");
	assert_true(world_talks(w));
	assert_true(world_logged(w, 0, "up with host1.example by certificate"));
	assert_true(world_logged(w, 1, "up with host0.example by certificate"));
}

/* Its AUTH is over the request with a cookie that the other end has not asked for. */
static void certificate_proves_behind_the_cookie_of_another(void **state)
{
	struct world *w = *state;

	w->filter = ask_for_cookie;
	connect_with(w, with_cert(w, 0, &pki, -HOUR, HOUR), with_cert(w, 1, &pki, -HOUR, HOUR));
	assert_null(w->filter);
	assert_string_equal(w->hosts[0].done_error, "");
	assert_true(world_talks(w));
}

static void expired_is_refused(void **state)
{
	struct world *w = *state;

	connect_with(w, with_cert(w, 0, &pki, -2 * HOUR, -HOUR), with_cert(w, 1, &pki, -HOUR, HOUR));
	assert_true(world_logged(w, 1, "has expired"));
	assert_refused(w);
}

static void not_yet_valid_is_refused(void **state)
{
	struct world *w = *state;

	connect_with(w, with_cert(w, 0, &pki, -HOUR, HOUR), with_cert(w, 1, &pki, HOUR, 2 * HOUR));
	assert_true(world_logged(w, 0, "is not valid yet"));
	assert_refused(w);
}

static void strangers_ca_is_refused(void **state)
{
	struct world *w = *state;
	struct connection_config *first = with_cert(w, 0, &stranger, -HOUR, HOUR);

	connect_with(w, first, with_cert(w, 1, &pki, -HOUR, HOUR));
	assert_true(world_logged(w, 1, "is not issued by the CA"));
	assert_refused(w);
}

/* A good certificate for one name does not make its owner another. */
static void name_that_is_not_in_it_is_refused(void **state)
{
	struct world *w = *state;
	struct connection_config *first = with_cert(w, 0, &pki, -HOUR, HOUR),
				 *second = with_cert(w, 1, &pki, -HOUR, HOUR);

	identity_from_text(&first->local_id, "somebody.example", NULL);
	strcpy(second->remote_id, "somebody.example");
	connect_with(w, first, second);
	assert_true(world_logged(w, 1, "does not name 'somebody.example'"));
	assert_refused(w);
}

static void another_ones_key_is_refused(void **state)
{
	struct world *w = *state;
	struct connection_config *first = with_cert(w, 0, &pki, -HOUR, HOUR), *second;
	struct connection_config *unused;

	second = with_cert(w, 1, &pki, -HOUR, HOUR);
	/* The ring's key 2 becomes another one. */
	unused = with_cert(w, 0, &pki, -HOUR, HOUR);
	connect_with(w, first, second);
	assert_true(world_logged(w, 1, "its signature is wrong"));
	assert_refused(w);
	connection_config_free(unused);
}

static void psk_against_certificate_is_refused(void **state)
{
	struct world *w = *state;
	struct connection_config *first = world_connection(w, 0);

	identity_from_text(&first->local_id, "host0.example", NULL);
	connect_with(w, first, with_cert(w, 1, &pki, -HOUR, HOUR));
	assert_refused(w);
}

/* Without remote-id it must be the address that it speaks from. */
static void another_address_as_identity_is_refused(void **state)
{
	struct world *w = *state;
	struct connection_config *first = world_connection(w, 0);

	first->local_id.data[3] = 9;
	connect_with(w, first, world_connection(w, 1));
	assert_true(world_logged(w, 1, "the peer says it is '192.0.2.9', and remote-id is 'its address'"));
	assert_refused(w);
}

/* The same by the responder: the initiator is the one to refuse, and says so. */
static void another_address_of_responder_is_refused(void **state)
{
	struct world *w = *state;
	struct connection_config *second = world_connection(w, 1);

	second->local_id.data[3] = 9;
	connect_with(w, world_connection(w, 0), second);
	assert_true(world_logged(w, 0, "the peer says it is '192.0.2.9'"));
	assert_true(world_logged(w, 1, "the peer does not accept who we are"));
	assert_refused(w);
}

/* One that no identity is as long as stands in front of the right one. */
static void long_names_are_passed_over(void **state)
{
	char names[1000] = "DNS:";
	struct connection_config *first;
	struct world *w = *state;

	memset(names + 4, 'a', 600);
	strcpy(names + 604, ",email:a@b,IP:192.0.2.7,");
	pki.alt_names = names;
	first = with_cert(w, 0, &pki, -HOUR, HOUR);
	pki.alt_names = NULL;
	connect_with(w, first, with_cert(w, 1, &pki, -HOUR, HOUR));
	assert_string_equal(w->hosts[0].done_error, "");
}

static void certificate_that_must_not_sign_is_refused(void **state)
{
	struct world *w = *state;
	struct connection_config *first;

	pki.key_usage = "critical,keyEncipherment";
	first = with_cert(w, 0, &pki, -HOUR, HOUR);
	pki.key_usage = NULL;
	connect_with(w, first, with_cert(w, 1, &pki, -HOUR, HOUR));
	assert_true(world_logged(w, 1, "is not for signatures: let its CA"));
	assert_refused(w);
}

/* Both are certified by a CA that is so many below the one that both trust. */
static struct world *connect_under(void **state, unsigned below)
{
	struct pki cas[CERTS_MAX + 1];
	struct world *w = *state;
	struct connection_config *first;

	world_again(w, below);
	pki_init(&cas[0], w->wall_s);
	for (unsigned i = 1; i <= below; i++)
		pki_init_under(&cas[i], &cas[i - 1], w->wall_s);
	first = with_cert(w, 0, &cas[below], -HOUR, HOUR);
	assert_int_equal(first->credentials->count, below < CERTS_MAX ? below + 1 : CERTS_MAX);
	connect_with(w, first, with_cert(w, 1, &cas[below], -HOUR, HOUR));
	for (unsigned i = 0; i <= below; i++)
		pki_free(&cas[i]);
	return w;
}

/* All of the chain is sent, and needed: RFC 7296 section 3.6 has four, here are eight. What is more is not sent, and
 * then missed. */
static void chains_of_so_many(void **state)
{
	for (unsigned below = 1; below < CERTS_MAX; below++) {
		struct world *w = connect_under(state, below);

		assert_string_equal(w->hosts[0].done_error, "");
		assert_true(world_talks(w));
	}
	assert_refused(connect_under(state, CERTS_MAX));
	assert_true(world_logged(*state, 1, "is not issued by the CA that is configured"));
}

/* More than a message has room for: who cannot answer is not up. */
static void chain_that_is_too_long(void **state)
{
	struct world *w = *state;
	struct connection_config *first = with_cert(w, 0, &pki, -HOUR, HOUR);

	pki.padding = 20000;
	world_configure(w, 1, with_cert(w, 1, &pki, -HOUR, HOUR));
	pki.padding = 0;
	world_configure(w, 0, first);
	world_initiate(w, 0);
	world_run(w, 2000);
	assert_true(world_logged(w, 1, "the answer could not be made"));
	assert_int_equal(world_ike_count(w, 1), 0);
	assert_int_equal(world_child_count(w, 1), 0);
}

/* ---- revocation ---- */

/* Host 1 has a CRL of that CA; host 0's certificate is the last that was made, and perhaps on it. */
static void connect_with_crl(struct world *w, struct pki *of, bool revoke, int64_t next_update)
{
	struct connection_config *first = with_cert(w, 0, &pki, -HOUR, HOUR), *second;

	pki_make_crl(of, revoke, w->wall_s, w->wall_s + next_update);
	if (of != &pki) {
		pki.crl = of->crl;
		of->crl = NULL;
	}
	second = with_cert(w, 1, &pki, -HOUR, HOUR);
	free(pki.crl);
	pki.crl = NULL;
	connect_with(w, first, second);
}

static void not_revoked_is_taken(void **state)
{
	struct world *w = *state;

	connect_with_crl(w, &pki, false, HOUR);
	assert_string_equal(w->hosts[0].done_error, "");
	assert_true(world_talks(w));
}

static void revoked_is_refused(void **state)
{
	struct world *w = *state;

	connect_with_crl(w, &pki, true, HOUR);
	assert_true(world_logged(w, 1, "certificate 'CN=host0.example' has been revoked"));
	assert_refused(w);
}

/* There is a CRL, and it is another CA's. */
static void missing_crl_is_refused(void **state)
{
	struct world *w = *state;

	connect_with_crl(w, &stranger, false, HOUR);
	assert_true(world_logged(
		w, 1, "certificate 'CN=host0.example' cannot be looked up: there is no CRL of the CA that issued it"));
	assert_refused(w);
}

static void expired_crl_is_refused(void **state)
{
	struct world *w = *state;

	connect_with_crl(w, &pki, false, -HOUR);
	assert_true(world_logged(
		w, 1, "certificate 'CN=host0.example' cannot be looked up: the CRL of its CA is out of date"));
	assert_refused(w);
}

/* What becomes of a certificate of a CA under another, whose CRL revokes it, or does not, or is not there (NULL). */
static int verify_under(struct world *w, const bool *revoke, bool both_are_anchors, struct fault *f)
{
	struct connection_config *c = world_connection(w, 0);
	char *leaf, *above, *anchor, chain[4000], anchors[4000], crls[4000] = "";
	struct pki root, middle;
	struct trust *trust;
	int err;

	pki_init(&root, w->wall_s);
	pki_init_under(&middle, &root, w->wall_s);
	if (revoke) {
		pki_make_crl(&root, *revoke, w->wall_s, w->wall_s + HOUR);
		strcpy(crls, root.crl);
	}
	pki_use(&middle, w, 0, c, w->wall_s - HOUR, w->wall_s + HOUR);
	pki_make_crl(&middle, false, w->wall_s, w->wall_s + HOUR);
	strcat(crls, middle.crl);
	leaf = pki_pem(middle.last, NULL);
	above = pki_pem(middle.ca, NULL);
	anchor = pki_pem(root.ca, NULL);
	snprintf(chain, sizeof(chain), "%s%s", leaf, above);
	snprintf(anchors, sizeof(anchors), "%s%s", anchor, both_are_anchors ? above : "");
	credentials_free(c->credentials);
	assert_int_equal(credentials_load(&c->credentials, chain, f), 0);
	assert_int_equal(trust_load(&trust, anchors, crls, f), 0);
	err = credentials_verify(c->credentials, trust, w->wall_s, f);
	trust_free(trust);
	connection_config_free(c);
	free(leaf);
	free(above);
	free(anchor);
	pki_free(&middle);
	pki_free(&root);
	return err;
}

/* Nobody is believed that a revoked CA vouches for, not even if it is an anchor beside the one above it. A CRL is
 * needed of the leaf's own CA alone. */
static void revoked_ca_vouches_for_nobody(void **state)
{
	const bool yes = true, no = false;
	struct fault f;

	for (int both = 0; both < 2; both++) {
		assert_int_equal(verify_under(*state, NULL, both, &f), 0);
		assert_int_equal(verify_under(*state, &no, both, &f), 0);
		assert_int_equal(verify_under(*state, &yes, both, &f), -EKEYREVOKED);
		assert_non_null(strstr(f.text, "certificate 'CN=Test CA "));
		assert_non_null(strstr(f.text, "has been revoked"));
	}
}

/* ---- PPK, RFC 8784 ---- */

static struct connection_config *with_ppk(struct world *w, int host, const char *id, const char *secret, bool required)
{
	struct connection_config *c = world_connection(w, host);

	keyring_add(w->hosts[host].ring, 3, KEY_PPK, secret, strlen(secret), NULL);
	strcpy(c->ppk_id, id);
	c->ppk_key = 3;
	c->ppk_required = required;
	return c;
}

static void ppk_is_mixed_in(void **state)
{
	struct world *w = *state;

	connect_with(w, with_ppk(w, 0, "p", "quantum", true), with_ppk(w, 1, "p", "quantum", true));
	assert_string_equal(w->hosts[0].done_error, "");
	assert_true(world_talks(w));
	assert_true(world_logged(w, 1, "by PSK and PPK"));
	/* What was proven is the heir's too. */
	world_rekey(w, 0, true);
	world_run(w, 2000);
	for (int i = 0; i < 2; i++)
		assert_true(inside_ike(w, i)->proofs & PROOF_PPK);
}

static void another_ppk_is_refused(void **state)
{
	struct world *w = *state;

	connect_with(w, with_ppk(w, 0, "p", "quantum", false), with_ppk(w, 1, "p", "another", false));
	assert_refused(w);
}

static void without_ppk_if_it_may_be(void **state)
{
	struct world *w = *state;

	connect_with(w, with_ppk(w, 0, "p", "quantum", false), with_ppk(w, 1, "q", "another", false));
	assert_string_equal(w->hosts[0].done_error, "");
	assert_true(world_talks(w));
	assert_true(world_logged(w, 0, "going on without"));
}

static void not_without_ppk_if_required(void **state)
{
	struct world *w = *state;

	connect_with(w, with_ppk(w, 0, "p", "quantum", true), world_connection(w, 1));
	assert_true(w->hosts[0].done_error[0]);
	assert_false(world_talks(w));
}

static void responder_requires_ppk(void **state)
{
	struct world *w = *state;

	connect_with(w, world_connection(w, 0), with_ppk(w, 1, "p", "quantum", true));
	assert_true(world_logged(w, 1, "ppk-required"));
	assert_refused(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(certificates_prove, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(certificate_proves_behind_the_cookie_of_another, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(expired_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(not_yet_valid_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(strangers_ca_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(name_that_is_not_in_it_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(another_ones_key_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(psk_against_certificate_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(another_address_as_identity_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(another_address_of_responder_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(long_names_are_passed_over, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(certificate_that_must_not_sign_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(chains_of_so_many, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(chain_that_is_too_long, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(not_revoked_is_taken, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(revoked_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(missing_crl_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(expired_crl_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(revoked_ca_vouches_for_nobody, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(ppk_is_mixed_in, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(another_ppk_is_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(without_ppk_if_it_may_be, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(not_without_ppk_if_required, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(responder_requires_ppk, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("IKE proofs", tests, setup_all, teardown_all);
}
