/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who gets what leaves: puts fragments together, in a buffer for each IP ID, since a packet of the other queue may come
 * between two of them and be cut itself; and opens what is whole, by OpenSSL and RFC 4106 alone. What must hold of any
 * frame on the wire is looked at here: it is ESP of an SA that there is, its lengths and checksums are right, its
 * number is higher than the last one of its SA, and so is its IV; the key opens it, and its padding is what RFC 4303
 * asks for.
 */
#ifndef TESTS_FUZZ_WORKER_OUT_PEER_H
#define TESTS_FUZZ_WORKER_OUT_PEER_H

#include <openssl/evp.h>

#include "fuzz.h"
#include "maps/vault.h"
#include "out_reference.h"
#include "packets.h"

#define PEER_SAS 64
#define CUTS_MAX 128

struct peer_sa {
	uint32_t spi;
	bool esn;
	uint64_t iv_base;
	uint8_t salt[4];
	EVP_CIPHER_CTX *ctx;
	uint64_t last; /* number that came */
	uint32_t opened, skipped;
	uint64_t bytes;
};

/* A packet that comes in fragments. */
struct cut {
	bool open;
	uint16_t id;
	uint8_t addresses[8];
	uint64_t seq;
	struct peer_sa *sa;
	size_t have;
	uint8_t esp[65536];
};

/* What came out of a packet. */
struct came {
	const uint8_t *frame; /* of it, or of its last fragment */
	size_t l2;
	const struct peer_sa *sa;
	bool cut;
	const uint8_t *l4;
	size_t len;
	uint8_t proto;
};

static struct peer_sa peer_sas[PEER_SAS];
static uint32_t peer_sa_count;
static struct cut cuts[CUTS_MAX];

static inline void peer_begin(void)
{
	peer_sa_count = 0;
	for (unsigned i = 0; i < CUTS_MAX; i++)
		cuts[i].open = false;
}

static inline struct peer_sa *peer_find(uint32_t spi)
{
	for (uint32_t i = 0; i < peer_sa_count; i++)
		if (peer_sas[i].spi == spi)
			return &peer_sas[i];
	return NULL;
}

static inline void peer_learn(uint32_t spi, bool esn, uint64_t last, const struct vault_entry *key)
{
	struct peer_sa *sa = &peer_sas[peer_sa_count++];

	require(peer_sa_count <= PEER_SAS);
	if (!sa->ctx)
		sa->ctx = EVP_CIPHER_CTX_new();
	require(sa->ctx && EVP_DecryptInit_ex(sa->ctx, EVP_aes_256_gcm(), NULL, key->key, NULL) == 1);
	*sa = (struct peer_sa){.spi = spi, .esn = esn, .iv_base = key->iv_base, .ctx = sa->ctx, .last = last};
	memcpy(sa->salt, key->salt, sizeof(sa->salt));
}

/* ---- numbers ---- */

/* All 64 bits of a packet's number: the next that ends in these, which has to be one. Counted where a packet begins,
 * since others may come between its fragments. */
static inline uint64_t take_number(struct peer_sa *sa, const uint8_t *esp)
{
	const uint32_t low = load_be32(esp + 4);
	uint64_t seq = (sa->last & ~UINT64_C(0xffffffff)) | low;

	if (sa->esn && seq <= sa->last)
		seq += UINT64_C(1) << 32;
	require(seq > sa->last);
	sa->skipped += seq != sa->last + 1;
	sa->last = seq;
	return seq;
}

/* ---- RFC 4106 ---- */

static inline bool decrypt(const struct peer_sa *sa, uint64_t seq, const uint8_t *esp, size_t len, uint8_t *clear)
{
	const int n = (int)(len - 32);
	uint8_t nonce[12], aad[12], icv[16];
	size_t aad_len = 0;
	int done;

	memcpy(nonce, sa->salt, 4);
	memcpy(nonce + 4, esp + 8, 8);
	memcpy(aad, esp, 4);
	if (sa->esn)
		store_be32(aad + (aad_len += 4), (uint32_t)(seq >> 32));
	memcpy(aad + (aad_len += 4), esp + 4, 4);
	memcpy(icv, esp + len - 16, 16);
	return EVP_DecryptInit_ex(sa->ctx, NULL, NULL, NULL, nonce) == 1 &&
	       EVP_DecryptUpdate(sa->ctx, NULL, &done, aad, (int)aad_len + 4) == 1 &&
	       EVP_DecryptUpdate(sa->ctx, clear, &done, esp + 16, n) == 1 && done == n &&
	       EVP_CIPHER_CTX_ctrl(sa->ctx, EVP_CTRL_GCM_SET_TAG, 16, icv) == 1 &&
	       EVP_DecryptFinal_ex(sa->ctx, clear + n, &done) == 1;
}

