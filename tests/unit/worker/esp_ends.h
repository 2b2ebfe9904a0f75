/* SPDX-License-Identifier: BSD-2-Clause */
/* Two ends of an SA for the tests of worker/esp/esp.h: what one seals, the other opens; with each AEAD there is. */
#ifndef TESTS_UNIT_ESP_ENDS_H
#define TESTS_UNIT_ESP_ENDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "esp/esp_packet.h"
#include "vectors/random.h"

struct end {
	struct sa_state state;
	__u64 ring[REPLAY_WIDE_WORDS];
	struct esp_sa sa;
	void *ctx;
};

static const struct aead *backend;
static struct end sender, receiver;
static struct vault_entry key;

static inline void load(struct end *e, uint8_t direction)
{
	e->state.direction = direction;
	e->state.replay_window = direction == SA_INBOUND ? 1024 : 0;
	assert_int_equal(esp_sa_load(&e->sa, backend, &e->state, e->state.replay_window, e->ring, &key, e->ctx), 0);
}

static inline void clear_end(struct end *e)
{
	void *ctx = e->ctx;

	esp_sa_wipe(&e->sa, backend);
	memset(e, 0, sizeof(*e));
	e->ctx = ctx;
}

/* Both ends anew, at the same number. */
static inline void connect_ends(uint8_t flags, uint64_t seq)
{
	const struct sa_state state = {.generation = key.generation, .spi = 0x12345678, .flags = flags, .seq = seq};

	clear_end(&sender);
	clear_end(&receiver);
	sender.state = receiver.state = state;
	load(&sender, SA_OUTBOUND);
	load(&receiver, SA_INBOUND);
}

static inline int use_backend(const char *name)
{
	uint64_t rnd = 11;

	backend = aead_select(name, NULL);
	assert_non_null(backend);
	sender.ctx = aligned_alloc(64, backend->ctx_size);
	receiver.ctx = aligned_alloc(64, backend->ctx_size);
	assert_true(sender.ctx && receiver.ctx);
	memset(sender.ctx, 0, backend->ctx_size);
	memset(receiver.ctx, 0, backend->ctx_size);
	random_bytes(&rnd, (uint8_t *)&key, sizeof(key));
	key.generation = 7;
	return 0;
}

static inline int use_openssl(void **unused)
{
	(void)unused;
	return use_backend("openssl");
}

#ifdef HAVE_IPSEC_MB
static inline int use_ipsec_mb(void **unused)
{
	(void)unused;
	return use_backend("ipsec-mb");
}
#endif

static inline int put_away(void **unused)
{
	(void)unused;
	clear_end(&sender);
	clear_end(&receiver);
	free(sender.ctx);
	free(receiver.ctx);
	return 0;
}

/* Runs the array of tests with each; the result of main. */
#ifdef HAVE_IPSEC_MB
#define RUN_WITH_EACH_AEAD(name, tests) \
	(cmocka_run_group_tests_name(name ", openssl", tests, use_openssl, put_away) + \
	 (aead_ipsec_mb.available() ? cmocka_run_group_tests_name(name ", ipsec-mb", tests, use_ipsec_mb, put_away) \
				    : 0))
#else
#define RUN_WITH_EACH_AEAD(name, tests) cmocka_run_group_tests_name(name ", openssl", tests, use_openssl, put_away)
#endif

#endif
