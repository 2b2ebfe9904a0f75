/* SPDX-License-Identifier: BSD-2-Clause */
#include "esp.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "bytes.h"
#include "maps/esn.h"
#include "maps/selector_shared.h"
#include "replay.h"
#include "seq.h"

/*
 * Nonce and AAD are each put together in a register and stored at once: the AEAD
 * reads them with one load right after, and a load that spans several recent
 * stores waits for all of them, which took as long as the rest of this file.
 */
union quad {
	uint32_t words __attribute__((vector_size(16)));
	uint8_t bytes[16];
};

/*
 * RFC 4106 section 5: what the ICV covers beside the ciphertext.
 *
 *   SPI | sequence number (32 bits)          without ESN
 *   SPI | high 32 bits | low 32 bits         with ESN; the high ones are not sent
 */
static size_t make_aad(const struct esp_sa *sa, uint64_t seq, union quad *aad)
{
	const uint32_t high = htobe32((uint32_t)(seq >> 32)), low = htobe32((uint32_t)seq);

	*aad = (union quad){{htobe32(sa->spi), sa->esn ? high : low, low, 0}};
	return sa->esn ? 12 : 8;
}

/* RFC 4106 section 4: the salt, then the IV as it is on the wire. */
static union quad make_nonce(const struct esp_sa *sa, const uint8_t *iv)
{
	uint32_t words[2];

	memcpy(words, iv, sizeof(words));
	return (union quad){{sa->salt, words[0], words[1], 0}};
}

/* RFC 4303 section 2.4: padding 1, 2, 3, its length, the next header. Returns the length of all that is encrypted. */
static size_t write_trailer(uint8_t *payload, size_t len, uint8_t next_header)
{
	static const uint8_t padding[ESP_ALIGN - 1] = {1, 2, 3};
	const size_t pad = -(len + ESP_TRAILER) % ESP_ALIGN;
	uint8_t *tail = payload + len;

	memcpy(tail, padding, sizeof(padding));
	tail[pad] = (uint8_t)pad;
	tail[pad + 1] = next_header;
	return len + pad + ESP_TRAILER;
}

size_t esp_seal(const struct aead *a, struct esp_sa *sa, uint64_t seq, uint8_t next_header, uint8_t *out,
		uint8_t *payload, size_t len)
{
	const size_t encrypted = write_trailer(payload, len, next_header);
	const uint64_t iv = htobe64(seq + sa->iv_base);
	const union quad nonce = make_nonce(sa, (const uint8_t *)&iv);
	union quad aad;
	const size_t aad_len = make_aad(sa, seq, &aad);

	store_be32(out, sa->spi);
	store_be32(out + 4, (uint32_t)seq);
	memcpy(out + 8, &iv, sizeof(iv));
	a->seal(sa->ctx, nonce.bytes, aad.bytes, aad_len, out + ESP_HEADER, payload, encrypted,
		out + ESP_HEADER + encrypted);
	return ESP_HEADER + encrypted + ESP_ICV;
}

static bool length_is_right(size_t len)
{
	return len >= ESP_MIN && len <= UINT16_MAX && len % ESP_ALIGN == 0;
}

bool esp_precheck(const struct esp_sa *sa, const uint8_t *esp, size_t len, uint64_t *seq, enum reason *why)
{
	*why = REASON_MALFORMED;
	if (!length_is_right(len))
		return false;
	*why = REASON_NO_SA;
	if (load_be32(esp) != sa->spi)
		return false;
	*why = REASON_REPLAY;
	*seq = seq_recover(__atomic_load_n(&sa->state->seq, __ATOMIC_RELAXED), load_be32(esp + 4), sa->replay_window,
			   sa->esn);
	return replay_check(sa->state, sa->bitmap, *seq);
}

/* The padding is checked although the ICV was right: RFC 4303 section 2.4 has the receiver inspect it. */
static bool padding_is_right(const uint8_t *padding, uint8_t pad)
{
	for (uint8_t i = 0; i < pad; i++)
		if (padding[i] != i + 1)
			return false;
	return true;
}

static bool read_trailer(const uint8_t *clear, size_t len, struct esp_opened *out, enum reason *why)
{
	const uint8_t pad = clear[len - 2];

	out->next_header = clear[len - 1];
	out->payload_len = 0;
	/* A dummy's content is arbitrary (RFC 4303 section 2.6). */
	if (out->next_header == ESP_NEXT_DUMMY)
		return true;
	*why = REASON_MALFORMED;
	if (pad > len - ESP_TRAILER || !padding_is_right(clear + len - ESP_TRAILER - pad, pad))
		return false;
	out->payload_len = (uint16_t)(len - ESP_TRAILER - pad);
	*why = REASON_NESTED_ESP;
	return out->next_header != IPPROTO_ESP;
}

