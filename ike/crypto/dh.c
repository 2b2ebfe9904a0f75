/* SPDX-License-Identifier: BSD-2-Clause */
#include "dh.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

/* SEC 1 section 2.3.3: an uncompressed point is 4, x, y. */
#define POINT_UNCOMPRESSED 4
#define POINT_SIZE	   (1 + DH_PUBLIC_SIZE)

int dh_generate(struct dh *dh)
{
	uint8_t point[POINT_SIZE];
	size_t size = 0;

	dh->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	if (!dh->key)
		return -EIO;
	if (!EVP_PKEY_get_octet_string_param(dh->key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &size) ||
	    size != POINT_SIZE || point[0] != POINT_UNCOMPRESSED) {
		dh_free(dh);
		return -EIO;
	}
	memcpy(dh->public, point + 1, DH_PUBLIC_SIZE);
	return 0;
}

/* The import checks that it is a point of the curve (RFC 6989 section 2.3). NULL: it is not. */
static EVP_PKEY *import(const uint8_t peer[DH_PUBLIC_SIZE])
{
	uint8_t point[POINT_SIZE] = {POINT_UNCOMPRESSED};
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"P-384", 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	memcpy(point + 1, peer, DH_PUBLIC_SIZE);
	if (ctx && EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

int dh_derive(const struct dh *dh, const uint8_t peer[DH_PUBLIC_SIZE], uint8_t secret[DH_SECRET_SIZE])
{
	EVP_PKEY *key = import(peer);
	EVP_PKEY_CTX *ctx = NULL;
	size_t size = DH_SECRET_SIZE;
	int err = -EIO;

	if (!key)
		return -EINVAL;
	if (dh->key)
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, dh->key, NULL);
	/* The point has been checked against the curve; its order is prime, so there is no small subgroup to check for.
	 */
	if (ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer_ex(ctx, key, 0) == 1 &&
	    EVP_PKEY_derive(ctx, secret, &size) == 1 && size == DH_SECRET_SIZE)
		err = 0;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return err;
}

void dh_free(struct dh *dh)
{
	EVP_PKEY_free(dh->key);
	dh->key = NULL;
}
