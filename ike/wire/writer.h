/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one way to write what goes on the wire: into a fixed buffer, with `bad`
 * set for good when it is full, and payload lengths put in when a payload ends.
 *
 * A body is a chain of payloads without the IKE header: the clear part of an
 * IKE_SA_INIT message, or what goes inside SK.
 */
#ifndef IKE_WIRE_WRITER_H
#define IKE_WIRE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* All payloads of the largest message: three certificates, a hundred CERTREQ hashes and room. */
#define BODY_MAX 16384

struct writer {
	uint8_t *data;
	size_t room;
	size_t size;
	bool bad;
};

/* n bytes to fill in, or NULL. */
static inline uint8_t *write_room(struct writer *w, size_t n)
{
	uint8_t *at = w->data + w->size;

	if (w->bad || w->room - w->size < n) {
		w->bad = true;
		return NULL;
	}
	w->size += n;
	return at;
}

static inline void write_bytes(struct writer *w, const void *data, size_t n)
{
	uint8_t *at = write_room(w, n);

	if (at && n)
		memcpy(at, data, n);
}

static inline void write_u8(struct writer *w, uint8_t v)
{
	write_bytes(w, &v, 1);
}

static inline void write_u16(struct writer *w, uint16_t v)
{
	const uint8_t bytes[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	write_bytes(w, bytes, 2);
}

static inline void write_u32(struct writer *w, uint32_t v)
{
	write_u16(w, (uint16_t)(v >> 16));
	write_u16(w, (uint16_t)v);
}

static inline void write_u64(struct writer *w, uint64_t v)
{
	write_u32(w, (uint32_t)(v >> 32));
	write_u32(w, (uint32_t)v);
}

/* Puts v at an offset written before. */
static inline void rewrite_u16(struct writer *w, size_t offset, uint16_t v)
{
	if (w->bad)
		return;
	w->data[offset] = (uint8_t)(v >> 8);
	w->data[offset + 1] = (uint8_t)v;
}

struct body {
	struct writer w;
	uint8_t first; /* type of the first payload; PAYLOAD_NONE: empty */
	size_t begun;  /* offset of the header of the payload being written, or last written */
	uint8_t data[BODY_MAX];
};

static inline void body_init(struct body *b)
{
	b->w = (struct writer){.data = b->data, .room = sizeof(b->data)};
	b->first = 0;
	b->begun = 0;
}

/* Begins a payload: chains it to the one before. Its content is written to &b->w. */
void payload_begin(struct body *b, uint8_t type);

/* Ends it: its length is known now. */
void payload_end(struct body *b);

/* A payload whose content is at hand. */
void payload_write(struct body *b, uint8_t type, const void *data, size_t size);

/* N: RFC 7296 section 3.10. Protocol PROTOCOL_NONE and no SPI unless spi_size (4 for ESP, 8 for IKE) says so. */
void notify_write(struct body *b, uint16_t type, const void *data, size_t size);
void notify_write_esp(struct body *b, uint16_t type, uint32_t spi, const void *data, size_t size);

/* D: RFC 7296 section 3.11. */
void delete_write_ike(struct body *b);
void delete_write_esp(struct body *b, const uint32_t *spis, unsigned count);

#endif