bool esp_open(const struct aead *a, struct esp_sa *sa, uint8_t *esp, size_t len, uint64_t seq, struct esp_opened *out,
	      enum reason *why)
{
	const size_t encrypted = len - ESP_HEADER - ESP_ICV;
	uint8_t *body = esp + ESP_HEADER;
	union quad nonce, aad;
	size_t aad_len;

	*why = REASON_MALFORMED;
	if (!length_is_right(len))
		return false;
	aad_len = make_aad(sa, seq, &aad);
	nonce = make_nonce(sa, esp + 8);
	if (!a->open(sa->ctx, nonce.bytes, aad.bytes, aad_len, body, body, encrypted, body + encrypted)) {
		*why = esn_is_leap(__atomic_load_n(&sa->state->seq, __ATOMIC_RELAXED), seq) ? REASON_REPLAY
											    : REASON_AUTH_FAILED;
		return false;
	}
	out->seq = seq;
	return read_trailer(body, encrypted, out, why);
}

static bool is_for_any_port(const struct esp_sa *sa)
{
	return sa->src_port_min == 0 && sa->src_port_max == UINT16_MAX && sa->dst_port_min == 0 &&
	       sa->dst_port_max == UINT16_MAX;
}

static bool ports_are_within(const struct esp_sa *sa, uint16_t src, uint16_t dst)
{
	return sa->src_port_min <= src && src <= sa->src_port_max && sa->dst_port_min <= dst && dst <= sa->dst_port_max;
}

/* ICMP's type and code stand for both ports (RFC 4301 section 4.4.1.1). */
static bool ports_match(const struct esp_sa *sa, uint8_t proto, const uint8_t *l4, size_t l4_len)
{
	uint16_t src, dst;

	if (!selector_has_ports(proto) || l4_len < 4)
		return false;
	src = (uint16_t)(l4[0] << 8 | l4[1]);
	dst = proto == IPPROTO_ICMP ? src : (uint16_t)(l4[2] << 8 | l4[3]);
	return ports_are_within(sa, src, dst) || (sa->either_end && ports_are_within(sa, dst, src));
}

bool esp_selector_matches(const struct esp_sa *sa, const uint8_t src[4], const uint8_t dst[4], uint8_t proto,
			  const uint8_t *l4, size_t l4_len)
{
	if (memcmp(src, sa->src, sizeof(sa->src)) != 0 || memcmp(dst, sa->dst, sizeof(sa->dst)) != 0)
		return false;
	if (sa->sel_proto != 0 && sa->sel_proto != proto)
		return false;
	return is_for_any_port(sa) || ports_match(sa, proto, l4, l4_len);
}

/* The selector is this host's view, a packet has a source and a destination. */
static void copy_ports(struct esp_sa *sa, const struct sa_state *state)
{
	const bool outbound = state->direction == SA_OUTBOUND;
	const struct selector *sel = &state->sel;

	sa->src_port_min = outbound ? sel->local_port_min : sel->remote_port_min;
	sa->src_port_max = outbound ? sel->local_port_max : sel->remote_port_max;
	sa->dst_port_min = outbound ? sel->remote_port_min : sel->local_port_min;
	sa->dst_port_max = outbound ? sel->remote_port_max : sel->local_port_max;
}

static void copy_identity(struct esp_sa *sa, const struct sa_state *state, const struct vault_entry *key)
{
	*sa = (struct esp_sa){
		.spi = state->spi,
		.esn = (state->flags & SA_ESN) != 0,
		.either_end = (state->flags & SA_EITHER_END) != 0,
		.sel_proto = (uint8_t)state->sel.proto,
		.iv_base = key->iv_base,
		.replay_window = state->replay_window,
	};
	memcpy(&sa->salt, key->salt, ESP_SALT_SIZE);
	memcpy(sa->src, state->src, sizeof(sa->src));
	memcpy(sa->dst, state->dst, sizeof(sa->dst));
	copy_ports(sa, state);
}

static bool window_in_range(const struct sa_state *state)
{
	return state->direction != SA_INBOUND ||
	       (state->replay_window >= REPLAY_WINDOW_MIN && state->replay_window <= REPLAY_WINDOW_MAX);
}

int esp_sa_load(struct esp_sa *sa, const struct aead *a, struct sa_state *state, struct replay_bitmap *bitmap,
		const struct vault_entry *key, void *ctx)
{
	int err;

	copy_identity(sa, state, key);
	/* After the copy: had the slot changed hands meanwhile, its generation would be another. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&state->generation, __ATOMIC_RELAXED) != key->generation)
		err = -ESTALE;
	else if (!window_in_range(state))
		err = -EINVAL;
	else
		err = a->expand(ctx, key->key);
	if (err) {
		explicit_bzero(sa, sizeof(*sa));
		return err;
	}
	sa->state = state;
	sa->bitmap = bitmap;
	sa->ctx = ctx;
	sa->generation = key->generation;
	return 0;
}

void esp_sa_wipe(struct esp_sa *sa, const struct aead *a)
{
	if (sa->ctx)
		a->wipe(sa->ctx);
	explicit_bzero(sa, sizeof(*sa));
}
