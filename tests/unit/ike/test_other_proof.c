/* SPDX-License-Identifier: BSD-2-Clause */
/* Several connections between the same two hosts, of which one asks for another proof, or comes to do so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "one_ca.h"
#include "several.h"
#include "tap.h"

/* Another secret, another CA, another identity: what is proven for one says nothing for the other. */
static void other_proof_other_ike_sa(void **state)
{
	struct world *w = *state;
	struct connection_config *const list[] = {
		CONNECTION(w, 1, "rest", START_RESPOND, geneve),
		CONNECTION(w, 1, "bgp", START_RESPOND, to_bgp, from_bgp),
	};

	list[1]->auth_digest[0] = 1;
	configure(w, 1, 2, list);
	configure_one(w, 0, START_INITIATE);
	world_run(w, 900);
	/* The first it asks for decides on the connection. */
	assert_memory_equal(look(w, 1, "bgp"), "up", 2);
	assert_string_equal(look(w, 1, "rest"), "down");
	assert_true(world_logged(w, 1, "nothing in common"));
}

/* Two connections of host 1, of which the second asks for another proof; the first one may be for more hosts. */
static void configure_two_proofs(struct world *w, enum start_mode start, uint8_t bits, struct selector of_second)
{
	struct connection_config *const list[] = {
		CONNECTION(w, 1, "rest", start, all),
		CONNECTION(w, 1, "bgp", START_RESPOND, of_second),
	};

	list[0]->remote_bits = bits;
	list[1]->auth_digest[0] = 1;
	configure(w, 1, 2, list);
}

/* It would carry the other one's packets: an SA takes them by addresses and selector. */
static void other_proof_no_child(void **state)
{
	for (unsigned bits = 32; bits >= 24; bits -= 8) {
		struct world *w = *state;
		struct connection_config *mine;

		world_again(w, bits);
		configure_two_proofs(w, START_RESPOND, (uint8_t)bits, to_bgp);
		mine = CONNECTION(w, 0, "one", START_INITIATE, all, from_bgp);
		configure(w, 0, 1, &mine);
		world_run(w, 3000);
		assert_carried(w, all);
		assert_null(bound_for(w, 1, &to_bgp));
		assert_true(world_logged(w, 1, "would carry what is connection 'bgp''s"));
	}
}

/* Nor does the peer's answer make one of a wider one that was asked for. */
static void other_proof_no_narrower_child(void **state)
{
	struct world *w = *state;
	struct connection_config *mine = CONNECTION(w, 0, "one", START_RESPOND, from_bgp);

	configure(w, 0, 1, &mine);
	configure_two_proofs(w, START_INITIATE, 32, to_bgp);
	world_run(w, 3000);
	assert_null(bound_for(w, 1, &to_bgp));
	assert_true(world_logged(w, 1, "would carry what is connection 'bgp''s"));
}

/* With the same certificate for all; "geneve" may have another CRL than the others. */
static void configure_three_certified(struct world *w, const char *cert, const char *crl)
{
	struct connection_config *const list[] = {
		CONNECTION(w, 1, "rest", START_RESPOND, all),
		CONNECTION(w, 1, "bgp", START_RESPOND, to_bgp, from_bgp),
		CONNECTION(w, 1, "geneve", START_RESPOND, geneve, from_geneve),
	};
	char *ca = pki_pem(pki.ca, NULL);

	for (unsigned i = 0; i < 3; i++) {
		list[i]->cert = true;
		list[i]->private_key = 2;
		identity_from_text(&list[i]->local_id, "host1.example", NULL);
		strcpy(list[i]->remote_id, "host0.example");
		assert_int_equal(credentials_load(&list[i]->credentials, cert, NULL), 0);
		assert_int_equal(trust_load(&list[i]->trust, ca, i == 2 ? crl : NULL, NULL), 0);
	}
	list[2]->files_digest[0] = list[2]->auth_digest[0] = crl != NULL;
	free(ca);
	configure(w, 1, 3, list);
}

/* The certificate and key of host 1, as PEM. */
static char *certificate_of_host_1(struct world *w)
{
	struct connection_config *c = world_connection(w, 1);
	char *cert;

	pki_use(&pki, w, 1, c, world_wall(w) - 3600, world_wall(w) + 36000);
	cert = pki_pem(c->credentials->cert, NULL);
	connection_config_free(c);
	return cert;
}

static void set_up_certified(struct world *w, const char *cert)
{
	struct connection_config *one = CONNECTION(w, 0, "one", START_TRAP, to_bgp, from_bgp, geneve, from_geneve, all);

	configure_three_certified(w, cert, NULL);
	pki_use(&pki, w, 0, one, world_wall(w) - 3600, world_wall(w) + 36000);
	configure(w, 0, 1, &one);
	engine_initiate(w->hosts[0].engine, "one", NULL, 1);
	world_run(w, 2000);
	assert_three(w, 1);
	assert_int_equal(world_ike_count(w, 1), 1);
}

/* With a CRL for "geneve", in which the peer may be. cert is freed. */
static void reload_with_crl(struct world *w, char *cert, bool revoked)
{
	pki_make_crl(&pki, revoked, world_wall(w), world_wall(w) + 3600);
	configure_three_certified(w, cert, pki.crl);
	free(pki.crl);
	pki.crl = NULL;
	free(cert);
}

/* Only of who is revoked, the children of that connection end, though another one's IKE SA has them. */
static void another_crl_is_for_its_own_children(void **state)
{
	for (int revoked = 0; revoked < 2; revoked++) {
		struct world *w = *state;
		char *cert;

		world_again(w, 0);
		cert = certificate_of_host_1(w);
		set_up_certified(w, cert);
		reload_with_crl(w, cert, revoked);
		world_run(w, 5000);
		assert_carried(w, all);
		assert_carried(w, to_bgp);
		assert_int_equal(bound_for(w, 1, &geneve) == NULL, revoked);
		assert_int_equal(bound_for(w, 1, &from_geneve) == NULL, revoked);
		assert_int_equal(world_logged(w, 1, "has been revoked"), revoked);
	}
}

/* Nor of a rekey that is under way when that is known, whoever has begun it. */
static void another_crl_leaves_no_heir(void **state)
{
	for (int by = 0; by < 2; by++) {
		struct world *w = *state;
		static struct tap tap;
		char *cert;

		world_again(w, 0);
		cert = certificate_of_host_1(w);
		set_up_certified(w, cert);
		tap_start(&tap, w);
		/* Of host 1 the answer to its rekey; or to what it is busy with while the peer rekeys. */
		tap.hold[1] = TAP_HELD;
		if (by == 0)
			assert_non_null(task_queue(ike_of(w, 1, "bgp"), TASK_LIVENESS));
		else
			engine_rekey(w->hosts[1].engine, "geneve", NULL, false, 5);
		world_run(w, 50);
		reload_with_crl(w, cert, true);
		if (by == 0)
			engine_rekey(w->hosts[0].engine, "one", NULL, false, 5);
		world_run(w, 50);
		tap.hold[1] = 0;
		tap_release(&tap, w, 1);
		world_run(w, 5000);
		assert_null(bound_for(w, 1, &geneve));
		assert_null(bound_for(w, 1, &from_geneve));
		assert_carried(w, all);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(other_proof_other_ike_sa),	     TEST(other_proof_no_child),
		TEST(other_proof_no_narrower_child), TEST(another_crl_is_for_its_own_children),
		TEST(another_crl_leaves_no_heir),
	};

	return cmocka_run_group_tests_name("IKE: connections of other proofs", tests, make_ca, free_ca);
}
