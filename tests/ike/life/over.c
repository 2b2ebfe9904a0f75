/* SPDX-License-Identifier: BSD-2-Clause */
/* After INVALID_SYNTAX an IKE SA is over for both (RFC 7296 section 2.21.3): who has heard or said it asks nothing more
 * in it. */
#include "life.h"
#include "sealed.h"

/* One of C's IKE SAs that is up, by what is sent in it to C, or by C. */
static struct life_line *line_of(struct life *l, const struct world_packet *p, struct ike_header *h)
{
	if (!l->hostile || l->poor || !header_parse(p->data, p->size, h) || h->exchange <= EXCHANGE_IKE_AUTH)
		return NULL;
	for (unsigned i = 0; i < l->line_count && i < LIFE_LINES; i++)
		if (l->lines[i].spi_i == h->spi_i && l->lines[i].spi_r == h->spi_r)
			return &l->lines[i];
	return NULL;
}

static bool says_invalid_syntax(const struct life *l, const struct world_packet *p)
{
	static struct sealed s;

	return sealed_open(&l->book, p, &s) && sealed_notify(&s, INVALID_SYNTAX) >= 0;
}

void over_on_sent(struct life *l, int from, const struct world_packet *p)
{
	struct ike_header h;
	struct life_line *line = line_of(l, p, &h);

	if (!line)
		return;
	if (h.flags & FLAG_RESPONSE) {
		line->over |= says_invalid_syntax(l, p);
		return;
	}
	if (line->over)
		life_violated(l, "%c goes on in IKE SA %016llx/%016llx after INVALID_SYNTAX", "ABC"[from],
			      (unsigned long long)h.spi_i, (unsigned long long)h.spi_r);
	line->asked = true;
	line->asked_id = h.id;
}

/* Of several answers to the same the first counts. */
void over_on_arrival(struct life *l, const struct world_packet *p)
{
	struct ike_header h;
	struct life_line *line = line_of(l, p, &h);

	if (!line || !(h.flags & FLAG_RESPONSE) || !line->asked || h.id != line->asked_id)
		return;
	line->asked = false;
	line->over |= says_invalid_syntax(l, p);
}
