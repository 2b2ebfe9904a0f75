/* SPDX-License-Identifier: BSD-2-Clause */
#include "pcapng.h"

#include <string.h>

#include "maps/layout.h"

enum block { SECTION = 0x0a0d0d0a, INTERFACE = 1, STATISTICS = 5, PACKET = 6 };

enum option {
	END = 0,
	COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_RESOLUTION = 9,
	INTERFACE_FILTER = 11,
	PACKET_FLAGS = 2,
	STATISTICS_START = 2,
	STATISTICS_END = 3,
	STATISTICS_RECEIVED = 4,
	STATISTICS_MISSED = 5,
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define LINK_ETHERNET	 1
#define NANOSECONDS	 9
/* A longer comment is cut. */
#define TEXT_MAX 1000
/* Behind a packet: two options and their end. */
#define BODY_MAX 4096

/* A block's body as it grows, but for a packet's own bytes. Every part of it is a multiple of 4. */
struct body {
	uint32_t size;
	uint8_t bytes[BODY_MAX];
};

static void add(struct body *b, const void *data, uint32_t size)
{
	const uint32_t padded = (size + 3) & ~3u;

	if (b->size + padded > sizeof(b->bytes))
		return;
	memset(b->bytes + b->size + padded - 4, 0, 4);
	memcpy(b->bytes + b->size, data, size);
	b->size += padded;
}

static void add32(struct body *b, uint32_t value)
{
	add(b, &value, sizeof(value));
}

static void add_time(struct body *b, uint64_t ns)
{
	add32(b, (uint32_t)(ns >> 32));
	add32(b, (uint32_t)ns);
}

static void add_option(struct body *b, enum option code, const void *value, uint32_t size)
{
	const uint16_t head[2] = {(uint16_t)code, (uint16_t)size};

	if (b->size + sizeof(head) + size + 3 > sizeof(b->bytes))
		return;
	add(b, head, sizeof(head));
	if (size)
		add(b, value, size);
}

static void add_text(struct body *b, enum option code, const char *text)
{
	if (text && *text)
		add_option(b, code, text, (uint32_t)strnlen(text, TEXT_MAX));
}

static void add_option_time(struct body *b, enum option code, uint64_t ns)
{
	const uint32_t halves[2] = {(uint32_t)(ns >> 32), (uint32_t)ns};

	add_option(b, code, halves, sizeof(halves));
}

static void put32(FILE *out, uint32_t value)
{
	fwrite(&value, sizeof(value), 1, out);
}

/* head, the packet's own bytes if there are any, tail. */
static void put_block(FILE *out, enum block type, const struct body *head, const void *data, uint32_t size,
		      const struct body *tail)
{
	static const uint8_t zeros[4];
	const uint32_t padding = -size & 3u;
	const uint32_t total = 12 + head->size + size + padding + tail->size;

	put32(out, type);
	put32(out, total);
	fwrite(head->bytes, 1, head->size, out);
	if (size)
		fwrite(data, 1, size, out);
	fwrite(zeros, 1, padding, out);
	fwrite(tail->bytes, 1, tail->size, out);
	put32(out, total);
}

static void put(FILE *out, enum block type, const struct body *body)
{
	static const struct body nothing;

	put_block(out, type, body, NULL, 0, &nothing);
}

static void put_interface(FILE *out, const struct pcapng_interface *interface, const char *filter)
{
	const uint8_t resolution = NANOSECONDS;
	struct body body = {0};
	char text[1 + TEXT_MAX];

	add32(&body, LINK_ETHERNET);
	add32(&body, 0); /* frames are cut by nobody's wish */
	add_text(&body, INTERFACE_NAME, interface->name);
	add_text(&body, INTERFACE_DESCRIPTION, interface->description);
	add_option(&body, INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
	if (filter) {
		/* 0 in front: a string for libpcap. */
		text[0] = '\0';
		snprintf(text + 1, TEXT_MAX, "%s", filter);
		add_option(&body, INTERFACE_FILTER, text, 1 + (uint32_t)strlen(text + 1));
	}
	add_option(&body, END, NULL, 0);
	put(out, INTERFACE, &body);
}

void pcapng_begin(FILE *out, const char *application, const struct pcapng_interface *interfaces, unsigned count,
		  const char *filter)
{
	const uint16_t version[2] = {1, 0};
	struct body body = {0};

	add32(&body, BYTE_ORDER_MAGIC);
	add(&body, version, sizeof(version));
	add32(&body, UINT32_MAX); /* how long the section is nobody knows */
	add32(&body, UINT32_MAX);
	add_text(&body, SECTION_APPLICATION, application);
	add_option(&body, END, NULL, 0);
	put(out, SECTION, &body);
	for (unsigned i = 0; i < count; i++)
		put_interface(out, &interfaces[i], filter);
}

static uint32_t flags_of(uint8_t direction)
{
	return direction == SA_INBOUND ? 1 : direction == SA_OUTBOUND ? 2 : 0;
}

void pcapng_write(FILE *out, const struct pcapng_packet *p)
{
	const uint32_t flags = flags_of(p->direction);
	struct body head = {0}, tail = {0};

	add32(&head, p->interface);
	add_time(&head, p->time_ns);
	add32(&head, p->caplen);
	add32(&head, p->len);
	add_text(&tail, COMMENT, p->comment);
	add_option(&tail, PACKET_FLAGS, &flags, sizeof(flags));
	add_option(&tail, END, NULL, 0);
	put_block(out, PACKET, &head, p->frame, p->caplen, &tail);
}

void pcapng_write_statistics(FILE *out, const struct pcapng_statistics *s)
{
	struct body body = {0};

	add32(&body, s->interface);
	add_time(&body, s->end_ns);
	add_option_time(&body, STATISTICS_START, s->start_ns);
	add_option_time(&body, STATISTICS_END, s->end_ns);
	add_option(&body, STATISTICS_RECEIVED, &s->received, sizeof(s->received));
	add_option(&body, STATISTICS_MISSED, &s->missed, sizeof(s->missed));
	add_option(&body, END, NULL, 0);
	put(out, STATISTICS, &body);
}
