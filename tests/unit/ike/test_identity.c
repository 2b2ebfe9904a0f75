/* SPDX-License-Identifier: BSD-2-Clause */
/* Identities and distinguished names: from text, off the wire, as patterns. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "identity/dn.h"
#include "identity/identity.h"

static struct identity id_of(const char *text)
{
	struct identity id = {0};

	assert_int_equal(identity_from_text(&id, text, NULL), 0);
	return id;
}

static struct identity raw(uint8_t type, const void *data, size_t size)
{
	struct identity id = {.type = type, .size = (uint16_t)size};

	memcpy(id.data, data, size);
	return id;
}

static void assert_text(const struct identity *id, const char *wanted)
{
	char text[IDENTITY_TEXT];

	identity_text(id, text, sizeof(text));
	assert_string_equal(text, wanted);
}

/* ---- text ---- */

static void text_tells_the_type(void **state)
{
	static const struct {
		const char *text;
		uint8_t type;
		const char *shown; /* NULL: the same */
	} all[] = {{"192.0.2.1", ID_IPV4_ADDR, NULL},
		   {"host.example", ID_FQDN, NULL},
		   {"localhost", ID_FQDN, NULL},
		   {"192.0.2.256", ID_FQDN, NULL},
		   {"ops+ike@host.example", ID_RFC822_ADDR, NULL},
		   {"/O = Example/CN=host", ID_DER_ASN1_DN, "O=Example, CN=host"},
		   {"CN=host, O=Example", ID_DER_ASN1_DN, NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct identity id = id_of(all[i].text);

		assert_int_equal(id.type, all[i].type);
		assert_text(&id, all[i].shown ? all[i].shown : all[i].text);
	}
}

static void what_is_none_is_named(void **state)
{
	static const char *const bad[] = {"",  "a b", "host/x",	  "*.example", "*", "h\xc3\xb6st",
					  "=", "=x",  "NOSUCH=x", "CN=a,b"};
	char name[300];
	struct identity id;
	struct fault f;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(identity_from_text(&id, bad[i], &f), -EINVAL);
		assert_non_null(strstr(f.text, bad[i]));
	}
	memset(name, 'a', 256);
	name[256] = '\0';
	assert_int_equal(identity_from_text(&id, name, &f), -EINVAL);
	name[255] = '\0';
	assert_int_equal(identity_from_text(&id, name, &f), 0);
}

/* ---- on the wire ---- */

static bool parse(const void *data, size_t size, struct identity *id)
{
	/* A copy of its own, so that a byte too many is seen. */
	uint8_t *copy = malloc(size ? size : 1);
	const struct payload p = {.data = copy, .size = size};
	bool ok;

	memcpy(copy, data, size);
	ok = identity_parse(&p, id);
	free(copy);
	return ok;
}

static void written_is_read(void **state)
{
	static const char *const texts[] = {"192.0.2.1", "host.example", "ops@host.example", "CN=host"};
	uint8_t body[IDENTITY_BODY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct writer w = {.data = body, .room = sizeof(body)};
		const struct identity id = id_of(texts[i]);
		struct identity got;

		identity_write(&w, &id);
		assert_true(parse(body, w.size, &got));
		assert_int_equal(got.type, id.type);
		assert_true(identity_equal(&id, &got));
	}
}

static void sizes_and_types_must_fit(void **state)
{
	static uint8_t large[4 + IDENTITY_MAX + 1] = {ID_FQDN};
	struct identity id;

	(void)state;
	for (size_t size = 0; size <= 4; size++)
		assert_false(parse("\2\0\0\0", size, &id));
	assert_true(parse("\2\0\0\0a", 5, &id));
	/* An address of 3, of 5; IPv6, none, what is not known. */
	assert_false(parse("\1\0\0\0abc", 7, &id));
	assert_true(parse("\1\0\0\0abcd", 8, &id));
	assert_false(parse("\1\0\0\0abcde", 9, &id));
	assert_false(parse("\5\0\0\0aaaaaaaaaaaaaaaa", 20, &id));
	assert_false(parse("\0\0\0\0a", 5, &id));
	assert_false(parse("\xff\0\0\0a", 5, &id));
	assert_true(parse("\x0b\0\0\0key", 7, &id));
	assert_true(parse(large, sizeof(large) - 1, &id));
	assert_false(parse(large, sizeof(large), &id));
}

