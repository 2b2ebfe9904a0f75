/* SPDX-License-Identifier: BSD-2-Clause */
#include "ke.h"

#include "wire/wire.h"

void ke_write(struct body *b, const struct dh *dh)
{
	payload_begin(b, PAYLOAD_KE);
	write_u16(&b->w, DH_ECP_384);
	write_u16(&b->w, 0);
	write_bytes(&b->w, dh->public, sizeof(dh->public));
	payload_end(b);
}

void ke_refuse(struct body *b, uint16_t error)
{
	static const uint8_t group[2] = {0, DH_ECP_384};

	notify_write(b, error, group, error == INVALID_KE_PAYLOAD ? sizeof(group) : 0);
}

/* What follows the header; *group: -1 if there is none. */
static struct reader read_ke(const struct message *m, int *group)
{
	const struct payload *ke = message_find(m, PAYLOAD_KE);
	struct reader r = ke ? reader_of(ke->data, ke->size) : (struct reader){.bad = true};
	const uint16_t id = read_u16(&r);

	read_u16(&r); /* reserved */
	*group = r.bad ? -1 : id;
	return r;
}

int ke_group(const struct message *m)
{
	int group;

	read_ke(m, &group);
	return group;
}

const uint8_t *ke_public(const struct message *m)
{
	int group;
	struct reader r = read_ke(m, &group);

	return group == DH_ECP_384 && reader_left(&r) == DH_PUBLIC_SIZE ? r.at : NULL;
}

bool nonce_read(const struct message *m, struct chunk *out)
{
	const struct payload *p = message_find(m, PAYLOAD_NONCE);

	if (!p || p->size < NONCE_MIN || p->size > NONCE_MAX)
		return false;
	*out = (struct chunk){p->data, p->size};
	return true;
}
