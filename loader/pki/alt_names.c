/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "alt_names.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DNS_NAME_MAX 253
#define LABEL_MAX    63

/* ---- in ---- */

/* RFC 1123 section 2.1, and the '_' that people have in names all the same. */
static bool is_host_name(const char *name)
{
	const size_t size = strlen(name);

	if (size == 0 || size > DNS_NAME_MAX)
		return false;
	for (;;) {
		const size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

		if (n == 0 || n > LABEL_MAX || name[0] == '-' || name[n - 1] == '-')
			return false;
		if (!name[n])
			return true;
		if (name[n] != '.')
			return false;
		name += n + 1;
	}
}

static bool is_email(const char *name)
{
	const char *at = strchr(name, '@');

	if (!at || at == name || at - name > 64)
		return false;
	for (const char *c = name; c < at; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.+", *c))
			return false;
	return is_host_name(at + 1);
}

/* "192.0.2" is a mistyped address, and no host name: no top-level domain is a number. */
static bool ends_in_number(const char *name)
{
	const char *last = strrchr(name, '.');

	last = last ? last + 1 : name;
	return last[strspn(last, "0123456789")] == '\0';
}

static int refuse(const char *name, struct fault *f)
{
	if (strchr(name, '='))
		return fault(f, EINVAL,
			     "'%.60s' is a distinguished name: give the host's name, and the certificate's subject is "
			     "'CN=' and that",
			     name);
	if (strchr(name, '*'))
		return fault(f, EINVAL, "'%.60s': a host's certificate has its own name; patterns are for 'remote-id'",
			     name);
	return fault(f, EINVAL, "'%.60s' is no host name, IPv4 address or email address%s", name,
		     strchr(name, ':') ? ": IPv6 is not supported" : "");
}

/* GEN_IPADD, or the text of the others. */
static GENERAL_NAME *general_name(int type, const void *data, size_t size)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

	if (name && value && ASN1_STRING_set(value, data, (int)size)) {
		GENERAL_NAME_set0_value(name, type, value);
		return name;
	}
	GENERAL_NAME_free(name);
	ASN1_STRING_free(value);
	return NULL;
}

static int add(GENERAL_NAMES *names, const char *text, struct fault *f)
{
	struct in_addr addr;
	GENERAL_NAME *name;

	if (inet_pton(AF_INET, text, &addr) == 1)
		name = general_name(GEN_IPADD, &addr, sizeof(addr));
	else if (is_email(text))
		name = general_name(GEN_EMAIL, text, strlen(text));
	else if (is_host_name(text) && !ends_in_number(text))
		name = general_name(GEN_DNS, text, strlen(text));
	else
		return refuse(text, f);
	if (name && sk_GENERAL_NAME_push(names, name))
		return 0;
	GENERAL_NAME_free(name);
	return fault(f, ENOMEM, "%s", strerror(ENOMEM));
}

GENERAL_NAMES *alt_names_parse(const char *text, char first[FIRST_NAME_MAX + 1], struct fault *f)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	char copy[NAMES_TEXT_MAX], *rest = copy, *name;
	int err = names ? 0 : fault(f, ENOMEM, "%s", strerror(ENOMEM));

	if (!err && snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		err = fault(f, EINVAL, "the names are longer than %zu characters together", sizeof(copy) - 1);
	first[0] = '\0';
	while (!err && (name = strsep(&rest, ","))) {
		err = add(names, name, f);
		if (!err && !first[0] && snprintf(first, FIRST_NAME_MAX + 1, "%s", name) > FIRST_NAME_MAX)
			err = fault(f, EINVAL, "'%.80s' is longer than %d characters: give a shorter name first", name,
				    FIRST_NAME_MAX);
	}
	if (!err)
		return names;
	GENERAL_NAMES_free(names);
	return NULL;
}

/* ---- out ---- */

static void name_text(const GENERAL_NAME *name, char *buf, size_t size)
{
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, NULL);
	const unsigned char *data = ASN1_STRING_get0_data(value);
	const int n = ASN1_STRING_length(value);

	if (name->type == GEN_IPADD) {
		if (n != 4 || !inet_ntop(AF_INET, data, buf, (socklen_t)size))
			snprintf(buf, size, "?");
		return;
	}
	snprintf(buf, size, "%.*s", n, data);
	for (char *c = buf; *c; c++)
		*c = isprint((unsigned char)*c) ? *c : '?';
}

void alt_names_text(const GENERAL_NAMES *names, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && used < size; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		char text[DNS_NAME_MAX + 1];

		if (name->type != GEN_IPADD && name->type != GEN_DNS && name->type != GEN_EMAIL)
			continue;
		name_text(name, text, sizeof(text));
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "", text);
	}
}