/* Whatever a peer says it is, the log stays one line of text. */
static void text_is_printable(void **state)
{
	struct identity id = raw(ID_FQDN, "a\n\x1b[31m\0b", 9);
	char text[8];

	(void)state;
	assert_text(&id, "a??[31m?b");
	identity_text(&id, text, sizeof(text));
	assert_string_equal(text, "a??[31m");
	id = raw(ID_DER_ASN1_DN, "no DER\n", 7);
	assert_text(&id, "no DER?");
}

/* ---- comparing ---- */

static void equal_is_by_type(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		bool equal;
	} all[] = {
		{"Host.Example", "host.example", true},
		{"host.example", "host.example.", false},
		{"host.example", "xhost.example", false},
		{"ops@Host.Example", "ops@host.example", true},
		{"Ops@host.example", "ops@host.example", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"CN=Host, O=Example", "/CN=host/O=example", true},
		{"CN=host, O=Example", "O=Example, CN=host", false},
		{"CN=host", "CN=host, O=Example", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct identity a = id_of(all[i].a), b = id_of(all[i].b);

		assert_int_equal(identity_equal(&a, &b), all[i].equal);
		assert_int_equal(identity_equal(&b, &a), all[i].equal);
	}
	{
		/* The same bytes, as something else. */
		const struct identity name = raw(ID_FQDN, "abcd", 4), addr = raw(ID_IPV4_ADDR, "abcd", 4),
				      email = raw(ID_RFC822_ADDR, "abcd", 4), broken = raw(ID_DER_ASN1_DN, "abcd", 4);

		assert_false(identity_equal(&name, &addr));
		assert_false(identity_equal(&name, &email));
		assert_false(identity_equal(&broken, &broken));
	}
}

static void patterns_allow_what_they_say(void **state)
{
	static const struct {
		const char *pattern;
		const char *id;
		bool matches;
	} all[] = {
		{"*", "host.example", true},
		{"*", "CN=x", true},
		{"host.example", "HOST.example", true},
		{"host.example", "host.example.org", false},
		{"*.core.example", "a.core.example", true},
		{"*.core.example", "a.b.CORE.example", true},
		{"*.core.example", "core.example", false},
		{"*.core.example", "acore.example", false},
		{"*.core.example", "a.core.example.org", false},
		{"*.core.example", "x@a.core.example", false},
		{"*@core.example", "ops@core.example", true},
		{"*@core.example", "ops@a.core.example", false},
		{"*@core.example", "core.example", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.11", false},
		{"CN=*, O=Example", "CN=anybody, O=example", true},
		{"CN=*, O=Example", "CN=anybody, O=Another", false},
		{"CN=*, O=Example", "CN=anybody", false},
		{"CN=*, O=Example", "CN=a, O=Example, OU=more", false},
		{"CN=*", "OU=a", false},
		{"CN=*", "host.example", false},
		{"keyid:branch 7", "keyid:branch 7", true},
		{"keyid:branch 7", "keyid:branch 8", false},
		{"keyid:branch 7", "keyid:BRANCH 7", false},
		{"keyid:CN=x", "keyid:CN=x", true},
		{"keyid:CN=x", "CN=x", false},
		{"keyid:0x00ff", "keyid:0x00FF", true},
		{"keyid:0x00ff", "keyid:0x00", false},
		{"keyid:host.example", "host.example", false},
		{"host.example", "keyid:host.example", false},
		{"*", "keyid:0x00ff", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct identity id = id_of(all[i].id);

		assert_int_equal(identity_matches(&id, all[i].pattern), all[i].matches);
	}
}

/* Names as a certificate's CA would not look at them. */
static void patterns_are_not_fooled(void **state)
{
	struct identity id = raw(ID_FQDN, "evil.org\0.core.example", 22), other;

	(void)state;
	assert_false(identity_matches(&id, "*.core.example"));
	id = raw(ID_FQDN, ".core.example", 13);
	assert_false(identity_matches(&id, "*.core.example"));
	id = raw(ID_FQDN, "..core.example", 14);
	assert_false(identity_matches(&id, "*.core.example"));
	id = raw(ID_RFC822_ADDR, "@core.example", 13);
	assert_false(identity_matches(&id, "*@core.example"));
	id = raw(ID_DER_ASN1_DN, "garbage", 7);
	assert_false(identity_matches(&id, "CN=*"));
	id = raw(ID_FQDN, "a.core.example\0x", 16);
	other = raw(ID_FQDN, "a.core.example\0y", 16);
	assert_false(identity_equal(&id, &other));
	id = raw(ID_KEY_ID, "a.core.example", 14);
	assert_false(identity_matches(&id, "*.core.example"));
	assert_false(identity_matches(&id, "a.core.example"));
}

/* ---- key IDs ---- */

static void key_id_is_read_back(void **state)
{
	static const struct {
		const char *text, *shown;
	} all[] = {{"keyid:branch 7", "keyid:branch 7"},
		   {"keyid:0x6272", "keyid:br"},
		   {"keyid:0x00ff", "keyid:0x00ff"},
		   {"keyid:0x3078", "keyid:0x3078"}};
	char longest[6 + 2 + 2 * 255 + 1] = "keyid:0x", text[IDENTITY_TEXT];
	struct identity id;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		id = id_of(all[i].text);
		assert_int_equal(id.type, ID_KEY_ID);
		identity_text(&id, text, sizeof(text));
		assert_string_equal(text, all[i].shown);
	}
	memset(longest + 8, 'f', 2 * 255);
	id = id_of(longest);
	assert_int_equal(id.size, 255);
	identity_text(&id, text, sizeof(text));
	assert_string_equal(text, longest);
}

static void what_is_no_key_id_is_refused(void **state)
{
	static const char *const bad[] = {"keyid:", "keyid:0x", "keyid:0x0", "keyid:0x0g", "keyid:0xx0"};
	char longer[6 + 256 + 1] = "keyid:";
	struct identity id;
	struct fault f;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(identity_from_text(&id, bad[i], &f), -EINVAL);
		assert_non_null(strstr(f.text, "is no key ID"));
	}
	memset(longer + 6, 'x', 256);
	assert_int_equal(identity_from_text(&id, longer, &f), -EINVAL);
}

