/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The encrypted payload, RFC 7296 section 3.14 with AES-256-GCM as RFC 5282 has
 * it, and its fragments, RFC 7383:
 *
 *   header | SK header | IV (8) | ciphertext of payloads, pad length (0) | ICV (16)
 *   header | SKF header | fragment number, total | IV | ciphertext of a part, pad length | ICV
 *
 * AAD: from the first byte of the IKE header up to the IV.
 */
#ifndef IKE_CRYPTO_SK_H
#define IKE_CRYPTO_SK_H

#include "wire/message.h"
#include "gcm.h"

/*
 * The largest datagram is 1,280 bytes of IP, which passes any tunnel on the way; RFC 7383 section 2.5.1 has 1,280 as
 * its default too, less IP and UDP headers.
 */
#define DATAGRAM_MAX (1280 - 20 - 8)

/* The datagrams of one message, kept as they were first sent: a retransmission is the same bytes (RFC 7296
 * section 2.1). */
struct flight {
	uint8_t *data; /* all of them, one behind the other; malloc'd */
	unsigned count;
	uint32_t id; /* Message ID */
	uint16_t sizes[64];
};

/*
 * Seals a body into one datagram, or into as many as it takes for none to be
 * larger than max (IP payload of UDP; 0: never split). h->next and h->length are put in. 0 or -errno (-EMSGSIZE,
 * -ENOMEM); *out is the caller's to free.
 */
int flight_seal(struct flight *out, const struct ike_header *h, const struct body *b, struct sk_key *key, size_t max);

/* A message in the clear as a flight. 0 or -errno. */
int flight_clear(struct flight *out, const struct ike_header *h, const struct body *b);

/* Copies one datagram. Frees: safe on a zeroed struct. */
void flight_free(struct flight *f);

/*
 * Opens the SK payload that ends m into plain (room: m->size is always enough) and reads the payloads inside: m's
 * payloads are those from then on. 0; -EBADMSG: ICV wrong, or not well-formed (*authentic tells which: true when the
 * ICV was right).
 */
int sk_open(struct message *m, const struct sk_key *key, uint8_t *plain, bool *authentic);

/*
 * Opens one SK payload, or SKF with its fragment header to skip, without reading what is inside. plain: p->size bytes
 * are enough. Errors as above.
 */
int sk_open_part(const struct message *m, const struct payload *p, size_t skip, const struct sk_key *key,
		 uint8_t *plain, size_t *size, bool *authentic);

/* ---- fragments of one message, in any order ---- */

/* RFC 7383 section 2.6: bounded, whatever comes; and only what is authentic is kept. */
#define FRAGMENTS_MAX	64
#define REASSEMBLED_MAX 65536

struct reassembly {
	uint32_t id; /* Message ID */
	uint16_t total;
	uint16_t have;
	uint8_t first; /* type of the first payload, from fragment 1 */
	size_t size;
	uint8_t *parts[FRAGMENTS_MAX]; /* malloc'd */
	uint16_t sizes[FRAGMENTS_MAX];
};

/*
 * Takes one SKF datagram: opens it, keeps it. A larger total for the same Message ID starts over; a smaller one is
 * dropped (section 2.6). When it was the last one missing: returns 1, and *plain (malloc'd, the caller's) holds the
 * whole, with m's payloads read from it. 0: taken or ignored, more to come. -EBADMSG: not authentic or not well-formed.
 * -EPROTO: the whole is authentic, and no chain of payloads. -ENOMEM.
 */
int reassembly_add(struct reassembly *r, struct message *m, const struct sk_key *key, uint8_t **plain);

/* Forgets everything. Safe on a zeroed struct. */
void reassembly_free(struct reassembly *r);

#endif
