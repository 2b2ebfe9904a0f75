/* SPDX-License-Identifier: BSD-2-Clause */
#include "sk.h"

#include <errno.h>

/* Where in the datagram the payload's own content begins: what is before it is AAD. */
static size_t offset_of(const struct message *m, const uint8_t *at)
{
	return (size_t)(at - m->data);
}

/* The last byte of the plaintext says how much padding is in front of it. */
static bool strip_padding(const uint8_t *plain, size_t *size)
{
	if (*size == 0 || plain[*size - 1] >= *size)
		return false;
	*size -= plain[*size - 1] + 1U;
	return true;
}

int sk_open_part(const struct message *m, const struct payload *p, size_t skip, const struct sk_key *key,
		 uint8_t *plain, size_t *size, bool *authentic)
{
	struct reader r = reader_of(p->data, p->size);
	const uint8_t *iv;

	*authentic = false;
	read_bytes(&r, skip);
	iv = read_bytes(&r, SK_IV_SIZE);
	if (reader_left(&r) < 1 + SK_ICV_SIZE)
		return -EBADMSG;
	*size = reader_left(&r) - SK_ICV_SIZE;
	if (!gcm_open(key, iv, m->data, offset_of(m, iv), r.at, *size, plain))
		return -EBADMSG;
	*authentic = true;
	return strip_padding(plain, size) ? 0 : -EBADMSG;
}

int sk_open(struct message *m, const struct sk_key *key, uint8_t *plain, bool *authentic)
{
	const struct payload *p = message_find(m, PAYLOAD_SK);
	size_t size;
	int err;

	*authentic = false;
	if (!p)
		return -EBADMSG;
	err = sk_open_part(m, p, 0, key, plain, &size, authentic);
	if (err)
		return err;
	return payloads_parse(m, p->next, plain, size) ? 0 : -EBADMSG;
}
