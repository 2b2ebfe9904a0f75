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

/* RFC 7383 section 2.6: bounded, whatever comes; and only what is authentic is kept. */
#define FRAGMENTS_MAX	64
#define REASSEMBLED_MAX 65536

/* The datagrams of one message, kept as they were first sent: a retransmission is the same bytes (RFC 7296
 * section 2.1). */
struct flight {
	uint8_t *data; /* all of them, one behind the other; malloc'd */
	unsigned count;
	uint32_t id; /* Message ID */
	uint16_t sizes[FRAGMENTS_MAX];
};

/*
 * Seals a body into one datagram, or into as many as it takes for none to be longer than max bytes of UDP payload (0:
 * one, however long). h gives the header, but for next and length, which are those of each datagram. 0 with *out for
 * the caller to free by flight_free(); -EMSGSIZE, -ENOMEM or -EIO with nothing in it.
 */
int flight_seal(struct flight *out, const struct ike_header *h, const struct body *b, struct sk_key *key, size_t max);

/* Makes one datagram of a message in the clear. As flight_seal(). */
int flight_clear(struct flight *out, const struct ike_header *h, const struct body *b);

/* Frees the datagrams. Safe on a zeroed struct. */
void flight_free(struct flight *f);

/*
 * Opens the SK payload that ends m into plain, which has room for m->size bytes, and reads the payloads inside: from
 * then on m's payloads are those, and point into plain. 0, or -EBADMSG: the ICV is wrong (*authentic false), or the ICV
 * is right and what it covers is not well-formed (true).
 */
int sk_open(struct message *m, const struct sk_key *key, uint8_t *plain, bool *authentic);

/*
 * Opens one SK payload (skip: 0), or one SKF payload, of which the fragment header is skipped, without reading what is
 * inside: *size bytes in plain, which has room for p->size. As sk_open().
 */
int sk_open_part(const struct message *m, const struct payload *p, size_t skip, const struct sk_key *key,
		 uint8_t *plain, size_t *size, bool *authentic);

/* ---- fragments of one message, in any order ---- */

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
