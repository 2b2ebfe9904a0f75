/* SPDX-License-Identifier: BSD-2-Clause */
#include "sa_sent.h"

#include <stdlib.h>
#include <string.h>

#include "lib/bytes.h"

/* As many as there can be SAs at once; of more nobody knows any more which is which. */
#define SA_SENT_MAX SLOTS_MAX
#define ROOM_FIRST  64

static uint32_t hash(uint32_t spi, const uint8_t src[4], const uint8_t dst[4])
{
	return (spi ^ load_be32(src) * 0x9e3779b1 ^ load_be32(dst) * 0x85ebca6b) * 0xc2b2ae35 >> 8;
}

/* Where it is, or would be: the table has room. */
static struct sa_sent_entry *place_of(const struct sa_sent *sent, uint32_t spi, const uint8_t src[4],
				      const uint8_t dst[4])
{
	for (uint32_t at = hash(spi, src, dst);; at++) {
		struct sa_sent_entry *e = &sent->entries[at & (sent->room - 1)];

		if (!e->spi || (e->spi == spi && memcmp(e->src, src, 4) == 0 && memcmp(e->dst, dst, 4) == 0))
			return e;
	}
}

/* Never more than half full, so that a place is found in a few steps. */
static bool make_room(struct sa_sent *sent)
{
	struct sa_sent more = {.room = sent->room ? 2 * sent->room : ROOM_FIRST, .count = sent->count};

	if (2 * (sent->count + 1) <= sent->room)
		return true;
	if (sent->count >= SA_SENT_MAX)
		return false;
	more.entries = calloc(more.room, sizeof(*more.entries));
	if (!more.entries)
		return false;
	for (unsigned i = 0; i < sent->room; i++) {
		const struct sa_sent_entry *e = &sent->entries[i];

		if (e->spi)
			*place_of(&more, e->spi, e->src, e->dst) = *e;
	}
	free(sent->entries);
	*sent = more;
	return true;
}

static struct sa_sent_entry *find_or_add(struct sa_sent *sent, const struct sa_state *sa)
{
	struct sa_sent_entry *e = sent->room ? place_of(sent, sa->spi, sa->src, sa->dst) : NULL;

	if (e && e->spi)
		return e;
	if (!make_room(sent))
		return NULL;
	e = place_of(sent, sa->spi, sa->src, sa->dst);
	sent->count++;
	*e = (struct sa_sent_entry){.spi = sa->spi};
	memcpy(e->src, sa->src, 4);
	memcpy(e->dst, sa->dst, 4);
	return e;
}

void sa_sent_note(struct sa_sent *sent, const struct sa_state *sa)
{
	const uint64_t seq = __atomic_load_n(&sa->seq, __ATOMIC_RELAXED);
	struct sa_sent_entry *e;

	if (sa->owner != OWNER_MANUAL || sa->direction != SA_OUTBOUND || !sa->spi || !seq)
		return;
	e = find_or_add(sent, sa);
	if (e && seq > e->seq)
		e->seq = seq;
}

/* A slot that was given back has what was in it until it is claimed again. */
void sa_sent_collect(struct sa_sent *sent, const struct maps *maps)
{
	for (uint32_t slot = 0; slot < maps->slots; slot++)
		sa_sent_note(sent, &maps->sa[slot]);
}

uint64_t sa_sent_by(const struct sa_sent *sent, uint32_t spi, const uint8_t src[4], const uint8_t dst[4])
{
	return sent->room ? place_of(sent, spi, src, dst)->seq : 0;
}

void sa_sent_free(struct sa_sent *sent)
{
	free(sent->entries);
	*sent = (struct sa_sent){0};
}
