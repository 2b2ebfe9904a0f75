/* SPDX-License-Identifier: BSD-2-Clause */
#include "identity.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dn.h"

static void set(struct identity *id, uint8_t type, const void *data, size_t size)
{
	id->type = type;
	id->size = (uint16_t)size;
	memcpy(id->data, data, size);
}

/* Bytes that mean something to the two ends alone (ID_KEY_ID): as text, or in hex. */
#define KEY_ID	   "keyid:"
#define KEY_ID_MAX 255

static bool is_key_id_text(const char *text)
{
	return strncmp(text, KEY_ID, strlen(KEY_ID)) == 0;
}

static bool read_hex(struct identity *id, const char *text)
{
	for (id->size = 0; *text; text += 2) {
		const char pair[3] = {text[0], text[1], '\0'};

		if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]) || id->size == KEY_ID_MAX)
			return false;
		id->data[id->size++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return id->size > 0;
}

static int set_key_id(struct identity *id, const char *text, struct fault *f)
{
	const size_t size = strlen(text);
	const bool hex = strncmp(text, "0x", 2) == 0;

	if (hex ? !read_hex(id, text + 2) : !size || size > KEY_ID_MAX)
		return fault(f, EINVAL,
			     "'" KEY_ID
			     "%.60s' is no key ID: 1 to 255 characters, or 0x and as many pairs of hex digits",
			     text);
	if (hex)
		id->type = ID_KEY_ID;
	else
		set(id, ID_KEY_ID, text, size);
	return 0;
}

static bool is_name_text(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-_.@+", *text))
			return false;
	return true;
}

static int set_dn(struct identity *id, const char *text, struct fault *f)
{
	const int size = dn_from_text(id->data, sizeof(id->data), text, f);

	if (size < 0)
		return size;
	id->type = ID_DER_ASN1_DN;
	id->size = (uint16_t)size;
	return 0;
}

int identity_from_text(struct identity *id, const char *text, struct fault *f)
{
	const size_t size = strlen(text);
	struct in_addr addr;

	if (is_key_id_text(text))
		return set_key_id(id, text + strlen(KEY_ID), f);
	if (strchr(text, '='))
		return set_dn(id, text, f);
	if (inet_pton(AF_INET, text, &addr) == 1)
		set(id, ID_IPV4_ADDR, &addr, 4);
	else if (size == 0 || size > 255 || !is_name_text(text))
		return fault(f, EINVAL,
			     "'%.60s' is no identity: an IPv4 address, a host name, an email address, a DN (CN=...) or "
			     "keyid:NAME",
			     text);
	else
		set(id, strchr(text, '@') ? ID_RFC822_ADDR : ID_FQDN, text, size);
	return 0;
}

bool identity_parse(const struct payload *p, struct identity *id)
{
	struct reader r = reader_of(p->data, p->size);
	const uint8_t type = read_u8(&r);
	size_t size;

	read_bytes(&r, 3);
	size = reader_left(&r);
	if (r.bad || size == 0 || size > (type == ID_KEY_ID ? KEY_ID_MAX : IDENTITY_MAX))
		return false;
	if (type == ID_IPV4_ADDR
		    ? size != 4
		    : type != ID_FQDN && type != ID_RFC822_ADDR && type != ID_DER_ASN1_DN && type != ID_KEY_ID)
		return false;
	set(id, type, r.at, size);
	return true;
}

void identity_write(struct writer *w, const struct identity *id)
{
	write_u32(w, (uint32_t)id->type << 24);
	write_bytes(w, id->data, id->size);
}

/* Bytes off the wire: what is not printable becomes '?'. */
static void printable(const struct identity *id, char *buf, size_t size)
{
	size_t i;

	for (i = 0; i < id->size && i + 1 < size; i++)
		buf[i] = isprint(id->data[i]) ? (char)id->data[i] : '?';
	buf[i] = '\0';
}

/* As it is read back: text, unless that could be taken for hex, or not be read at all. */
static void key_id_text(const struct identity *id, char *buf, size_t size)
{
	bool plain = id->size < 2 || memcmp(id->data, "0x", 2) != 0;
	size_t at;

	for (size_t i = 0; i < id->size; i++)
		plain &= isprint(id->data[i]) != 0;
	at = (size_t)snprintf(buf, size, plain ? KEY_ID : KEY_ID "0x");
	for (size_t i = 0; i < id->size && at < size; i++)
		at += (size_t)snprintf(buf + at, size - at, plain ? "%c" : "%02x", id->data[i]);
}

void identity_text(const struct identity *id, char *buf, size_t size)
{
	if (id->type == ID_KEY_ID)
		key_id_text(id, buf, size);
	else if (id->type == ID_IPV4_ADDR)
		inet_ntop(AF_INET, id->data, buf, (socklen_t)size);
	else if (id->type != ID_DER_ASN1_DN || !dn_text(id->data, id->size, buf, size))
		printable(id, buf, size);
}

/* No name has a zero in it, and strncasecmp() does not look behind one. */
static bool same_bytes_nocase(const struct identity *a, const struct identity *b)
{
	return a->size == b->size && !memchr(a->data, 0, a->size) &&
	       strncasecmp((const char *)a->data, (const char *)b->data, a->size) == 0;
}

/* Of an email address the domain is a DNS name, and the local part is its owner's affair (RFC 5321 section 2.4). */
static bool same_email(const struct identity *a, const struct identity *b)
{
	const uint8_t *at = memchr(a->data, '@', a->size);
	const size_t local = at ? (size_t)(at - a->data) : a->size;

	return same_bytes_nocase(a, b) && memcmp(a->data, b->data, local) == 0;
}

bool identity_equal(const struct identity *a, const struct identity *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == ID_FQDN)
		return same_bytes_nocase(a, b);
	if (a->type == ID_RFC822_ADDR)
		return same_email(a, b);
	if (a->type == ID_DER_ASN1_DN)
		return dn_equal(a->data, a->size, b->data, b->size);
	return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* "*.example", "*@example": what follows the star is the end, and something stands in front of it. */
static bool ends_with(const struct identity *id, const char *end)
{
	const size_t n = strlen(end);

	return id->size > n && strncasecmp((const char *)id->data + id->size - n, end, n) == 0 && id->data[0] != '.' &&
	       !memchr(id->data, 0, id->size);
}

bool identity_matches(const struct identity *id, const char *pattern)
{
	struct identity wanted;

	if (strcmp(pattern, "*") == 0)
		return true;
	if (strncmp(pattern, "*.", 2) == 0)
		return id->type == ID_FQDN && ends_with(id, pattern + 1);
	if (strncmp(pattern, "*@", 2) == 0)
		return id->type == ID_RFC822_ADDR && ends_with(id, pattern + 1);
	if (!is_key_id_text(pattern) && strchr(pattern, '='))
		return id->type == ID_DER_ASN1_DN && dn_matches(id->data, id->size, pattern);
	return identity_from_text(&wanted, pattern, NULL) == 0 && identity_equal(id, &wanted);
}
