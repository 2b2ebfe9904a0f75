/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate to IKE_UP: without any one of the proofs that its connection asks for, an IKE SA does not come up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/ike_sa_up.h"
#include "inside.h"
#include "world.h"

#define ALL (PROOF_ADDRESS | PROOF_IDENTITY | PROOF_CERTIFICATE | PROOF_AUTH | PROOF_PPK)

/* An IKE SA whose IKE_AUTH has no answer. */
static struct ike_sa *waiting(struct world *w)
{
	world_configure_both(w, START_TRAP);
	w->filter = world_drop_all;
	world_initiate(w, 0);
	world_run(w, 100);
	return TAILQ_FIRST(&inside_peer(w, 0)->sas);
}

static bool is_admitted(struct ike_sa *sa, unsigned proofs)
{
	bool admitted;

	sa->proofs = proofs;
	sa->state = IKE_AUTH_SENT;
	admitted = ike_sa_admit(sa);
	assert_int_equal(sa->state, admitted ? IKE_UP : IKE_AUTH_SENT);
	sa->state = IKE_INIT_SENT;
	return admitted;
}

/* Each of its proofs alone is missing, and all others are there, also those that it does not ask for. */
static void assert_needed(struct ike_sa *sa, bool cert, bool ppk, unsigned needed)
{
	struct connection_config *config = sa->peer->connection->config;

	config->cert = cert;
	config->ppk_required = ppk;
	assert_true(is_admitted(sa, needed));
	for (unsigned bit = 1; bit <= ALL; bit <<= 1)
		assert_int_equal(is_admitted(sa, ALL & ~bit), !(needed & bit));
	config->cert = config->ppk_required = false;
}

static void not_without_any_proof_that_is_asked_for(void **state)
{
	struct ike_sa *sa = waiting(*state);
	const unsigned always = PROOF_ADDRESS | PROOF_IDENTITY | PROOF_AUTH;

	assert_needed(sa, false, false, always);
	assert_needed(sa, true, false, always | PROOF_CERTIFICATE);
	assert_needed(sa, false, true, always | PROOF_PPK);
	assert_needed(sa, true, true, ALL);
}

/* An heir is as proven as the IKE SA that it replaces. */
static void nor_as_an_heir(void **state)
{
	struct world *w = *state;
	struct ike_sa *sa;

	world_configure_both(w, START_INITIATE);
	world_run(w, 1000);
	assert_true(world_is_up(w));
	sa = inside_ike(w, 0);
	sa->proofs &= ~(unsigned)PROOF_AUTH;
	world_rekey(w, 0, true);
	world_run(w, 100);
	assert_false(world_logged(w, 0, "up, replaces"));
	assert_true(world_logged(w, 0, "the peer's answer to the rekey of the IKE SA is not valid"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(not_without_any_proof_that_is_asked_for, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(nor_as_an_heir, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("IKE, the gate to UP", tests, NULL, NULL);
}
