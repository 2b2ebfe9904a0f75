/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chains that were found to hold, by one trust: a peer that comes again, as all do after a restart of this host, costs
 * no signature but its own AUTH. A trust never changes: with other CAs or CRLs there is another one, which remembers
 * nothing. Of what else a verdict hangs on, the certificates are in the key, to the last bit, and the time is between
 * the latest beginning and the earliest end of all certificates of the chain and all CRLs of the trust. Only what holds
 * is remembered.
 */
#ifndef IKE_IDENTITY_CHAIN_CACHE_H
#define IKE_IDENTITY_CHAIN_CACHE_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

struct chain_cache;

/* NULL: no memory; and then nothing is remembered. */
struct chain_cache *chain_cache_new(void);
void chain_cache_free(struct chain_cache *cache);

#define CHAIN_KEY 32
/* Of what the peer has sent. False: no memory. */
bool chain_cache_key(X509 *leaf, STACK_OF(X509) * others, uint8_t key[CHAIN_KEY]);

/* The chain without its anchor, which is the caller's to free with what it holds of leaf and others; NULL: it is not
 * known to hold at that time. */
STACK_OF(X509) * chain_cache_find(const struct chain_cache *cache, const uint8_t key[CHAIN_KEY], X509 *leaf,
				  STACK_OF(X509) * others, int64_t now, int64_t *until);

/* The chain, with its anchor, holds by that store, which has CRLs for it or none. */
void chain_cache_put(struct chain_cache *cache, const uint8_t key[CHAIN_KEY], STACK_OF(X509) * chain,
		     STACK_OF(X509) * others, X509_STORE *store);

#endif
