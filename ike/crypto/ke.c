/* SPDX-License-Identifier: BSD-2-Clause */
#include "ke.h"

#include "wire/wire.h"

/* The group, and two reserved bytes. */
#define KE_HEADER_SIZE 4

void ke_write(struct body *b, const struct dh *dh)
{
	payload_begin(b, PAYLOAD_KE);
	write_u16(&b->w, DH_ECP_384);
	write_u16(&b->w, 0);
	write_bytes(&b->w, dh->public, sizeof(dh->public));
	payload_end(b);
}

int ke_group(const struct message *m)
{
	const struct payload *ke = message_find(m, PAYLOAD_KE);

	return ke && ke->size >= KE_HEADER_SIZE ? ke->data[0] << 8 | ke->data[1] : -1;
}

const uint8_t *ke_public(const struct message *m)
{
	const struct payload *ke = message_find(m, PAYLOAD_KE);

	if (ke_group(m) != DH_ECP_384 || ke->size != KE_HEADER_SIZE + DH_PUBLIC_SIZE)
		return NULL;
	return ke->data + KE_HEADER_SIZE;
}

bool nonce_read(const struct message *m, struct chunk *out)
{
	const struct payload *p = message_find(m, PAYLOAD_NONCE);

	if (!p || p->size < NONCE_MIN || p->size > NONCE_MAX)
		return false;
	*out = (struct chunk){p->data, p->size};
	return true;
}
