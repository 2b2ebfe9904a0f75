/* SPDX-License-Identifier: BSD-2-Clause */
#include "message.h"

#include <stdio.h>

/* ---- header, RFC 7296 section 3.1 ---- */

bool header_parse(const uint8_t *data, size_t size, struct ike_header *h)
{
	struct reader r = reader_of(data, size);

	h->spi_i = read_u64(&r);
	h->spi_r = read_u64(&r);
	h->next = read_u8(&r);
	h->version = read_u8(&r);
	h->exchange = read_u8(&r);
	h->flags = read_u8(&r);
	h->id = read_u32(&r);
	h->length = read_u32(&r);
	return !r.bad && h->length == size;
}

void header_write(struct writer *w, const struct ike_header *h)
{
	write_u64(w, h->spi_i);
	write_u64(w, h->spi_r);
	write_u8(w, h->next);
	write_u8(w, h->version);
	write_u8(w, h->exchange);
	write_u8(w, h->flags);
	write_u32(w, h->id);
	write_u32(w, h->length);
}

size_t message_write(const struct ike_header *h, const struct body *b, uint8_t *out, size_t room)
{
	struct writer w = {.data = out, .room = room};
	struct ike_header header = *h;

	header.next = b->first;
	header.length = (uint32_t)(IKE_HEADER_SIZE + b->w.size);
	header_write(&w, &header);
	write_bytes(&w, b->data, b->w.size);
	return w.bad || b->w.bad ? 0 : w.size;
}

/* ---- payloads ---- */

static bool is_known(uint8_t type)
{
	return (type >= PAYLOAD_SA && type <= PAYLOAD_EAP) || type == PAYLOAD_SKF;
}

static bool is_sealed(uint8_t type)
{
	return type == PAYLOAD_SK || type == PAYLOAD_SKF;
}

static bool add_payload(struct message *m, const struct payload *p)
{
	if (!is_known(p->type)) {
		if (p->critical && !m->unknown_critical)
			m->unknown_critical = p->type;
		return true;
	}
	if (m->count == MESSAGE_PAYLOADS_MAX)
		return false;
	m->payloads[m->count++] = *p;
	return true;
}

/* One payload: its generic header tells the type of the next one. */
static bool read_payload(struct reader *r, uint8_t type, struct payload *p)
{
	const uint8_t next = read_u8(r), flags = read_u8(r);
	const uint16_t length = read_u16(r);

	if (r->bad || length < PAYLOAD_HEADER_SIZE)
		return false;
	*p = (struct payload){
		.type = type, .next = next, .critical = flags & 0x80, .size = length - PAYLOAD_HEADER_SIZE};
	p->data = read_bytes(r, p->size);
	return !r->bad;
}

/* sealed: whether SK or SKF may end the chain. Unknown payloads count too, or a chain of them would be long. */
static bool read_chain(struct message *m, uint8_t type, struct reader r, bool sealed)
{
	unsigned seen = 0;

	while (type != PAYLOAD_NONE) {
		struct payload p;

		if (seen++ == MESSAGE_PAYLOADS_MAX || !read_payload(&r, type, &p) || !add_payload(m, &p))
			return false;
		if (is_sealed(type))
			return sealed && reader_left(&r) == 0;
		type = p.next;
	}
	return reader_left(&r) == 0;
}

bool message_parse(struct message *m, const uint8_t *data, size_t size)
{
	m->data = data;
	m->size = size;
	m->count = 0;
	m->unknown_critical = 0;
	return header_parse(data, size, &m->header) &&
	       read_chain(m, m->header.next, reader_of(data + IKE_HEADER_SIZE, size - IKE_HEADER_SIZE), true);
}

bool payloads_parse(struct message *m, uint8_t first, const uint8_t *plain, size_t size)
{
	m->count = 0;
	m->unknown_critical = 0;
	return read_chain(m, first, reader_of(plain, size), false);
}

/* ---- finding ---- */

static const struct payload *find_from(const struct message *m, unsigned i, uint8_t type)
{
	for (; i < m->count; i++)
		if (m->payloads[i].type == type)
			return &m->payloads[i];
	return NULL;
}

const struct payload *message_find(const struct message *m, uint8_t type)
{
	return find_from(m, 0, type);
}

const struct payload *message_next(const struct message *m, const struct payload *after)
{
	return find_from(m, (unsigned)(after - m->payloads) + 1, after->type);
}

unsigned message_count(const struct message *m, uint8_t type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->count; i++)
		n += m->payloads[i].type == type;
	return n;
}

/* ---- notifies, section 3.10 ---- */

