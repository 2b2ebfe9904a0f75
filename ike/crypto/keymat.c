/* SPDX-License-Identifier: BSD-2-Clause */
#include "keymat.h"

#include <errno.h>
#include <string.h>

#include "wire/wire.h"
#include "wire/writer.h"

static void store_spi(uint8_t out[IKE_SPI_SIZE], uint64_t spi)
{
	struct writer w = {.data = out, .room = IKE_SPI_SIZE};

	write_u64(&w, spi);
}

static void take(const uint8_t **at, void *out, size_t size)
{
	memcpy(out, *at, size);
	*at += size;
}

/* {SK_d | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr); each SK_e has its salt at the end
 * (RFC 5282 section 7.1). */
static int expand(struct ike_keys *out, uint16_t prf, const uint8_t *skeyseed, size_t seed_size,
		  const struct keymat_input *in)
{
	uint8_t spi_i[IKE_SPI_SIZE], spi_r[IKE_SPI_SIZE];
	const struct chunk seed[] = {in->ni, in->nr, CHUNK(spi_i), CHUNK(spi_r)};
	uint8_t all[3 * PRF_SIZE_MAX + 2 * (SK_KEY_SIZE + SK_SALT_SIZE)];
	const size_t size = prf_size(prf);
	const uint8_t *at = all;
	int err;

	store_spi(spi_i, in->spi_i);
	store_spi(spi_r, in->spi_r);
	err = prf_plus(prf, (struct chunk){skeyseed, seed_size}, seed, 4, all,
		       3 * size + 2 * (SK_KEY_SIZE + SK_SALT_SIZE));
	if (!err) {
		*out = (struct ike_keys){.prf = prf, .size = (uint8_t)size};
		take(&at, out->sk_d, size);
		take(&at, out->ei.key, SK_KEY_SIZE);
		take(&at, out->ei.salt, SK_SALT_SIZE);
		take(&at, out->er.key, SK_KEY_SIZE);
		take(&at, out->er.salt, SK_SALT_SIZE);
		take(&at, out->sk_pi, size);
		take(&at, out->sk_pr, size);
	}
	explicit_bzero(all, sizeof(all));
	return err;
}

int keymat_ike(struct ike_keys *out, uint16_t prf, const struct keymat_input *in)
{
	uint8_t nonces[2 * NONCE_MAX], skeyseed[PRF_SIZE_MAX];
	const struct chunk secret = {in->secret, DH_SECRET_SIZE};
	int err;

	if (in->ni.size > NONCE_MAX || in->nr.size > NONCE_MAX || !prf_size(prf))
		return -EIO;
	memcpy(nonces, in->ni.data, in->ni.size);
	memcpy(nonces + in->ni.size, in->nr.data, in->nr.size);
	err = prf_compute(prf, (struct chunk){nonces, in->ni.size + in->nr.size}, &secret, 1, skeyseed);
	if (!err)
		err = expand(out, prf, skeyseed, prf_size(prf), in);
	explicit_bzero(skeyseed, sizeof(skeyseed));
	return err;
}

int keymat_ike_rekey(struct ike_keys *out, uint16_t prf, const struct ike_keys *old, const struct keymat_input *in)
{
	const struct chunk seed[] = {{in->secret, DH_SECRET_SIZE}, in->ni, in->nr};
	uint8_t skeyseed[PRF_SIZE_MAX];
	int err = prf_compute(old->prf, (struct chunk){old->sk_d, old->size}, seed, 3, skeyseed);

	if (!err)
		err = expand(out, prf, skeyseed, old->size, in);
	explicit_bzero(skeyseed, sizeof(skeyseed));
	return err;
}

int keymat_child(const struct ike_keys *keys, const uint8_t *secret, struct chunk ni, struct chunk nr,
		 uint8_t from_initiator[CHILD_KEYMAT_SIZE], uint8_t from_responder[CHILD_KEYMAT_SIZE])
{
	const struct chunk seed[] = {{secret, secret ? DH_SECRET_SIZE : 0}, ni, nr};
	uint8_t all[2 * CHILD_KEYMAT_SIZE];
	int err = prf_plus(keys->prf, (struct chunk){keys->sk_d, keys->size}, seed, 3, all, sizeof(all));

	memcpy(from_initiator, all, CHILD_KEYMAT_SIZE);
	memcpy(from_responder, all + CHILD_KEYMAT_SIZE, CHILD_KEYMAT_SIZE);
	explicit_bzero(all, sizeof(all));
	return err;
}
