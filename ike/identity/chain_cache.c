/* SPDX-License-Identifier: BSD-2-Clause */
#include "chain_cache.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "cert_time.h"

/* Each has one place by its key, and takes it from who had it before: so it is bounded, and a peer whose CA lets it
 * make many chains has others verified anew, and no more. Its memory is there as far as it is used. */
#define PLACES 16384
#define DEPTH  8

struct known_chain {
	uint8_t key[CHAIN_KEY];
	int64_t from;	    /* it holds from then on, */
	int64_t until;	    /* and before then */
	int64_t expires;    /* the first of its certificates */
	uint8_t count;	    /* certificates between leaf and anchor, */
	uint8_t way[DEPTH]; /* which of those that the peer has sent */
};

struct chain_cache {
	struct known_chain places[PLACES];
};

struct chain_cache *chain_cache_new(void)
{
	return calloc(1, sizeof(struct chain_cache));
}

void chain_cache_free(struct chain_cache *cache)
{
	free(cache);
}

/* ---- keys ---- */

static bool add(EVP_MD_CTX *ctx, X509 *cert)
{
	uint8_t *der = NULL;
	const int size = i2d_X509(cert, &der);
	const bool ok = size > 0 && EVP_DigestUpdate(ctx, der, (size_t)size);

	OPENSSL_free(der);
	return ok;
}

bool chain_cache_key(X509 *leaf, STACK_OF(X509) * others, uint8_t key[CHAIN_KEY])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) && add(ctx, leaf);

	for (int i = 0; i < sk_X509_num(others) && ok; i++)
		ok = add(ctx, sk_X509_value(others, i));
	ok = ok && EVP_DigestFinal_ex(ctx, key, NULL);
	EVP_MD_CTX_free(ctx);
	return ok;
}

static size_t place_of(const uint8_t key[CHAIN_KEY])
{
	uint32_t n;

	memcpy(&n, key, sizeof(n));
	return n % PLACES;
}

/* ---- times ---- */

/* One that is not there, or none, ends at once: then nothing is remembered. */
static void narrow(struct known_chain *k, const ASN1_TIME *from, const ASN1_TIME *until)
{
	const int64_t begin = time_seconds(from), end = time_seconds(until);

	if (begin > k->from)
		k->from = begin;
	if (end < k->until)
		k->until = end;
}

static void narrow_by_crls(struct known_chain *k, X509_STORE *store)
{
	const STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(store);

	for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
		const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(all, i));

		if (crl)
			narrow(k, X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl));
	}
}

/* ---- chains ---- */

STACK_OF(X509) * chain_cache_find(const struct chain_cache *cache, const uint8_t key[CHAIN_KEY], X509 *leaf,
				  STACK_OF(X509) * others, int64_t now, int64_t *until)
{
	const struct known_chain *k = cache ? &cache->places[place_of(key)] : NULL;
	STACK_OF(X509) * chain;

	if (!k || memcmp(k->key, key, CHAIN_KEY) != 0 || now < k->from || now >= k->until)
		return NULL;
	chain = sk_X509_new_null();
	if (!chain || !sk_X509_push(chain, leaf))
		goto none;
	for (unsigned i = 0; i < k->count; i++)
		if (!sk_X509_push(chain, sk_X509_value(others, k->way[i])))
			goto none;
	*until = k->expires;
	return chain;
none:
	sk_X509_free(chain);
	return NULL;
}

static int index_in(STACK_OF(X509) * others, const X509 *cert)
{
	for (int i = 0; i < sk_X509_num(others) && i <= UINT8_MAX; i++)
		if (X509_cmp(sk_X509_value(others, i), cert) == 0)
			return i;
	return -1;
}

/* False: it leads over what our own file has, or is too long; then it is not remembered. */
static bool note_way(struct known_chain *k, STACK_OF(X509) * chain, STACK_OF(X509) * others)
{
	for (int i = 1; i < sk_X509_num(chain) - 1; i++) {
		const int at = index_in(others, sk_X509_value(chain, i));

		if (at < 0 || k->count == DEPTH)
			return false;
		k->way[k->count++] = (uint8_t)at;
	}
	return true;
}

void chain_cache_put(struct chain_cache *cache, const uint8_t key[CHAIN_KEY], STACK_OF(X509) * chain,
		     STACK_OF(X509) * others, X509_STORE *store)
{
	struct known_chain k = {.from = INT64_MIN, .until = INT64_MAX};

	if (!cache || !note_way(&k, chain, others))
		return;
	memcpy(k.key, key, CHAIN_KEY);
	for (int i = 0; i < sk_X509_num(chain); i++)
		narrow(&k, X509_get0_notBefore(sk_X509_value(chain, i)), X509_get0_notAfter(sk_X509_value(chain, i)));
	k.expires = k.until;
	narrow_by_crls(&k, store);
	cache->places[place_of(key)] = k;
}
