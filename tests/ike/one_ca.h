/* SPDX-License-Identifier: BSD-2-Clause */
/* One CA for all tests of a program: making one for each would be most of their time. */
#ifndef TESTS_IKE_ONE_CA_H
#define TESTS_IKE_ONE_CA_H

#include "pki.h"

static struct pki pki;

/* For cmocka, as the set-up of the group. */
static int make_ca(void **state)
{
	(void)state;
	pki_init(&pki, 1800000000);
	return 0;
}

static int free_ca(void **state)
{
	(void)state;
	pki_free(&pki);
	return 0;
}

#endif