/* ---- distinguished names ---- */

static void dn_text_is_read_back(void **state)
{
	static const char *const texts[] = {"C=DE, O=Example GmbH, CN=host.example", "CN=a", "/C=DE/O=Example/CN=host"};
	char text[IDENTITY_TEXT];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct identity id = id_of(texts[i]);
		struct identity again;

		assert_true(dn_text(id.data, id.size, text, sizeof(text)));
		again = id_of(text);
		assert_true(dn_equal(id.data, id.size, again.data, again.size));
	}
}

/* Letters of all languages are as they are; what would move a terminal's cursor is not (CSI as one character). */
static void dn_text_has_no_controls(void **state)
{
	struct identity id = id_of("CN=J\xc3\xbcrgen \xc2\x9b"
				   "2J\xc2\xa0");
	char text[IDENTITY_TEXT];

	(void)state;
	assert_true(dn_text(id.data, id.size, text, sizeof(text)));
	assert_string_equal(text, "CN=J\xc3\xbcrgen ??2J\xc2\xa0");
}

static void dn_of_too_many_bytes_is_refused(void **state)
{
	char text[1200] = "";
	struct identity id;
	struct fault f;

	(void)state;
	for (int i = 0; i < 20; i++)
		strcat(text, "O=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,");
	assert_int_equal(identity_from_text(&id, text, &f), -EINVAL);
	assert_true(strlen(f.text) < 300);
}

static void dn_text_is_cut_to_its_room(void **state)
{
	const struct identity id = id_of("CN=aaaaaaaaaaaaaaaaaaaaaaaa");
	char text[11];

	(void)state;
	text[10] = 'x';
	identity_text(&id, text, 10);
	assert_int_equal(strlen(text), 9);
	assert_int_equal(text[10], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_tells_the_type),
		cmocka_unit_test(what_is_none_is_named),
		cmocka_unit_test(written_is_read),
		cmocka_unit_test(sizes_and_types_must_fit),
		cmocka_unit_test(text_is_printable),
		cmocka_unit_test(equal_is_by_type),
		cmocka_unit_test(patterns_allow_what_they_say),
		cmocka_unit_test(patterns_are_not_fooled),
		cmocka_unit_test(key_id_is_read_back),
		cmocka_unit_test(what_is_no_key_id_is_refused),
		cmocka_unit_test(dn_text_is_read_back),
		cmocka_unit_test(dn_text_has_no_controls),
		cmocka_unit_test(dn_of_too_many_bytes_is_refused),
		cmocka_unit_test(dn_text_is_cut_to_its_room),
	};

	return cmocka_run_group_tests_name("IKE identities", tests, NULL, NULL);
}
