/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ESP (RFC 4303) with AES-256-GCM (RFC 4106), transport mode: what stands
 * between the IP header and the end of the packet.
 *
 *   0                   1                   2                   3
 *   |               Security Parameters Index (SPI)                |
 *   |                Sequence Number (low 32 bits)                 |
 *   |                        IV (64 bits)                          |
 *   |                          payload                             |  encrypted
 *   |          padding 1, 2, 3         | Pad Length  | Next Header |  encrypted
 *   |                       ICV (128 bits)                         |
 *
 * Nothing here counts, logs or makes a system call; reasons go to the caller.
 */
#ifndef WORKER_ESP_H
#define WORKER_ESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aead.h"
#include "maps/layout.h"
#include "maps/vault.h"

#define ESP_HEADER 16 /* SPI, sequence number, IV */
#define ESP_ICV	   16
/* Pad Length and Next Header, and the alignment they must end on (RFC 4303 section 2.4). */
#define ESP_TRAILER 2
#define ESP_ALIGN   4
/* What esp_seal writes behind the payload before it encrypts: padding and trailer. */
#define ESP_TAIL_MAX (ESP_ALIGN - 1 + ESP_TRAILER)
/* An empty payload: header, two bytes of padding, trailer, ICV. */
#define ESP_MIN (ESP_HEADER + ESP_ALIGN + ESP_ICV)

/* RFC 4303 section 2.6: a dummy packet's next header ("no next header"). */
#define ESP_NEXT_DUMMY 59

/* Bytes of ESP around and including a payload of that many bytes. */
static inline size_t esp_sealed_size(size_t payload_len)
{
	return ESP_HEADER + ((payload_len + ESP_TRAILER + ESP_ALIGN - 1) & ~(size_t)(ESP_ALIGN - 1)) + ESP_ICV;
}

/* The largest payload whose ESP fits into room bytes; 0 if none does. */
static inline size_t esp_max_payload(size_t room)
{
	return room < ESP_MIN ? 0 : ((room - ESP_HEADER - ESP_ICV) & ~(size_t)(ESP_ALIGN - 1)) - ESP_TRAILER;
}

/*
 * All that each packet needs of its SA, in one cache line: the worker's copy of
 * the identity in sa_state and of what the vault has beside the key. Valid for
 * one generation of a slot; wipe and load again when that changes.
 */
struct esp_sa {
	uint32_t generation; /* of the slot it was loaded for; 0: not loaded */
	uint32_t spi;	     /* host order */
	uint32_t salt;	     /* as it lies in memory */
	uint8_t esn : 1;
	uint8_t either_end : 1; /* the ports also exchanged */
	uint8_t sel_proto;	/* 0: any */
	uint16_t replay_window;
	uint8_t src[4];
	uint8_t dst[4];
	uint64_t iv_base;
	uint16_t src_port_min; /* 0 ... 65535: any */
	uint16_t src_port_max;
	uint16_t dst_port_min;
	uint16_t dst_port_max;
	struct sa_state *state;
	struct replay_bitmap *bitmap;
	void *ctx; /* of the AEAD */
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct esp_sa) == 64, "struct esp_sa is one cache line");

/*
 * Fills sa from the slot's state and key, and expands the key into ctx (see
 * struct aead; it stays the caller's memory). The bitmap is the slot's; key is
 * the caller's to wipe. Sets generation last.
 *
 * 0; -ESTALE if state and key are not of one generation (the slot is changing
 * hands); -EINVAL if an inbound slot's replay window is out of range; or what
 * expand says. sa is left unloaded on failure.
 */
int esp_sa_load(struct esp_sa *sa, const struct aead *a, struct sa_state *state, struct replay_bitmap *bitmap,
		const struct vault_entry *key, void *ctx);

/* Forgets the SA and its key. Safe on a zeroed or wiped one. */
void esp_sa_wipe(struct esp_sa *sa, const struct aead *a);

/*
 * Seals len bytes of payload as packet seq (from seq_take) into out, which has
 * room for esp_sealed_size(len), and returns that. payload is either elsewhere
 * or at out + ESP_HEADER. The ESP_TAIL_MAX bytes behind it are overwritten with
 * padding and trailer, in clear when out of place: restore them if they matter.
 */
size_t esp_seal(const struct aead *a, struct esp_sa *sa, uint64_t seq, uint8_t next_header, uint8_t *out,
		uint8_t *payload, size_t len);

/*
 * The first pass over an inbound packet of len bytes of ESP: length and SPI,
 * then *seq is the number completed to 64 bits, and it is one that may still
 * be taken. False and *why: REASON_MALFORMED, REASON_NO_SA, REASON_REPLAY.
 */
bool esp_precheck(const struct esp_sa *sa, const uint8_t *esp, size_t len, uint64_t *seq, enum reason *why);

struct esp_opened {
	uint64_t seq;
	uint16_t payload_len; /* the payload is at esp + ESP_HEADER */
	uint8_t next_header;  /* ESP_NEXT_DUMMY: the payload means nothing */
};

/*
 * Opens, in place, a packet that passed esp_precheck, which gave seq. On true
 * call replay_update before anything else is done with it. False and *why:
 * REASON_AUTH_FAILED, or REASON_REPLAY of what had to be taken for a leap (esn.h); REASON_MALFORMED (lengths, padding),
 * REASON_NESTED_ESP.
 */
bool esp_open(const struct aead *a, struct esp_sa *sa, uint8_t *esp, size_t len, uint64_t seq, struct esp_opened *out,
	      enum reason *why);

/*
 * Whether a packet is what the SA is for (RFC 4301 section 5.2): its addresses
 * are the SA's, its protocol is the selector's, and its ports (ICMP: type and code) are within
 * the selector's ranges. l4: l4_len bytes of the payload, whatever its protocol.
 */
bool esp_selector_matches(const struct esp_sa *sa, const uint8_t src[4], const uint8_t dst[4], uint8_t proto,
			  const uint8_t *l4, size_t l4_len);

#endif
