/* SPDX-License-Identifier: BSD-2-Clause */
#include "backlog.h"

#include <stdlib.h>
#include <string.h>

bool backlog_hold(struct backlog *b, struct opened *o)
{
	struct opened *held = malloc(sizeof(*held));

	if (!held)
		return false;
	*held = *o;
	/* The datagram that it came in is somebody else's. */
	held->m.data = NULL;
	held->m.size = 0;
	o->plain = NULL;
	b->first = held;
	return true;
}

struct opened *backlog_take(struct backlog *b)
{
	struct opened *o = b->first;

	b->first = NULL;
	return o;
}

void opened_free(struct opened *o)
{
	if (o)
		free(o->plain);
	free(o);
}

static struct datagram *datagram_new(const struct path *path, const uint8_t *data, size_t size)
{
	struct datagram *d = malloc(sizeof(*d) + size);

	if (!d)
		return NULL;
	d->next = NULL;
	d->path = *path;
	d->size = size;
	memcpy(d->data, data, size);
	return d;
}

bool backlog_hold_sealed(struct backlog *b, const struct path *path, const uint8_t *data, size_t size)
{
	struct datagram *d = datagram_new(path, data, size);

	if (!d)
		return false;
	d->next = b->datagrams;
	b->datagrams = d;
	b->size += size;
	b->sealed = true;
	return true;
}

/* A question and an answer of one number are two messages. */
static bool is_of(const struct opened *o, const struct message *m)
{
	return o && o->m.header.id == m->header.id &&
	       (o->m.header.flags & FLAG_RESPONSE) == (m->header.flags & FLAG_RESPONSE);
}

void backlog_add(struct backlog *b, const struct path *path, const struct message *m, size_t most)
{
	struct datagram **at = &b->datagrams;

	if (b->size + m->size > most || is_of(b->first, m))
		return;
	for (; *at; at = &(*at)->next)
		if ((*at)->size == m->size && memcmp((*at)->data, m->data, m->size) == 0)
			return;
	*at = datagram_new(path, m->data, m->size);
	if (*at)
		b->size += m->size;
}

struct datagram *backlog_next(struct backlog *b)
{
	struct datagram *d = b->datagrams;

	b->sealed = false;
	if (!d)
		return NULL;
	b->datagrams = d->next;
	b->size -= d->size;
	return d;
}

void backlog_free(struct backlog *b)
{
	struct datagram *d;

	while ((d = backlog_next(b)))
		free(d);
	opened_free(backlog_take(b));
}
