/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a handshake costs its responder, beside the operations of group 20 and ECDSA that it cannot do without, in one
 * run: JSON on stdout. Two engines in one process; only the time inside the responder's counts.
 */
#include <malloc.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pki.h"
#include "crypto/sig_scheme.h"
#include "world.h"

#define HANDSHAKES 300
#define RAW	   300

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A key pair and a shared secret, by OpenSSL alone. */
static double raw_dh(void)
{
	EVP_PKEY *peer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	const double begin = now_s();

	for (int i = 0; i < RAW; i++) {
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
		uint8_t secret[48];
		size_t size = sizeof(secret);

		if (EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, peer) != 1 ||
		    EVP_PKEY_derive(ctx, secret, &size) != 1)
			abort();
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY_free(key);
	}
	EVP_PKEY_free(peer);
	return (now_s() - begin) / RAW;
}

/* One signature made, two checked: AUTH, and the certificate's own. */
static double raw_signatures(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	uint8_t octets[400] = {0}, signature[200];
	const double begin = now_s();

	for (int i = 0; i < RAW; i++) {
		size_t size = sizeof(signature);

		if (sig_sign(key, SIG_ECDSA_SHA384, octets, sizeof(octets), signature, &size) ||
		    !sig_verify(key, SIG_ECDSA_SHA384, octets, sizeof(octets), signature, size) ||
		    !sig_verify(key, SIG_ECDSA_SHA384, octets, sizeof(octets), signature, size))
			abort();
	}
	EVP_PKEY_free(key);
	return (now_s() - begin) / RAW;
}

static void configure(struct world *w, struct pki *pki)
{
	for (int i = 1; i >= 0; i--) {
		struct connection_config *c = world_connection(w, i);

		if (pki)
			pki_use(pki, w, i, c, w->wall_s - 3600, w->wall_s + 30 * 86400);
		world_configure(w, i, c);
	}
}

static void one_handshake(struct world *w)
{
	engine_initiate(w->hosts[0].engine, "c0", NULL, 1);
	world_run(w, 100);
	if (!world_talks(w))
		abort();
}

/* Seconds of the responder; *bytes: what an IKE SA and its child take, of both ends' the mean. */
static double handshakes(struct pki *pki, double *bytes)
{
	struct world *w = malloc(sizeof(*w));
	double spent;
	size_t before;

	world_init(w);
	configure(w, pki);
	one_handshake(w);
	engine_terminate(w->hosts[0].engine, "c0", NULL, 2);
	world_run(w, 60000);
	before = mallinfo2().uordblks;
	one_handshake(w);
	*bytes = (double)(mallinfo2().uordblks - before) / 2;
	w->spent_ns[1] = 0;
	for (int i = 0; i < HANDSHAKES; i++) {
		engine_terminate(w->hosts[0].engine, "c0", NULL, 2);
		world_run(w, 40000);
		one_handshake(w);
	}
	spent = (double)w->spent_ns[1] / 1e9 / HANDSHAKES;
	world_free(w);
	free(w);
	return spent;
}

static void report(const char *name, double raw, double spent, double bytes, const char *end)
{
	printf("{\"auth\": \"%s\", \"raw_per_s\": %.1f, \"handshakes_per_s\": %.1f, \"bytes_per_sa\": %.0f}%s", name,
	       1 / raw, 1 / spent, bytes, end);
}

int main(void)
{
	struct pki pki;
	double dh, signatures, psk, ecdsa, psk_bytes, ecdsa_bytes;

	pki_init(&pki, 1800000000);
	raw_dh();
	dh = raw_dh();
	signatures = raw_signatures();
	psk = handshakes(NULL, &psk_bytes);
	ecdsa = handshakes(&pki, &ecdsa_bytes);
	dh = (dh + raw_dh()) / 2;
	printf("[");
	report("psk", dh, psk, psk_bytes, ", ");
	report("ecdsa", dh + signatures, ecdsa, ecdsa_bytes, "]\n");
	pki_free(&pki);
	return 0;
}
