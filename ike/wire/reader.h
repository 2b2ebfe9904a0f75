/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one bounds-checked way to read what came from the wire. What does not fit
 * sets `bad`, which stays; reads after that give zeros and NULL, so a parser is a straight
 * line with one check at its end.
 */
#ifndef IKE_WIRE_READER_H
#define IKE_WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

static inline struct reader reader_of(const void *data, size_t size)
{
	return (struct reader){.at = data, .end = (const uint8_t *)data + size};
}

static inline size_t reader_left(const struct reader *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->at);
}

/* n bytes in place, which live as long as the message; NULL (and bad) if there are fewer. */
static inline const uint8_t *read_bytes(struct reader *r, size_t n)
{
	const uint8_t *at = r->at;

	if (r->bad || (size_t)(r->end - r->at) < n) {
		r->bad = true;
		return NULL;
	}
	r->at += n;
	return at;
}

/* Numbers are in network byte order on the wire. */
static inline uint8_t read_u8(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t read_u16(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t read_u32(struct reader *r)
{
	const uint32_t high = read_u16(r);

	return high << 16 | read_u16(r);
}

static inline uint64_t read_u64(struct reader *r)
{
	const uint64_t high = read_u32(r);

	return high << 32 | read_u32(r);
}

/* A reader of the next n bytes; bad, like its parent, if there are fewer. */
static inline struct reader read_part(struct reader *r, size_t n)
{
	const uint8_t *at = read_bytes(r, n);

	return (struct reader){.at = at, .end = at ? at + n : at, .bad = !at};
}

#endif
