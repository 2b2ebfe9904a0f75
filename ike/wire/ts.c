/* SPDX-License-Identifier: BSD-2-Clause */
#include "ts.h"

#include <string.h>

#define TS_IPV4_SIZE 16

/* ---- on the wire, RFC 7296 section 3.13.1 ---- */

static bool read_ts(struct reader *r, struct ts_list *out)
{
	const uint8_t type = read_u8(r), proto = read_u8(r);
	const uint16_t length = read_u16(r);
	struct ts ts = {.proto = proto};
	struct reader p;

	if (r->bad || length < 8)
		return false;
	p = read_part(r, length - 4);
	if (p.bad)
		return false;
	if (type != TS_IPV4_ADDR_RANGE)
		return true;
	if (length != TS_IPV4_SIZE)
		return false;
	ts.port_min = read_u16(&p);
	ts.port_max = read_u16(&p);
	memcpy(ts.start, read_bytes(&p, 4), 4);
	memcpy(ts.end, read_bytes(&p, 4), 4);
	if (out->count < TS_MAX)
		out->ts[out->count++] = ts;
	return true;
}

bool ts_parse(const struct payload *p, struct ts_list *out)
{
	struct reader r = reader_of(p->data, p->size);
	const uint8_t count = read_u8(&r);

	out->count = 0;
	read_bytes(&r, 3);
	for (uint8_t i = 0; i < count; i++)
		if (!read_ts(&r, out))
			return false;
	return !r.bad && count > 0 && reader_left(&r) == 0;
}

void ts_write(struct body *b, uint8_t type, const uint8_t addr[4], uint8_t proto, uint16_t port_min, uint16_t port_max)
{
	payload_begin(b, type);
	write_u32(&b->w, 1U << 24);
	write_u8(&b->w, TS_IPV4_ADDR_RANGE);
	write_u8(&b->w, proto);
	write_u16(&b->w, TS_IPV4_SIZE);
	write_u16(&b->w, port_min);
	write_u16(&b->w, port_max);
	write_bytes(&b->w, addr, 4);
	write_bytes(&b->w, addr, 4);
	payload_end(b);
}

/* ---- narrowing, section 2.9 ---- */

static bool has_address(const struct ts *ts, const uint8_t addr[4])
{
	return memcmp(ts->start, addr, 4) <= 0 && memcmp(addr, ts->end, 4) <= 0;
}

static bool meet(const struct ts *local, const struct ts *remote, const struct selector *s, struct selector *out)
{
	const struct selector theirs = {
		.local_port_min = local->port_min,
		.local_port_max = local->port_max,
		.remote_port_min = remote->port_min,
		.remote_port_max = remote->port_max,
		.proto = local->proto ? local->proto : remote->proto,
	};

	if (local->proto && remote->proto && local->proto != remote->proto)
		return false;
	return selector_meet(&theirs, s, out);
}

/* The widest of what the two lists have in common with s. */
static bool widest(const struct ts_list *local_ts, const struct ts_list *remote_ts, const uint8_t local[4],
		   const uint8_t remote[4], const struct selector *s, struct selector *best, bool found)
{
	for (unsigned i = 0; i < local_ts->count; i++) {
		if (!has_address(&local_ts->ts[i], local))
			continue;
		for (unsigned j = 0; j < remote_ts->count; j++) {
			struct selector here;

			if (!has_address(&remote_ts->ts[j], remote) ||
			    !meet(&local_ts->ts[i], &remote_ts->ts[j], s, &here))
				continue;
			if (!found || (selector_contains(&here, best) && !selector_equal(&here, best)))
				*best = here;
			found = true;
		}
	}
	return found;
}

bool ts_narrow(const struct ts_list *local_ts, const struct ts_list *remote_ts, const uint8_t local[4],
	       const uint8_t remote[4], const struct selector *allowed, unsigned count, struct selector *out,
	       unsigned *index)
{
	bool found = false;

	for (unsigned i = 0; i < count; i++) {
		const struct selector before = found ? *out : (struct selector){0};

		if (!widest(local_ts, remote_ts, local, remote, &allowed[i], out, found))
			continue;
		if (!found || !selector_equal(&before, out))
			*index = i;
		found = true;
	}
	return found;
}

static bool only_address(const struct ts_list *list, const uint8_t addr[4])
{
	for (unsigned i = 0; i < list->count; i++)
		if (memcmp(list->ts[i].start, addr, 4) != 0 || memcmp(list->ts[i].end, addr, 4) != 0)
			return false;
	return list->count > 0;
}

bool ts_accept(const struct ts_list *local_ts, const struct ts_list *remote_ts, const uint8_t local[4],
	       const uint8_t remote[4], const struct selector *asked, struct selector *out)
{
	return only_address(local_ts, local) && only_address(remote_ts, remote) &&
	       widest(local_ts, remote_ts, local, remote, asked, out, false);
}
