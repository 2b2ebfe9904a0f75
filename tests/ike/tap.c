/* SPDX-License-Identifier: BSD-2-Clause */
#include "tap.h"

#include <stdlib.h>
#include <string.h>

static uint16_t error_of(const struct sealed *s)
{
	int at;

	for (unsigned n = 0; (at = sealed_find(s, PAYLOAD_NOTIFY, n)) >= 0; n++)
		if (get_u16(s->data + at + 6) <= NOTIFY_ERROR_MAX)
			return get_u16(s->data + at + 6);
	return 0;
}

static void note(struct tap *t, const struct world *w, const struct world_packet *p)
{
	static struct sealed s;
	struct tap_seen *seen = &t->seen[t->count % TAP_SEEN];

	if (!sealed_open(w, p, &s))
		return;
	t->count++;
	*seen = (struct tap_seen){
		.from = !p->to,
		.exchange = s.header.exchange,
		.response = s.header.flags & FLAG_RESPONSE,
		.rekey = sealed_notify(&s, REKEY_SA) >= 0,
		.error = error_of(&s),
	};
	if (sealed_find(&s, PAYLOAD_NONCE, 0) >= 0)
		memcpy(seen->nonce, s.data + sealed_find(&s, PAYLOAD_NONCE, 0) + 4, NONCE_SIZE);
	while (sealed_find(&s, PAYLOAD_DELETE, seen->deletes) >= 0)
		seen->deletes++;
}

static enum fate filter(struct world *w, struct world_packet *p, void *arg)
{
	struct tap *t = arg;
	struct world_packet *kept;

	note(t, w, p);
	if (!t->hold[p->to])
		return PASS;
	t->hold[p->to]--;
	if (t->held_count == TAP_HELD)
		abort();
	kept = &t->held[t->held_count++];
	*kept = *p;
	kept->data = malloc(p->size);
	memcpy(kept->data, p->data, p->size);
	return DROP;
}

void tap_start(struct tap *t, struct world *w)
{
	*t = (struct tap){0};
	w->filter = filter;
	w->filter_arg = t;
}

void tap_release(struct tap *t, struct world *w, int to)
{
	unsigned left = 0;

	t->hold[to] = 0;
	for (unsigned i = 0; i < t->held_count; i++) {
		if (t->held[i].to != to) {
			t->held[left++] = t->held[i];
			continue;
		}
		world_inject(w, &t->held[i], 1);
		free(t->held[i].data);
	}
	t->held_count = left;
}

void tap_drop(struct tap *t)
{
	while (t->held_count)
		free(t->held[--t->held_count].data);
}

static bool is(const struct tap_seen *s, int from, uint8_t exchange, bool response)
{
	return s->from == from && s->exchange == exchange && s->response == response;
}

unsigned tap_count(const struct tap *t, int from, uint8_t exchange, bool response, uint16_t error)
{
	unsigned n = 0;

	for (unsigned i = 0; i < t->count && i < TAP_SEEN; i++)
		n += is(&t->seen[i], from, exchange, response) && t->seen[i].error == error;
	return n;
}

const struct tap_seen *tap_last(const struct tap *t, int from, uint8_t exchange, bool response)
{
	for (unsigned i = t->count; i > 0; i--)
		if (is(&t->seen[(i - 1) % TAP_SEEN], from, exchange, response))
			return &t->seen[(i - 1) % TAP_SEEN];
	return NULL;
}

static const uint8_t *pick(const uint8_t *a, const uint8_t *b, bool lower)
{
	return (memcmp(a, b, NONCE_SIZE) < 0) == lower ? a : b;
}

static const uint8_t *nonce_of(const struct tap *t, int from, bool response)
{
	const struct tap_seen *s = tap_last(t, from, EXCHANGE_CREATE_CHILD_SA, response);

	if (!s)
		abort();
	return s->nonce;
}

const uint8_t *tap_higher_nonce(const struct tap *t)
{
	const uint8_t *first = pick(nonce_of(t, 0, false), nonce_of(t, 1, true), true);
	const uint8_t *second = pick(nonce_of(t, 1, false), nonce_of(t, 0, true), true);

	return pick(first, second, false);
}
