/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No key stays in memory that is given back: free() is our own here, and looks for every key that was ever made. (The
 * sanitizers have a free() of their own; with them this test has nothing to look at.)
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <malloc.h>

#include "pki.h"

#ifndef __SANITIZE_ADDRESS__

#define SECRETS	    64
#define SECRET_SIZE 24 /* enough of one to know it by */

static uint8_t secrets[SECRETS][SECRET_SIZE];
static unsigned secret_count, found;

void __libc_free(void *p);

void free(void *p)
{
	const size_t size = p ? malloc_usable_size(p) : 0;

	for (unsigned i = 0; i < secret_count && size >= SECRET_SIZE; i++)
		found += memmem(p, size, secrets[i], SECRET_SIZE) != NULL;
	__libc_free(p);
}

static void know(const uint8_t *secret)
{
	for (unsigned i = 0; i < secret_count; i++)
		if (memcmp(secrets[i], secret, SECRET_SIZE) == 0)
			return;
	if (secret_count < SECRETS)
		memcpy(secrets[secret_count++], secret, SECRET_SIZE);
}

/* What the engines have logged, and what is in the datapath. */
static void know_all(struct world *w)
{
	for (unsigned i = 0; i < w->key_count && i < WORLD_KEYS; i++) {
		const struct ike_keys *k = &w->keys[i].keys;

		know(k->sk_d);
		know(k->ei.key);
		know(k->er.key);
		know(k->sk_pi);
		know(k->sk_pr);
	}
	for (int host = 0; host < 2; host++)
		for (unsigned i = 0; i < WORLD_SAS; i++)
			if (w->hosts[host].sas[i].used)
				know(w->hosts[host].sas[i].spec.keymat);
}

static int setup(void **state)
{
	secret_count = found = 0;
	return world_setup(state);
}

static int teardown(void **state)
{
	secret_count = 0;
	return world_teardown(state);
}

static void free_is_ours(void **state)
{
	static const uint8_t secret[SECRET_SIZE] = "this is one to be found";
	uint8_t *p = malloc(100);

	(void)state;
	know(secret);
	memcpy(p + 50, secret, SECRET_SIZE);
	/* The compiler knows that nobody reads what is freed: here somebody does. */
	__asm__ volatile("" : : "r"(p) : "memory");
	free(p);
	assert_int_equal(found, 1);
}

/* Up, rekeyed each way, down. */
static void no_key_is_left(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 500);
	know_all(w);
	assert_true(secret_count >= 7);
	for (int i = 0; i < 4; i++) {
		world_rekey(w, i & 1, i & 2);
		world_run(w, 400);
		know_all(w);
		world_run(w, 10000);
	}
	world_terminate(w, 0);
	world_run(w, 60000);
	assert_true(world_is_down(w));
	assert_int_equal(found, 0);
}

/* A PSK is the ring's alone. */
static void no_psk_is_left(void **state)
{
	static const char psk[] = "a secret of many letters, for one test";
	struct keyring *ring = keyring_new();

	(void)state;
	know((const uint8_t *)psk);
	assert_int_equal(keyring_add(ring, 1, KEY_PSK, psk, sizeof(psk) - 1, NULL), 0);
	keyring_add(ring, 1, KEY_PSK, "another", 7, NULL);
	keyring_add(ring, 2, KEY_PPK, psk, sizeof(psk) - 1, NULL);
	keyring_remove(ring, 2);
	keyring_add(ring, 3, KEY_PSK, psk, sizeof(psk) - 1, NULL);
	keyring_free(ring);
	assert_int_equal(found, 0);
}

#else

static int setup(void **state)
{
	(void)state;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return 0;
}

static void free_is_ours(void **state)
{
	(void)state;
	skip();
}
#define no_key_is_left free_is_ours
#define no_psk_is_left free_is_ours

#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(free_is_ours),
		TEST(no_key_is_left),
		TEST(no_psk_is_left),
	};

	return cmocka_run_group_tests_name("IKE, secrets", tests, NULL, NULL);
}