static inline void open_esp(struct peer_sa *sa, uint64_t seq, const uint8_t *esp, size_t len, struct came *c)
{
	static uint8_t clear[65536 + 16];
	const uint64_t iv = (uint64_t)load_be32(esp + 8) << 32 | load_be32(esp + 12);
	uint8_t pad;

	require(len >= 36 && len % 4 == 0 && load_be32(esp) == sa->spi);
	/* As the numbers rise, none of these comes twice. */
	require(iv == seq + sa->iv_base);
	require(decrypt(sa, seq, esp, len, clear));
	len -= 32;
	pad = clear[len - 2];
	require(pad < 4);
	for (uint8_t i = 0; i < pad; i++)
		require(clear[len - 2 - pad + i] == i + 1);
	c->sa = sa;
	c->proto = clear[len - 1];
	c->l4 = clear;
	c->len = len - 2 - pad;
	sa->opened++;
	sa->bytes += c->len;
}

/* ---- fragments ---- */

static inline struct cut *find_cut(const uint8_t *ip)
{
	for (unsigned i = 0; i < CUTS_MAX; i++)
		if (cuts[i].open && cuts[i].id == load_be16(ip + IP_ID) &&
		    memcmp(cuts[i].addresses, ip + IP_SRC, 8) == 0)
			return &cuts[i];
	return NULL;
}

static inline struct cut *begin_cut(const uint8_t *ip, const uint8_t *esp, size_t len)
{
	unsigned i = 0;

	/* An ID of a datagram that is not complete is no other one's. */
	require(!find_cut(ip));
	while (i < CUTS_MAX && cuts[i].open)
		i++;
	require(i < CUTS_MAX && len >= 8);
	cuts[i].open = true;
	cuts[i].id = load_be16(ip + IP_ID);
	memcpy(cuts[i].addresses, ip + IP_SRC, 8);
	cuts[i].sa = peer_find(load_be32(esp));
	require(cuts[i].sa);
	cuts[i].seq = take_number(cuts[i].sa, esp);
	cuts[i].have = 0;
	return &cuts[i];
}

/* They come in order. True: it was the last. */
static inline bool take_fragment(const uint8_t *ip, size_t header, size_t total, struct came *c)
{
	const uint16_t bits = load_be16(ip + IP_FRAG);
	const size_t at = (bits & IP_OFFSET) * 8u, len = total - header;
	struct cut *cut = at ? find_cut(ip) : begin_cut(ip, ip + header, len);

	require(cut && at == cut->have && len && (!(bits & IP_MF) || len % 8 == 0));
	require(at + len <= sizeof(cut->esp));
	memcpy(cut->esp + at, ip + header, len);
	cut->have += len;
	if (bits & IP_MF)
		return false;
	cut->open = false;
	open_esp(cut->sa, cut->seq, cut->esp, cut->have, c);
	return true;
}

/* ---- a frame ---- */

/* A frame on the wire, whose IPv4 header is at l2. True: it is a packet, or the last of one, which *c tells. */
static inline bool peer_take(const uint8_t *frame, size_t len, size_t l2, struct came *c)
{
	const uint8_t *ip = frame + l2;
	const size_t header = (ip[0] & 15) * 4u;
	struct peer_sa *sa;

	require(len >= l2 + IP_LEN_MIN && ip[0] >> 4 == 4 && header >= 20 && l2 + header <= len);
	require(load_be16(ip + IP_TOTAL_LEN) == len - l2);
	require(plain_fold(plain_sum(ip, header, 0)) == 0xffff);
	require(ip[IP_PROTO] == PROTO_ESP);
	*c = (struct came){.frame = frame, .l2 = l2};
	if (load_be16(ip + IP_FRAG) & 0x3fff) {
		c->cut = true;
		return take_fragment(ip, header, len - l2, c);
	}
	require(len - l2 - header >= 36);
	sa = peer_find(load_be32(ip + header));
	require(sa);
	open_esp(sa, take_number(sa, ip + header), ip + header, len - l2 - header, c);
	return true;
}

#endif
