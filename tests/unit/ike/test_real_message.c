/* SPDX-License-Identifier: BSD-2-Clause */
/* What the key holder takes for the octets of AUTH: IKE_SA_INIT messages as ours and peers' are, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "octets.h"
#include "crypto/prf.h"
#include "keyholder/real_message.h"
#include "wire/wire.h"

#define ROOM (OCTETS_MESSAGE_SIZE + NONCE_MAX + PRF_SIZE_MAX + 1)
/* Where the header has them: RFC 7296 section 3.1. */
enum { SPI_I = 0, SPI_R = 8, NEXT = 16, VERSION = 17, EXCHANGE = 18, FLAGS = 19, ID = 20, LENGTH = 24 };

static uint8_t octets[ROOM];

/* In memory of exactly its size, so that a sanitizer sees a read beyond. */
static bool taken(size_t size, uint16_t prf, bool ours)
{
	uint8_t *copy = malloc(size ? size : 1);
	bool is;

	memcpy(copy, octets, size);
	is = is_auth_octets(copy, size, prf, ours);
	free(copy);
	return is;
}

static size_t make(bool response)
{
	return octets_make(octets, response, OCTETS_NONCE_SIZE + 48);
}

static void ours_and_a_peers(void **state)
{
	(void)state;
	for (int response = 0; response < 2; response++)
		for (int ours = 0; ours < 2; ours++) {
			const size_t size = make(response);

			assert_true(taken(size, 0, ours));
			assert_true(taken(size, PRF_HMAC_SHA2_384, ours));
		}
}

/* Every length but those that a nonce and a PRF's output have; cut anywhere it is none. */
static void sizes(void **state)
{
	(void)state;
	make(false);
	for (size_t size = 0; size <= ROOM; size++) {
		const bool some = size >= OCTETS_MESSAGE_SIZE + 16 + 32 && size <= OCTETS_MESSAGE_SIZE + 256 + 64;
		const bool sha384 = size >= OCTETS_MESSAGE_SIZE + 16 + 48 && size <= OCTETS_MESSAGE_SIZE + 256 + 48;

		assert_int_equal(taken(size, 0, true), some);
		assert_int_equal(taken(size, PRF_HMAC_SHA2_384, false), sha384);
	}
}

static void assert_counts(bool response, size_t at, uint8_t value)
{
	const size_t size = make(response);

	octets[at] = value;
	assert_false(taken(size, 0, true));
	assert_false(taken(size, 0, false));
}

static void header(void **state)
{
	const size_t size = make(true);

	(void)state;
	memset(octets + SPI_I, 0, IKE_SPI_SIZE);
	assert_false(taken(size, 0, false));
	make(true);
	memset(octets + SPI_R, 0, IKE_SPI_SIZE);
	assert_false(taken(size, 0, false));
	for (int response = 0; response < 2; response++) {
		assert_counts(response, VERSION, 0x10);
		assert_counts(response, VERSION, 0x30);
		for (unsigned exchange = 0; exchange < 256; exchange++)
			if (exchange != EXCHANGE_IKE_SA_INIT)
				assert_counts(response, EXCHANGE, (uint8_t)exchange);
		assert_counts(response, FLAGS, 0);
		assert_counts(response, FLAGS, FLAG_INITIATOR | FLAG_RESPONSE);
		assert_counts(response, FLAGS, response ? FLAG_INITIATOR : FLAG_RESPONSE);
		assert_counts(response, ID + 3, 1);
		assert_counts(response, ID, 1);
		assert_counts(response, LENGTH, 1);
		assert_counts(response, LENGTH + 3, OCTETS_MESSAGE_SIZE - 1);
		assert_counts(response, LENGTH + 3, OCTETS_MESSAGE_SIZE + 1);
	}
	assert_counts(false, SPI_R, 1);
}

/* A later minor version is a peer's, and so are bits that say nothing. */
static void what_ours_never_have(void **state)
{
	const size_t size = make(false);

	(void)state;
	octets[VERSION] = 0x21;
	assert_true(taken(size, 0, false));
	assert_false(taken(size, 0, true));
	make(false);
	octets[FLAGS] |= FLAG_VERSION | 1;
	assert_true(taken(size, 0, false));
	assert_false(taken(size, 0, true));
}

/* SA at 28, KE at 36, the nonce at 48. */
static void payloads(void **state)
{
	(void)state;
	assert_counts(false, NEXT, PAYLOAD_NONE);
	assert_counts(false, NEXT, PAYLOAD_VENDOR);
	assert_counts(false, 28, PAYLOAD_VENDOR);
	assert_counts(false, 36, PAYLOAD_VENDOR);
	assert_counts(false, 36, PAYLOAD_NONE);
	assert_counts(false, 48, PAYLOAD_NONCE);
	assert_counts(false, 28 + 3, 3);
	assert_counts(false, 28 + 3, 9);
	assert_counts(false, 48 + 2, 0xff);
	assert_counts(false, 48 + 3, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours_and_a_peers),	cmocka_unit_test(sizes),    cmocka_unit_test(header),
		cmocka_unit_test(what_ours_never_have), cmocka_unit_test(payloads),
	};

	return cmocka_run_group_tests_name("IKE, octets of AUTH", tests, NULL, NULL);
}
