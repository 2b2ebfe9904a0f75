/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "sk.h"

void reassembly_free(struct reassembly *r)
{
	for (unsigned i = 0; i < FRAGMENTS_MAX; i++)
		free(r->parts[i]);
	*r = (struct reassembly){0};
}

/* Another message, or the same one cut smaller because the larger fragments did not come through: all over again. */
static void start(struct reassembly *r, uint32_t id, uint16_t total)
{
	reassembly_free(r);
	r->id = id;
	r->total = total;
}

static int keep(struct reassembly *r, uint16_t number, const uint8_t *plain, size_t size)
{
	uint8_t *copy;

	if (r->size + size > REASSEMBLED_MAX)
		return -EBADMSG;
	copy = malloc(size ? size : 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, plain, size);
	r->parts[number - 1] = copy;
	r->sizes[number - 1] = (uint16_t)size;
	r->size += size;
	r->have++;
	return 0;
}

static int join(struct reassembly *r, struct message *m, uint8_t **plain)
{
	uint8_t *whole = malloc(r->size ? r->size : 1);
	size_t at = 0;
	int result;

	if (!whole)
		return -ENOMEM;
	for (unsigned i = 0; i < r->total; i++) {
		memcpy(whole + at, r->parts[i], r->sizes[i]);
		at += r->sizes[i];
	}
	result = payloads_parse(m, r->first, whole, at) ? 1 : -EPROTO;
	if (result == 1)
		*plain = whole;
	else
		free(whole);
	reassembly_free(r);
	return result;
}

/* Number and total as they may be; whether this one is still missing. */
static bool is_wanted(struct reassembly *r, uint32_t id, uint16_t number, uint16_t total)
{
	if (r->total && r->id == id && total < r->total)
		return false;
	return r->id != id || total != r->total || !r->parts[number - 1];
}

int reassembly_add(struct reassembly *r, struct message *m, const struct sk_key *key, uint8_t **plain)
{
	const struct payload p = *message_find(m, PAYLOAD_SKF);
	struct reader header = reader_of(p.data, p.size);
	const uint16_t number = read_u16(&header), total = read_u16(&header);
	const uint32_t id = m->header.id;
	uint8_t *part;
	bool authentic;
	size_t size;
	int err;

	if (header.bad || !number || number > total || total > FRAGMENTS_MAX)
		return -EBADMSG;
	if (!is_wanted(r, id, number, total))
		return 0;
	part = malloc(p.size);
	if (!part)
		return -ENOMEM;
	err = sk_open_part(m, &p, SKF_HEADER_SIZE, key, part, &size, &authentic);
	if (!err && (!r->total || r->id != id || r->total != total))
		start(r, id, total);
	if (!err)
		err = keep(r, number, part, size);
	if (!err && number == 1)
		r->first = p.next;
	free(part);
	if (err)
		return err;
	return r->have == r->total ? join(r, m, plain) : 0;
}
