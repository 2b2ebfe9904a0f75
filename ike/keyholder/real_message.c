/* SPDX-License-Identifier: BSD-2-Clause */
#include "real_message.h"

#include "crypto/prf.h"
#include "wire/reader.h"
#include "wire/wire.h"

/* A request has no SPI of the responder yet, not even with a cookie (RFC 7296 sections 2.6 and 3.1). */
static bool are_ends_right(uint64_t spi_i, uint64_t spi_r, uint8_t flags)
{
	const uint8_t who = flags & (FLAG_INITIATOR | FLAG_RESPONSE);

	return spi_i && ((who == FLAG_INITIATOR && !spi_r) || (who == FLAG_RESPONSE && spi_r));
}

/* A peer's may be of another minor version, with bits that say nothing to us. */
static bool is_version_right(uint8_t version, uint8_t flags, bool ours)
{
	if (ours)
		return version == IKE_VERSION && !(flags & ~(FLAG_INITIATOR | FLAG_RESPONSE));
	return version >> 4 == IKE_VERSION >> 4;
}

/* The chain of payloads fills the message, and has what RFC 7296 section 1.2 asks for. */
static bool has_payloads(struct reader *r, uint8_t type)
{
	bool sa = false, ke = false, nonce = false;

	while (type != PAYLOAD_NONE && !r->bad) {
		uint16_t length;

		sa |= type == PAYLOAD_SA;
		ke |= type == PAYLOAD_KE;
		nonce |= type == PAYLOAD_NONCE;
		type = read_u8(r);
		read_u8(r);
		length = read_u16(r);
		if (length < PAYLOAD_HEADER_SIZE)
			return false;
		read_bytes(r, length - PAYLOAD_HEADER_SIZE);
	}
	return !r->bad && !reader_left(r) && sa && ke && nonce;
}

static bool is_init_message(struct reader *r, size_t size, bool ours)
{
	const uint64_t spi_i = read_u64(r), spi_r = read_u64(r);
	const uint8_t next = read_u8(r), version = read_u8(r), exchange = read_u8(r), flags = read_u8(r);
	const uint32_t id = read_u32(r), length = read_u32(r);

	return !r->bad && length == size && id == 0 && exchange == EXCHANGE_IKE_SA_INIT &&
	       are_ends_right(spi_i, spi_r, flags) && is_version_right(version, flags, ours) && has_payloads(r, next);
}

/* What the header says that the message is long, without a look at the rest. */
static size_t message_size(const uint8_t *octets, size_t size)
{
	struct reader r = reader_of(octets, size);

	read_bytes(&r, IKE_HEADER_SIZE - sizeof(uint32_t));
	return read_u32(&r);
}

static bool is_tail_right(size_t size, uint16_t prf)
{
	const size_t least = prf ? prf_size(prf) : prf_size(PRF_HMAC_SHA2_256);
	const size_t most = prf ? prf_size(prf) : PRF_SIZE_MAX;

	return size >= NONCE_MIN + least && size <= NONCE_MAX + most;
}

bool is_auth_octets(const uint8_t *octets, size_t size, uint16_t prf, bool ours)
{
	const size_t message = message_size(octets, size);
	struct reader r = reader_of(octets, message);

	return message >= IKE_HEADER_SIZE && message < size && is_tail_right(size - message, prf) &&
	       is_init_message(&r, message, ours);
}
