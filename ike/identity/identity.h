/* SPDX-License-Identifier: BSD-2-Clause */
/* Identities, RFC 7296 section 3.5 and RFC 4301 section 4.4.3: as text, on the wire, and as patterns. */
#ifndef IKE_IDENTITY_IDENTITY_H
#define IKE_IDENTITY_IDENTITY_H

#include <stdbool.h>

#include "lib/fault.h"
#include "wire/message.h"

#define IDENTITY_MAX  512
#define IDENTITY_TEXT 600

struct identity {
	uint8_t type; /* enum id_type; 0: none */
	uint16_t size;
	uint8_t data[IDENTITY_MAX];
};

/* "192.0.2.1", "host.example", "ops@host.example", "CN=host, O=Example" (RFC 4514 or OpenSSL's /CN= form),
 * "keyid:branch 7", "keyid:0x00ff". 0 or -EINVAL. */
int identity_from_text(struct identity *id, const char *text, struct fault *f);

/* From the body of an IDi or IDr payload. False if it is not well-formed, too long, or of a type we can't name. */
bool identity_parse(const struct payload *p, struct identity *id);

/* The body of IDi or IDr: type, three zeros, data. At most IDENTITY_BODY_MAX bytes. */
#define IDENTITY_BODY_MAX (4 + IDENTITY_MAX)
void identity_write(struct writer *w, const struct identity *id);

/* For people: printable whatever the peer sent. Two key IDs have two texts. */
void identity_text(const struct identity *id, char *buf, size_t size);

bool identity_equal(const struct identity *a, const struct identity *b);

/*
 * Whether the identity is what `remote-id` allows: pattern is as the file has it. "*" allows anything; "*.core.example"
 * an FQDN with one or more labels in front; "*@core.example" an email; else it is the one identity (DNS names and email
 * domains without regard to case; DNs by their parts, where "CN=*" allows any value of that part).
 */
bool identity_matches(const struct identity *id, const char *pattern);

#endif
