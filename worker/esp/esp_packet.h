/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ESP does with each packet around the cipher. Inline, because it is a few instructions a step, and the steps of
 * many packets follow each other: called, they cost a third more (seal and open of 64 bytes).
 *
 *   out: esp_seal_begin of each, aead->seal_all
 *   in:  esp_precheck of each, esp_open_begin of each, aead->open_all, esp_open_end of each
 */
#ifndef WORKER_ESP_ESP_PACKET_H
#define WORKER_ESP_ESP_PACKET_H

#include <endian.h>
#include <string.h>

#include "lib/bytes.h"
#include "esp.h"
#include "maps/esn.h"
#include "replay.h"
#include "seq.h"

/*
 * Nonce and AAD are each put together in a register and stored at once: the AEAD
 * reads them with one load right after, and a load that spans several recent
 * stores waits for all of them, which took as long as the rest of this file.
 */
union esp_quad {
	uint32_t words __attribute__((vector_size(16)));
	uint8_t bytes[16];
};

/*
 * RFC 4106 section 5: what the ICV covers beside the ciphertext.
 *
 *   SPI | sequence number (32 bits)          without ESN
 *   SPI | high 32 bits | low 32 bits         with ESN; the high ones are not sent
 */
static inline size_t esp_make_aad(const struct esp_sa *sa, uint64_t seq, union esp_quad *aad)
{
	const uint32_t high = htobe32((uint32_t)(seq >> 32)), low = htobe32((uint32_t)seq);

	*aad = (union esp_quad){{htobe32(sa->spi), sa->esn ? high : low, low, 0}};
	return sa->esn ? 12 : 8;
}

/* RFC 4106 section 4: the salt, then the IV as it is on the wire. */
static inline union esp_quad esp_make_nonce(const struct esp_sa *sa, const uint8_t *iv)
{
	uint32_t words[2];

	memcpy(words, iv, sizeof(words));
	return (union esp_quad){{sa->salt, words[0], words[1], 0}};
}

/*
 * RFC 4303 section 2.4: padding 1, 2, 3, its length, the next header, as one store. Returns the length of all that is
 * encrypted.
 */
static inline size_t esp_write_trailer(uint8_t *payload, size_t len, uint8_t next_header)
{
	static const uint64_t tails[ESP_ALIGN] = {0, 0x0101, 0x020201, 0x03030201};
	const size_t pad = -(len + ESP_TRAILER) % ESP_ALIGN;
	const uint64_t tail = htole64(tails[pad] | (uint64_t)next_header << 8 * (pad + 1));

	memcpy(payload + len, &tail, sizeof(tail));
	return len + pad + ESP_TRAILER;
}

static inline void esp_set_nonce_and_aad(struct aead_call *call, const struct esp_sa *sa, uint64_t seq,
					 const uint8_t *iv)
{
	const union esp_quad nonce = esp_make_nonce(sa, iv);
	union esp_quad aad;

	call->aad_len = (uint32_t)esp_make_aad(sa, seq, &aad);
	memcpy(call->iv, nonce.bytes, sizeof(nonce.bytes));
	memcpy(call->aad, aad.bytes, sizeof(aad.bytes));
	call->ctx = sa->ctx;
}

/*
 * Seals len bytes of payload into out, which has room for esp_sealed_size(len), and returns that length. seq is a
 * number that seq_take has leased: the nonce is made of it. payload is either elsewhere or at out + ESP_HEADER.
 *
 * The ESP_TAIL_MAX bytes behind the payload are overwritten with padding and trailer, which stay there in clear when
 * the payload is elsewhere. Who needs those bytes keeps and restores them.
 */
size_t esp_seal(const struct aead *a, const struct esp_sa *sa, uint64_t seq, uint8_t next_header, uint8_t *out,
		uint8_t *payload, size_t len);

/*
 * The same but for the cipher, whose call is put together for a->seal_all. Until that has been made out is no packet,
 * and payload and SA have to stay.
 */
static inline size_t esp_seal_begin(const struct esp_sa *sa, uint64_t seq, uint8_t next_header, uint8_t *out,
				    uint8_t *payload, size_t len, struct aead_call *call)
{
	const size_t encrypted = esp_write_trailer(payload, len, next_header);
	const uint64_t iv = htobe64(seq + sa->iv_base);

	store_be32(out, sa->spi);
	store_be32(out + 4, (uint32_t)seq);
	memcpy(out + 8, &iv, sizeof(iv));
	esp_set_nonce_and_aad(call, sa, seq, (const uint8_t *)&iv);
	call->in = payload;
	call->out = out + ESP_HEADER;
	call->tag = out + ESP_HEADER + encrypted;
	call->len = (uint32_t)encrypted;
	return ESP_HEADER + encrypted + ESP_ICV;
}

