/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie.h"

#include <openssl/crypto.h>

#include "crypto/prf.h"
#include "wire/reader.h"
#include "wire/wire.h"
#include "wire/writer.h"

void cookie_init(struct cookie_jar *jar, uint64_t now_ms)
{
	jar->version = 1;
	jar->made_ms = now_ms;
	jar->random(jar->arg, jar->secrets, sizeof(jar->secrets));
}

static void renew(struct cookie_jar *jar, uint64_t now_ms)
{
	const uint64_t age = now_ms - jar->made_ms;

	if (age < COOKIE_SECRET_LIFE_MS)
		return;
	/* After a pause the one that would be the one before is too old. */
	if (age >= 2 * COOKIE_SECRET_LIFE_MS)
		jar->random(jar->arg, jar->secrets[jar->version & 1], COOKIE_SECRET_SIZE);
	jar->version++;
	jar->made_ms = now_ms;
	jar->random(jar->arg, jar->secrets[jar->version & 1], COOKIE_SECRET_SIZE);
}

static void make(const struct cookie_jar *jar, uint32_t version, const struct cookie_input *in,
		 uint8_t out[COOKIE_SIZE])
{
	const struct chunk parts[] = {{in->nonce, in->nonce_size}, CHUNK(in->addr), CHUNK(in->port), CHUNK(in->spi_i)};
	uint8_t mac[PRF_SIZE_MAX] = {0};
	struct writer w = {.data = out, .room = COOKIE_SIZE};

	write_u32(&w, version);
	/* Without a MAC nobody's cookie fits; the random one makes sure. */
	if (prf_compute(PRF_HMAC_SHA2_256, (struct chunk){jar->secrets[version & 1], COOKIE_SECRET_SIZE}, parts, 4,
			mac))
		jar->random(jar->arg, mac, sizeof(mac));
	write_bytes(&w, mac, COOKIE_SIZE - 4);
}

void cookie_make(struct cookie_jar *jar, uint64_t now_ms, const struct cookie_input *in, uint8_t out[COOKIE_SIZE])
{
	renew(jar, now_ms);
	make(jar, jar->version, in, out);
}

bool cookie_check(struct cookie_jar *jar, uint64_t now_ms, const struct cookie_input *in, const uint8_t *cookie,
		  size_t size)
{
	struct reader r = reader_of(cookie, size);
	const uint32_t version = read_u32(&r);
	uint8_t wanted[COOKIE_SIZE];

	renew(jar, now_ms);
	if (size != COOKIE_SIZE || (version != jar->version && version + 1 != jar->version))
		return false;
	make(jar, version, in, wanted);
	return CRYPTO_memcmp(wanted, cookie, COOKIE_SIZE) == 0;
}
