/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ESP (RFC 4303) with AES-256-GCM (RFC 4106) in transport mode: the octets between the IP header and the end of the
 * packet.
 *
 *   0                   1                   2                   3
 *   |               Security Parameters Index (SPI)                |
 *   |                Sequence Number (low 32 bits)                 |
 *   |                        IV (64 bits)                          |
 *   |                          payload                             |  encrypted
 *   |          padding 1, 2, 3         | Pad Length  | Next Header |  encrypted
 *   |                       ICV (128 bits)                         |
 *
 * Lengths are bytes, and of ESP alone, without the IP header. Nothing here counts, logs or makes a system call: why a
 * packet is refused is handed to the caller.
 */
#ifndef WORKER_ESP_ESP_H
#define WORKER_ESP_ESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aead.h"
#include "maps/layout.h"
#include "maps/vault.h"

#define ESP_PROTO  50 /* in the IP header */
#define ESP_HEADER 16 /* SPI, sequence number, IV */
#define ESP_ICV	   16
/* Pad Length and Next Header, and the alignment that they end on (RFC 4303 section 2.4). */
#define ESP_TRAILER 2
#define ESP_ALIGN   4
/* What esp_seal writes behind the payload before the cipher runs: padding and trailer, and zeros behind them. */
#define ESP_TAIL_MAX 8
/* The shortest ESP, of an empty payload: header, two bytes of padding, trailer, ICV. */
#define ESP_MIN (ESP_HEADER + ESP_ALIGN + ESP_ICV)

/* The next header of a dummy packet, "no next header" (RFC 4303 section 2.6). */
#define ESP_NEXT_DUMMY 59

/* The length of ESP around a payload of payload_len bytes, the payload included. */
static inline size_t esp_sealed_size(size_t payload_len)
{
	return ESP_HEADER + ((payload_len + ESP_TRAILER + ESP_ALIGN - 1) & ~(size_t)(ESP_ALIGN - 1)) + ESP_ICV;
}

/* The length of the largest payload whose ESP fits into room bytes; 0 if none does. */
static inline size_t esp_max_payload(size_t room)
{
	return room < ESP_MIN ? 0 : ((room - ESP_HEADER - ESP_ICV) & ~(size_t)(ESP_ALIGN - 1)) - ESP_TRAILER;
}

/*
 * All that a packet needs of its SA, in one cache line: the worker's own copy of the identity in sa_state, and of what
 * the vault has beside the key. The copy is valid for one generation of a slot; when the slot's generation is another,
 * the copy is wiped and loaded again.
 */
struct esp_sa {
	uint32_t generation; /* of the slot, when the SA was loaded; 0: not loaded */
	uint32_t spi;	     /* host order */
	uint32_t salt;	     /* as it lies in memory */
	uint8_t esn : 1;
	uint8_t either_end : 1; /* SA_EITHER_END: the selector also takes the two ports exchanged */
	uint8_t sel_proto;	/* 0: any */
	uint16_t replay_window;
	uint8_t src[4];
	uint8_t dst[4];
	uint64_t iv_base;      /* IV = sequence number + iv_base (vault.h) */
	uint16_t src_port_min; /* 0 ... 65535: any */
	uint16_t src_port_max;
	uint16_t dst_port_min;
	uint16_t dst_port_max;
	struct sa_state *state;
	__u64 *ring; /* of an inbound SA's replay window; NULL: it is an outbound one */
	void *ctx;   /* the AEAD's, with the expanded key */
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct esp_sa) == 64, "struct esp_sa is one cache line");

/*
 * Loads an SA: fills sa from the slot's state and vault entry, and expands the key into ctx. state, ring and ctx stay
 * the caller's memory, for as long as the SA is loaded (struct aead says what ctx is); key is the caller's to wipe.
 * window: the state's, as it was when ring was found for it, since others may write the state meanwhile.
 *
 * 0; -ESTALE if state and key are not of one generation, as while the slot changes hands; -EINVAL if an inbound slot's
 * replay window is out of range, or has no ring; or the error of expand. After an error sa is not loaded.
 */
int esp_sa_load(struct esp_sa *sa, const struct aead *a, struct sa_state *state, uint16_t window, __u64 *ring,
		const struct vault_entry *key, void *ctx);

/* Forgets an SA and its key. Safe on one that is zeroed or wiped. */
void esp_sa_wipe(struct esp_sa *sa, const struct aead *a);

/* What came out of a packet. */
struct esp_opened {
	uint64_t seq;	      /* all 64 bits */
	uint16_t payload_len; /* bytes of payload, from esp + ESP_HEADER on */
	uint8_t next_header;  /* ESP_NEXT_DUMMY: the payload means nothing */
};

/*
 * Whether a packet is what the SA is for (RFC 4301 section 5.2): its addresses are the SA's, its protocol is the
 * selector's, and its ports, or ICMP's type and code, are within the selector's ranges. l4: the l4_len bytes of its
 * payload, which may be too short for ports: only a selector for any port takes such a packet.
 */
bool esp_selector_matches(const struct esp_sa *sa, const uint8_t src[4], const uint8_t dst[4], uint8_t proto,
			  const uint8_t *l4, size_t l4_len);

#endif
