/* SPDX-License-Identifier: BSD-2-Clause */
#include "dh.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

/* SEC 1 section 2.3.3: an uncompressed point is 4, x, y. */
#define POINT_UNCOMPRESSED 4
#define POINT_SIZE	   (1 + DH_PUBLIC_SIZE)

static int take_private(EVP_PKEY *key, uint8_t private[DH_PRIVATE_SIZE])
{
	BIGNUM *number = NULL;
	int err = -EIO;

	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) &&
	    BN_bn2binpad(number, private, DH_PRIVATE_SIZE) == DH_PRIVATE_SIZE)
		err = 0;
	BN_clear_free(number);
	return err;
}

static int take_public(EVP_PKEY *key, uint8_t public[DH_PUBLIC_SIZE])
{
	uint8_t point[POINT_SIZE];
	size_t size = 0;

	if (!EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &size) ||
	    size != POINT_SIZE || point[0] != POINT_UNCOMPRESSED)
		return -EIO;
	memcpy(public, point + 1, DH_PUBLIC_SIZE);
	return 0;
}

int dh_generate(struct dh *dh)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	int err = key ? take_private(key, dh->private) : -EIO;

	if (!err)
		err = take_public(key, dh->public);
	EVP_PKEY_free(key);
	dh->there = !err;
	if (err)
		dh_wipe(dh);
	return err;
}

static EVP_PKEY *import(const OSSL_PARAM *params, int selection)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	if (ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key, selection, (OSSL_PARAM *)params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

#define GROUP OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"P-384", 0)

/* OpenSSL has numbers in the order of this machine's bytes. */
static bool turn_round(const uint8_t private[DH_PRIVATE_SIZE], uint8_t native[DH_PRIVATE_SIZE])
{
	BIGNUM *number = BN_bin2bn(private, DH_PRIVATE_SIZE, NULL);
	const bool done = number && BN_bn2nativepad(number, native, DH_PRIVATE_SIZE) == DH_PRIVATE_SIZE;

	BN_clear_free(number);
	return done;
}

static EVP_PKEY *import_private(const struct dh *dh)
{
	uint8_t native[DH_PRIVATE_SIZE];
	const OSSL_PARAM params[] = {
		GROUP,
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, sizeof(native)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key = turn_round(dh->private, native) ? import(params, EVP_PKEY_KEYPAIR) : NULL;

	explicit_bzero(native, sizeof(native));
	return key;
}

/* That it is a point of the curve is checked (RFC 6989 section 2.3). NULL: it is not. */
static EVP_PKEY *import_public(const uint8_t peer[DH_PUBLIC_SIZE])
{
	uint8_t point[POINT_SIZE] = {POINT_UNCOMPRESSED};
	const OSSL_PARAM params[] = {
		GROUP,
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};

	memcpy(point + 1, peer, DH_PUBLIC_SIZE);
	return import(params, EVP_PKEY_PUBLIC_KEY);
}

int dh_derive(const struct dh *dh, const uint8_t peer[DH_PUBLIC_SIZE], uint8_t secret[DH_SECRET_SIZE])
{
	EVP_PKEY *theirs = import_public(peer), *ours = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	size_t size = DH_SECRET_SIZE;
	int err = -EIO;

	if (!theirs)
		return -EINVAL;
	if (dh->there)
		ours = import_private(dh);
	if (ours)
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ours, NULL);
	/* The point has been checked against the curve; its order is prime, so there is no small subgroup to check for.
	 */
	if (ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer_ex(ctx, theirs, 0) == 1 &&
	    EVP_PKEY_derive(ctx, secret, &size) == 1 && size == DH_SECRET_SIZE)
		err = 0;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(ours);
	EVP_PKEY_free(theirs);
	return err;
}

void dh_wipe(struct dh *dh)
{
	explicit_bzero(dh, sizeof(*dh));
}
