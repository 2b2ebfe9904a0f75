/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Identities: off the wire, as text, against the pattern of a file. What must hold: what is shown of one is printable,
 * whatever is in it; what is equal is so both ways; a text reads as it is shown.
 */
#include <string.h>

#include "fuzz.h"
#include "identity/dn.h"
#include "identity/identity.h"

static void check_text(const struct identity *id)
{
	char text[IDENTITY_TEXT];

	identity_text(id, text, sizeof(text));
	require(strlen(text) < sizeof(text));
	for (const char *at = text; *at; at++)
		require((uint8_t)*at >= ' ' && *at != 0x7f);
}

static void check_equal(const struct identity *a, const struct identity *b)
{
	require(identity_equal(a, b) == identity_equal(b, a));
	if (a->type != ID_DER_ASN1_DN && a->type != ID_FQDN && a->type != ID_RFC822_ADDR)
		require(identity_equal(a, a));
}

/* What the file calls by a name is what that name allows. */
static void check_own(const struct identity *id, const char *text)
{
	if (strchr(text, '*') && strchr(text, '='))
		return;
	require(text[0] == '*' || identity_matches(id, text));
}

/* part: body of an ID payload; part: text, or pattern */
static void run(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	struct payload p = {.type = PAYLOAD_IDI};
	uint8_t *body = input_part(&in, false, &p.size);
	size_t text_size;
	char *text = (char *)input_part(&in, true, &text_size);
	struct identity parsed, named;
	struct fault f;

	p.data = body;
	if (identity_from_text(&named, text, &f) == 0) {
		check_text(&named);
		check_own(&named, text);
		check_equal(&named, &named);
	}
	if (identity_parse(&p, &parsed)) {
		check_text(&parsed);
		identity_matches(&parsed, text);
		if (identity_from_text(&named, text, &f) == 0)
			check_equal(&parsed, &named);
	}
	free(body);
	free(text);
}

static void seed_pair(uint8_t type, const void *data, size_t size, const char *text)
{
	struct seed s = {0};

	seed_u16(&s, (unsigned)size + 4);
	seed_u8(&s, type);
	seed_bytes(&s, "\0\0\0", 3);
	seed_bytes(&s, data, size);
	seed_part(&s, text, strlen(text));
	fuzz_seed(s.data, s.size);
}

static void seeds(void)
{
	static const char *const names[] = {"host.example",
					    "ops@host.example",
					    "192.0.2.1",
					    "CN=host, O=Example",
					    "*.example",
					    "*@host.example",
					    "CN=*, O=Example",
					    "/CN=host/O=Example",
					    "*",
					    "ops@HOST.example",
					    "-",
					    "C=DE, CN=h\xc3\xb6"};
	struct identity id;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		seed_pair(ID_KEY_ID, "key", 3, names[i]);
		if (identity_from_text(&id, names[i], NULL))
			continue;
		seed_pair(id.type, id.data, id.size, names[i]);
		seed_pair(id.type, id.data, id.size, names[(i + 4) % 8]);
	}
}

FUZZER(.name = "identity", .run = run, .seeds = seeds)