bool notify_parse(const struct payload *p, struct notify *n)
{
	struct reader r = reader_of(p->data, p->size);

	n->protocol = read_u8(&r);
	n->spi_size = read_u8(&r);
	n->type = read_u16(&r);
	n->spi = read_bytes(&r, n->spi_size);
	n->size = reader_left(&r);
	n->data = read_bytes(&r, n->size);
	return !r.bad;
}

bool message_notify(const struct message *m, uint16_t type, struct notify *out)
{
	struct notify n;

	for (const struct payload *p = message_find(m, PAYLOAD_NOTIFY); p; p = message_next(m, p)) {
		if (!notify_parse(p, &n) || n.type != type)
			continue;
		if (out)
			*out = n;
		return true;
	}
	return false;
}

bool notify_esp_spi(const struct notify *n, uint32_t *spi)
{
	struct reader r = reader_of(n->spi, n->spi_size);

	*spi = read_u32(&r);
	return n->protocol == PROTOCOL_ESP && !r.bad && !reader_left(&r);
}

uint16_t message_error(const struct message *m)
{
	struct notify n;

	for (const struct payload *p = message_find(m, PAYLOAD_NOTIFY); p; p = message_next(m, p))
		if (notify_parse(p, &n) && n.type <= NOTIFY_ERROR_MAX)
			return n.type;
	return 0;
}

/* ---- deletes, section 3.11 ---- */

static bool read_delete(const struct payload *p, bool *ike, void (*fn)(void *arg, uint32_t spi), void *arg)
{
	struct reader r = reader_of(p->data, p->size);
	const uint8_t protocol = read_u8(&r), spi_size = read_u8(&r);
	const uint16_t count = read_u16(&r);

	if (r.bad || reader_left(&r) != (size_t)spi_size * count)
		return false;
	if (protocol == PROTOCOL_IKE) {
		*ike = true;
		return true;
	}
	if (protocol != PROTOCOL_ESP || spi_size != 4)
		return protocol != PROTOCOL_ESP;
	for (unsigned i = 0; i < count; i++)
		fn(arg, read_u32(&r));
	return true;
}

bool message_deletes(const struct message *m, bool *ike, void (*fn)(void *arg, uint32_t spi), void *arg)
{
	for (const struct payload *p = message_find(m, PAYLOAD_DELETE); p; p = message_next(m, p))
		if (!read_delete(p, ike, fn, arg))
			return false;
	return true;
}

/* ---- names ---- */

struct name {
	uint16_t number;
	const char *text;
};
#define NAME(x) \
	{ \
		x, #x \
	}

static const struct name notify_names[] = {
	NAME(UNSUPPORTED_CRITICAL_PAYLOAD),
	NAME(INVALID_IKE_SPI),
	NAME(INVALID_MAJOR_VERSION),
	NAME(INVALID_SYNTAX),
	NAME(INVALID_MESSAGE_ID),
	NAME(INVALID_SPI),
	NAME(NO_PROPOSAL_CHOSEN),
	NAME(INVALID_KE_PAYLOAD),
	NAME(AUTHENTICATION_FAILED),
	NAME(SINGLE_PAIR_REQUIRED),
	NAME(NO_ADDITIONAL_SAS),
	NAME(INTERNAL_ADDRESS_FAILURE),
	NAME(FAILED_CP_REQUIRED),
	NAME(TS_UNACCEPTABLE),
	NAME(INVALID_SELECTORS),
	NAME(TEMPORARY_FAILURE),
	NAME(CHILD_SA_NOT_FOUND),
	NAME(TS_MAX_QUEUE),
	{NOT_AS_ASKED, "its answer is not valid"},
	NAME(INITIAL_CONTACT),
	NAME(COOKIE),
	NAME(USE_TRANSPORT_MODE),
	NAME(REKEY_SA),
};
static const struct name exchange_names[] = {
	{EXCHANGE_IKE_SA_INIT, "IKE_SA_INIT"},
	{EXCHANGE_IKE_AUTH, "IKE_AUTH"},
	{EXCHANGE_CREATE_CHILD_SA, "CREATE_CHILD_SA"},
	{EXCHANGE_INFORMATIONAL, "INFORMATIONAL"},
};

static const char *name_of(const struct name *names, size_t count, uint16_t number)
{
	static _Thread_local char text[8];

	for (size_t i = 0; i < count; i++)
		if (names[i].number == number)
			return names[i].text;
	snprintf(text, sizeof(text), "%u", number);
	return text;
}

const char *exchange_name(uint8_t exchange)
{
	return name_of(exchange_names, sizeof(exchange_names) / sizeof(exchange_names[0]), exchange);
}

const char *notify_name(uint16_t type)
{
	return name_of(notify_names, sizeof(notify_names) / sizeof(notify_names[0]), type);
}
