/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages that are changed on the wire, on their way between two ends that connect or rekey. For tests with cmocka. */
#ifndef TESTS_IKE_THROUGH_H
#define TESTS_IKE_THROUGH_H

#include <stdint.h>

#include <cmocka.h>

#include "sealed.h"

typedef enum fate filter_fn(struct world *w, struct world_packet *p, void *arg);

/* A world in which host 0 connects while the filter looks on. */
static inline struct world *connect_through(void **state, filter_fn *filter, void *arg, uint64_t ms)
{
	struct world *w = *state;

	world_again(w, 0);
	w->filter = filter;
	w->filter_arg = arg;
	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, ms);
	return w;
}

/* One in which it is up, and host 0 rekeys while the filter looks on. */
static inline struct world *rekey_through(void **state, filter_fn *filter, void *arg, bool ike)
{
	struct world *w = *state;

	world_again(w, 0);
	world_configure_both(w, START_INITIATE);
	world_run(w, 500);
	w->filter = filter;
	w->filter_arg = arg;
	w->hosts[0].done_count = 0;
	world_rekey(w, 0, ike);
	world_run(w, 1000);
	return w;
}

static inline void assert_failed(struct world *w)
{
	assert_int_equal(w->hosts[0].done_count, 1);
	assert_true(w->hosts[0].done_error[0]);
	assert_true(world_is_down(w));
}

/* ---- cookies ---- */

/* A cookie is asked for by who has become busy, or by anybody who has seen the request. */
static inline enum fate ask_for_cookie(struct world *w, struct world_packet *p, void *arg)
{
	static const uint8_t notify[] = {0, 0, 0, 12, 0, 0, COOKIE >> 8, COOKIE & 0xff, 1, 2, 3, 4};
	uint8_t data[IKE_HEADER_SIZE + sizeof(notify)] = {0};
	struct world_packet asks = {.to = !p->to, .size = sizeof(data), .data = data};

	(void)arg;
	w->filter = NULL;
	memcpy(data, p->data, 8);
	data[16] = PAYLOAD_NOTIFY;
	data[17] = IKE_VERSION;
	data[18] = EXCHANGE_IKE_SA_INIT;
	data[19] = FLAG_RESPONSE;
	data[27] = sizeof(data);
	memcpy(data + IKE_HEADER_SIZE, notify, sizeof(notify));
	asks.path = p->path;
	memcpy(asks.path.local, p->path.remote, 4);
	memcpy(asks.path.remote, p->path.local, 4);
	world_inject(w, &asks, 0);
	return PASS;
}

/* A request may come again with a cookie in front (RFC 7296 section 2.6), and the cookie is kept then: not a large one.
 */
static inline void put_cookie(struct world_packet *p, uint16_t cookie)
{
	const size_t size = p->size + 8 + cookie;
	uint8_t *data = calloc(1, size);

	memcpy(data, p->data, IKE_HEADER_SIZE);
	memcpy(data + IKE_HEADER_SIZE + 8 + cookie, p->data + IKE_HEADER_SIZE, p->size - IKE_HEADER_SIZE);
	data[IKE_HEADER_SIZE] = data[16];
	data[16] = PAYLOAD_NOTIFY;
	put_u16(data + IKE_HEADER_SIZE + 2, 8U + cookie);
	put_u16(data + IKE_HEADER_SIZE + 6, COOKIE);
	put_u16(data + 26, (unsigned)size);
	free(p->data);
	p->data = data;
	p->size = size;
}

/* ---- transforms ---- */

#define KEY_LENGTH 100 /* in place of a transform's type: the attribute of ENCR */

struct change {
	uint8_t exchange;
	bool response;
	uint8_t type;
	uint16_t from;
	uint16_t to;
};

/* Each transform of that type and ID in a chain of payloads. */
static inline unsigned change_all(uint8_t *data, size_t size, const struct change *c)
{
	const uint8_t type = c->type == KEY_LENGTH ? TRANSFORM_ENCR : c->type;
	unsigned n = 0;

	for (size_t i = 0; i + 8 <= size; i++) {
		uint8_t *t = data + i;

		if ((t[0] != 0 && t[0] != 3) || t[1] || t[2] || t[3] != (type == TRANSFORM_ENCR ? 12 : 8) ||
		    t[4] != type || t[5] || get_u16(t + 6) != c->from)
			continue;
		put_u16(c->type == KEY_LENGTH ? t + 10 : t + 6, c->to);
		n++;
	}
	return n;
}

#endif