static inline bool esp_length_is_right(size_t len)
{
	return len >= ESP_MIN && len <= UINT16_MAX && len % ESP_ALIGN == 0;
}

/*
 * Looks at an inbound packet before any cryptography: len bytes of ESP. True: length, direction and SPI are right, and
 * *seq, the sequence number completed to 64 bits, is one that the replay window would still take (RFC 4303
 * section 3.4.3). Nothing is authenticated yet. False and *why: REASON_MALFORMED, REASON_NO_SA, REASON_REPLAY.
 */
static inline bool esp_precheck(const struct esp_sa *sa, const uint8_t *esp, size_t len, uint64_t *seq,
				enum reason *why)
{
	*why = REASON_MALFORMED;
	if (!esp_length_is_right(len))
		return false;
	*why = REASON_NO_SA;
	if (!sa->ring || load_be32(esp) != sa->spi)
		return false;
	*why = REASON_REPLAY;
	*seq = seq_recover(__atomic_load_n(&sa->state->seq, __ATOMIC_RELAXED), load_be32(esp + 4), sa->replay_window,
			   sa->esn);
	return replay_check(sa->state, sa->ring, sa->replay_window, *seq);
}

/*
 * The padding is checked although the ICV was right: RFC 4303 section 2.4 has the receiver inspect it. What most have,
 * as much as the alignment asks for, is compared in one word with what it should be.
 */
static inline bool esp_padding_is_right(const uint8_t *end, uint8_t pad)
{
	static const uint8_t usual[ESP_ALIGN][4] = {{0, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 1, 2}, {0, 1, 2, 3}};
	static const uint32_t bits[ESP_ALIGN] = {0, 0xff, 0xffff, 0xffffff};

	if (pad < ESP_ALIGN)
		return ((load_be32(end - 4) ^ load_be32(usual[pad])) & bits[pad]) == 0;
	for (uint8_t i = 0; i < pad; i++)
		if (end[i - pad] != i + 1)
			return false;
	return true;
}

static inline bool esp_read_trailer(const uint8_t *clear, size_t len, struct esp_opened *out, enum reason *why)
{
	const uint8_t pad = clear[len - 2];

	out->next_header = clear[len - 1];
	out->payload_len = 0;
	/* A dummy's content is arbitrary (RFC 4303 section 2.6). */
	if (out->next_header == ESP_NEXT_DUMMY)
		return true;
	*why = REASON_MALFORMED;
	if (pad > len - ESP_TRAILER || !esp_padding_is_right(clear + len - ESP_TRAILER, pad))
		return false;
	out->payload_len = (uint16_t)(len - ESP_TRAILER - pad);
	*why = REASON_NESTED_ESP;
	return out->next_header != ESP_PROTO;
}

/*
 * Opens a packet in place, for which esp_precheck was true and gave seq. True: the packet is authentic. The caller then
 * calls replay_update before it does anything else with the packet, because a duplicate may be in the same batch.
 *
 * False and *why: REASON_AUTH_FAILED if the ICV is wrong; REASON_REPLAY if it is wrong and seq is a leap, which a
 * packet behind the window looks like (esn.h); REASON_MALFORMED if length or padding are wrong; REASON_NESTED_ESP.
 */
bool esp_open(const struct aead *a, const struct esp_sa *sa, uint8_t *esp, size_t len, uint64_t seq,
	      struct esp_opened *out, enum reason *why);

/* esp_open in two halves, for a packet whose length esp_precheck has found right; aead->open_all is between them. */
static inline void esp_open_begin(const struct esp_sa *sa, uint8_t *esp, size_t len, uint64_t seq,
				  struct aead_call *call)
{
	esp_set_nonce_and_aad(call, sa, seq, esp + 8);
	call->in = call->out = esp + ESP_HEADER;
	call->tag = esp + len - ESP_ICV;
	call->len = (uint32_t)(len - ESP_HEADER - ESP_ICV);
}

static inline bool esp_open_end(const struct esp_sa *sa, const struct aead_call *call, uint64_t seq,
				struct esp_opened *out, enum reason *why)
{
	out->seq = seq;
	if (call->right)
		return esp_read_trailer(call->out, call->len, out, why);
	*why = esn_is_leap(__atomic_load_n(&sa->state->seq, __ATOMIC_RELAXED), seq) ? REASON_REPLAY
										    : REASON_AUTH_FAILED;
	return false;
}

#endif
