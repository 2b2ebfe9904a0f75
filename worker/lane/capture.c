/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture.h"

#include "maps/maps.h"

void capture_begin(struct capture *c, struct capture_wants *wants, struct capture_ring *ring)
{
	*c = (struct capture){.ring = ring, .wants = wants, .at = ring->head, .chosen = -1};
}

/* A tail that is not behind the head leaves no room: the reader is root's, but nothing here hangs on that. */
static bool has_room(const struct capture *c, uint64_t size)
{
	const uint64_t tail = __atomic_load_n(&c->ring->tail, __ATOMIC_ACQUIRE);

	return c->at - tail <= CAPTURE_RING_SIZE && CAPTURE_RING_SIZE - (c->at - tail) >= size;
}

static void write_record(struct capture *c, struct capture_record *record, const struct iovec *pieces, int n)
{
	uint64_t at = c->at + sizeof(*record);

	record->time_ns = maps_now();
	record->caplen = record->len;
	record->reason = REASON_COUNT;
	capture_ring_write(c->ring, c->at, record, sizeof(*record));
	for (int i = 0; i < n; at += pieces[i++].iov_len)
		capture_ring_write(c->ring, at, pieces[i].iov_base, pieces[i].iov_len);
}

void capture_add(struct capture *c, const void *key, const struct capture_record *of, const struct iovec *pieces, int n)
{
	struct capture_record record = *of;
	struct capture_pending *p;

	if (!(c->wants->points & 1u << of->point))
		return;
	if (c->count == CAPTURE_PENDING)
		capture_publish(c);
	p = &c->pending[c->count++];
	*p = (struct capture_pending){.key = key, .at = UINT64_MAX, .point = of->point, .reason = REASON_COUNT};
	record.len = 0;
	for (int i = 0; i < n; i++)
		record.len += (uint32_t)pieces[i].iov_len;
	if (!has_room(c, capture_record_size(record.len)))
		return;
	write_record(c, &record, pieces, n);
	p->at = c->at;
	c->at += capture_record_size(record.len);
}

void capture_add_dropped(struct capture *c, const struct capture_record *of, enum reason reason,
			 const struct iovec *pieces, int n)
{
	const bool alone = c->count == 0;

	capture_add(c, pieces, of, pieces, n);
	if (capture_choose(c, pieces))
		capture_drop(c, reason);
	capture_choose(c, NULL);
	if (alone)
		capture_publish(c);
}

static int find(const struct capture *c, const void *key)
{
	int i = (int)c->count - 1;

	while (i >= 0 && (!key || c->pending[i].key != key))
		i--;
	return i;
}

bool capture_choose(struct capture *c, const void *key)
{
	c->chosen = find(c, key);
	return c->chosen >= 0;
}

void capture_drop(struct capture *c, enum reason reason)
{
	if (c->chosen >= 0)
		c->pending[c->chosen].reason = (uint8_t)reason;
}

void capture_forget(struct capture *c, const void *key)
{
	const int i = find(c, key);

	if (i < 0)
		return;
	c->pending[i].unwanted = true;
	c->pending[i].key = NULL;
}

static bool is_wanted(const struct capture *c, const struct capture_pending *p)
{
	return !p->unwanted && (!c->wants->drops || p->reason != REASON_COUNT);
}

static void count_lost(struct capture *c, const struct capture_pending *p)
{
	uint64_t *lost = &c->ring->lost[p->point];

	__atomic_store_n(lost, *lost + 1, __ATOMIC_RELAXED);
}

/* The last one so far: one that nobody wants gives its room back, unless others are behind it. */
static void settle(struct capture *c, const struct capture_pending *p)
{
	struct capture_record record;

	capture_ring_read(c->ring, p->at, &record, sizeof(record));
	record.reason = p->reason;
	if (!is_wanted(c, p))
		record.point = CAPTURE_NOWHERE;
	if (record.point == CAPTURE_NOWHERE && p->at + capture_record_size(record.caplen) == c->at)
		c->at = p->at;
	else
		capture_ring_write(c->ring, p->at, &record, sizeof(record));
}

void capture_publish(struct capture *c)
{
	while (c->count) {
		const struct capture_pending *p = &c->pending[--c->count];

		if (p->at != UINT64_MAX)
			settle(c, p);
		else if (is_wanted(c, p))
			count_lost(c, p);
	}
	c->chosen = -1;
	__atomic_store_n(&c->ring->head, c->at, __ATOMIC_RELEASE);
}
