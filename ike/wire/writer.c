/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"
#include "writer.h"

void payload_begin(struct body *b, uint8_t type)
{
	if (b->first == PAYLOAD_NONE)
		b->first = type;
	else if (!b->w.bad)
		b->data[b->begun] = type;
	b->begun = b->w.size;
	write_u32(&b->w, 0); /* next payload, flags, length: put in by what comes next and by payload_end */
}

void payload_end(struct body *b)
{
	const size_t size = b->w.size - b->begun;

	if (size > UINT16_MAX)
		b->w.bad = true;
	rewrite_u16(&b->w, b->begun + 2, (uint16_t)size);
}

void payload_write(struct body *b, uint8_t type, const void *data, size_t size)
{
	payload_begin(b, type);
	write_bytes(&b->w, data, size);
	payload_end(b);
}

void notify_write(struct body *b, uint16_t type, const void *data, size_t size)
{
	payload_begin(b, PAYLOAD_NOTIFY);
	write_u8(&b->w, PROTOCOL_NONE);
	write_u8(&b->w, 0);
	write_u16(&b->w, type);
	write_bytes(&b->w, data, size);
	payload_end(b);
}

void notify_write_esp(struct body *b, uint16_t type, uint32_t spi, const void *data, size_t size)
{
	payload_begin(b, PAYLOAD_NOTIFY);
	write_u8(&b->w, PROTOCOL_ESP);
	write_u8(&b->w, 4);
	write_u16(&b->w, type);
	write_u32(&b->w, spi);
	write_bytes(&b->w, data, size);
	payload_end(b);
}

void delete_write_ike(struct body *b)
{
	payload_begin(b, PAYLOAD_DELETE);
	write_u8(&b->w, PROTOCOL_IKE);
	write_u8(&b->w, 0);
	write_u16(&b->w, 0);
	payload_end(b);
}

void delete_write_esp(struct body *b, const uint32_t *spis, unsigned count)
{
	payload_begin(b, PAYLOAD_DELETE);
	write_u8(&b->w, PROTOCOL_ESP);
	write_u8(&b->w, 4);
	write_u16(&b->w, (uint16_t)count);
	for (unsigned i = 0; i < count; i++)
		write_u32(&b->w, spis[i]);
	payload_end(b);
}
