/* SPDX-License-Identifier: BSD-2-Clause */
#include "dn.h"

#include <errno.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static X509_NAME *name_of(const uint8_t *der, size_t size)
{
	return d2i_X509_NAME(NULL, &der, (long)size);
}

static char *trimmed(char *text)
{
	char *end;

	while (*text == ' ')
		text++;
	end = text + strlen(text);
	while (end > text && end[-1] == ' ')
		*--end = '\0';
	return text;
}

/* "CN=host": added to the name. */
static bool add_part(X509_NAME *name, char *part)
{
	char *value = strchr(part, '=');

	if (!value)
		return false;
	*value++ = '\0';
	return X509_NAME_add_entry_by_txt(name, trimmed(part), MBSTRING_UTF8, (unsigned char *)trimmed(value), -1, -1,
					  0) == 1;
}

/* NULL: it is none. */
static X509_NAME *parse(const char *text)
{
	const char *separators = text[0] == '/' ? "/" : ",";
	char *copy = strdup(text), *rest = copy, *part;
	X509_NAME *name = X509_NAME_new();
	bool ok = copy && name;

	while (ok && (part = strsep(&rest, separators)))
		if (*trimmed(part))
			ok = add_part(name, part);
	free(copy);
	if (ok && X509_NAME_entry_count(name) > 0)
		return name;
	X509_NAME_free(name);
	return NULL;
}

int dn_from_text(uint8_t *der, size_t room, const char *text, struct fault *f)
{
	X509_NAME *name = parse(text);
	uint8_t *made = NULL;
	int size = name ? i2d_X509_NAME(name, &made) : -1;

	X509_NAME_free(name);
	if (size <= 0 || (size_t)size > room) {
		OPENSSL_free(made);
		return fault(f, EINVAL, "'%.100s' is no distinguished name: CN=host, O=Example", text);
	}
	memcpy(der, made, (size_t)size);
	OPENSSL_free(made);
	return size;
}

/* What a terminal would obey: U+0080 to U+009F as UTF-8. The others are escaped by the library. */
static void hide_controls(char *text)
{
	for (uint8_t *at = (uint8_t *)text; *at; at++)
		if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f)
			at[0] = at[1] = '?';
}

bool dn_text(const uint8_t *der, size_t der_size, char *buf, size_t size)
{
	X509_NAME *name = name_of(der, der_size);
	BIO *bio = BIO_new(BIO_s_mem());
	int n = -1;

	if (name && bio &&
	    X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB & ~XN_FLAG_SPC_EQ) >= 0)
		n = BIO_read(bio, buf, (int)size - 1);
	if (n >= 0) {
		buf[n] = '\0';
		hide_controls(buf);
	}
	BIO_free(bio);
	X509_NAME_free(name);
	return n > 0;
}

bool dn_equal(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
	X509_NAME *first = name_of(a, a_size), *second = name_of(b, b_size);
	const bool equal = first && second && X509_NAME_cmp(first, second) == 0;

	X509_NAME_free(first);
	X509_NAME_free(second);
	return equal;
}

static bool part_matches(const X509_NAME_ENTRY *part, const X509_NAME_ENTRY *wanted)
{
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(wanted);
	X509_NAME *a = X509_NAME_new(), *b = X509_NAME_new();
	bool same = OBJ_cmp(X509_NAME_ENTRY_get_object(part), X509_NAME_ENTRY_get_object(wanted)) == 0;

	if (same && !(ASN1_STRING_length(value) == 1 && ASN1_STRING_get0_data(value)[0] == '*'))
		same = a && b && X509_NAME_add_entry(a, part, -1, 0) && X509_NAME_add_entry(b, wanted, -1, 0) &&
		       X509_NAME_cmp(a, b) == 0;
	X509_NAME_free(a);
	X509_NAME_free(b);
	return same;
}

bool dn_matches(const uint8_t *der, size_t size, const char *pattern)
{
	X509_NAME *name = name_of(der, size), *wanted = parse(pattern);
	bool same = name && wanted && X509_NAME_entry_count(name) == X509_NAME_entry_count(wanted);

	for (int i = 0; same && i < X509_NAME_entry_count(name); i++)
		same = part_matches(X509_NAME_get_entry(name, i), X509_NAME_get_entry(wanted, i));
	X509_NAME_free(name);
	X509_NAME_free(wanted);
	return same;
}
