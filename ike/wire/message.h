/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An IKE message, RFC 7296 section 3.1: the header, then payloads, each with
 * the type of the next and its own length.
 *
 *   datagram -> message_parse -> header, clear payloads, perhaps one SK or SKF
 *   SK or SKF opened (crypto/sk.h) -> payloads_parse -> the payloads inside
 *
 * Nothing is copied: payloads point into the datagram or the opened plaintext.
 */
#ifndef IKE_WIRE_MESSAGE_H
#define IKE_WIRE_MESSAGE_H

#include "reader.h"
#include "wire.h"
#include "writer.h"

/* More in one message is an attack: a peer's IKE_AUTH with a chain and all its notifies has about 25. */
#define MESSAGE_PAYLOADS_MAX 64

struct ike_header {
	uint64_t spi_i;
	uint64_t spi_r;
	uint8_t next; /* type of the first payload */
	uint8_t version;
	uint8_t exchange; /* enum exchange_type */
	uint8_t flags;	  /* enum ike_flag */
	uint32_t id;	  /* Message ID */
	uint32_t length;  /* of all of it, header included */
};

struct payload {
	uint8_t type;
	bool critical;
	uint8_t next;	     /* in SK and SKF: type of the first payload inside */
	const uint8_t *data; /* what follows the generic payload header */
	size_t size;
};

struct message {
	struct ike_header header;
	const uint8_t *data; /* all of the datagram: signed in IKE_SA_INIT, AAD of SK */
	size_t size;
	struct payload payloads[MESSAGE_PAYLOADS_MAX];
	unsigned count;
	uint8_t unknown_critical; /* type of an unknown payload with the critical bit; 0: none */
};

struct notify {
	uint16_t type;
	uint8_t protocol;
	uint8_t spi_size;
	const uint8_t *spi;
	const uint8_t *data;
	size_t size;
};

/* Reads the header alone. False if there are not 28 bytes, or the length field is not that of the datagram. */
bool header_parse(const uint8_t *data, size_t size, struct ike_header *h);

/*
 * Reads the header and the chain in the clear. An SK or SKF payload ends the
 * chain and must end the message. Unknown payloads are left out, and noted if
 * critical. False if anything does not fit: lengths, a chain that goes on past the end, more payloads than the maximum.
 */
bool message_parse(struct message *m, const uint8_t *data, size_t size);

/* Replaces m's payloads by the chain in an opened SK: first is its `next`. Same rules; SK inside SK is an error. */
bool payloads_parse(struct message *m, uint8_t first, const uint8_t *plain, size_t size);

/* The first payload of that type, or NULL; the one after `after` of the same type. */
const struct payload *message_find(const struct message *m, uint8_t type);
const struct payload *message_next(const struct message *m, const struct payload *after);
unsigned message_count(const struct message *m, uint8_t type);

/* Reads an N payload. False if it is not well-formed. */
bool notify_parse(const struct payload *p, struct notify *n);

/* The first well-formed notify of that type; out may be NULL. */
bool message_notify(const struct message *m, uint16_t type, struct notify *out);

/* The SPI of the ESP SA that it is about. False: it names none. */
bool notify_esp_spi(const struct notify *n, uint32_t *spi);

/* The first error notify, or 0. */
uint16_t message_error(const struct message *m);

/* D payloads: calls fn for each ESP SPI; *ike is set if the IKE SA is named. False if one is not well-formed. */
bool message_deletes(const struct message *m, bool *ike, void (*fn)(void *arg, uint32_t spi), void *arg);

/* Header and clear body to out. Its size, or 0 if it does not fit. h->next and h->length are put in. */
size_t message_write(const struct ike_header *h, const struct body *b, uint8_t *out, size_t room);
void header_write(struct writer *w, const struct ike_header *h);

/* Names for the log: "IKE_SA_INIT", "NO_PROPOSAL_CHOSEN", ...; for what has none, the number, in a buffer of static
 * storage. */
const char *exchange_name(uint8_t exchange);
const char *notify_name(uint16_t type);

#endif
