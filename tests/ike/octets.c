/* SPDX-License-Identifier: BSD-2-Clause */
#include "octets.h"

#include <string.h>

#include "wire/message.h"

static void add(struct body *b, enum payload_type type, size_t size)
{
	static const uint8_t content[64] = {1, 2, 3};

	payload_begin(b, type);
	write_bytes(&b->w, content, size);
	payload_end(b);
}

size_t octets_make(uint8_t *out, bool response, size_t tail)
{
	const struct ike_header h = {
		.spi_i = 0x1122334455667788,
		.spi_r = response ? 0x99aabbccddeeff00 : 0,
		.version = IKE_VERSION,
		.exchange = EXCHANGE_IKE_SA_INIT,
		.flags = response ? FLAG_RESPONSE : FLAG_INITIATOR,
	};
	static struct body b;
	size_t size;

	body_init(&b);
	add(&b, PAYLOAD_SA, 4);
	add(&b, PAYLOAD_KE, 8);
	add(&b, PAYLOAD_NONCE, 32);
	size = message_write(&h, &b, out, OCTETS_MESSAGE_SIZE);
	memset(out + size, 0, tail);
	return size + tail;
}
