/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "ike_known.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct known_connection {
	char name[CONNECTION_NAME_MAX];
	uint8_t digest[KNOWN_DIGEST];
};

/* As bytes, of which each is said: structs that are copied whole may have others between their fields. */
struct said {
	struct connection_config connection;
	struct ike_numbers numbers;
	struct selector protects[PROTECTS_MAX];
	uint8_t either_end[PROTECTS_MAX];
};

int ike_known_digest(const struct connection_config *c, const struct ike_numbers *numbers, uint8_t digest[KNOWN_DIGEST])
{
	struct said said;

	memset(&said, 0, sizeof(said));
	memcpy(&said.connection, c, sizeof(*c));
	said.connection.line = 0;
	memset(said.connection.protects, 0, sizeof(said.connection.protects));
	memcpy(&said.numbers, numbers, sizeof(*numbers));
	for (unsigned i = 0; i < c->protect_count; i++) {
		said.protects[i] = c->protects[i].sel;
		said.either_end[i] = c->protects[i].either_end;
	}
	return EVP_Digest(&said, sizeof(said), digest, NULL, EVP_sha256(), NULL) ? 0 : -ENOMEM;
}

static bool is_name(const void *array, size_t place, const void *name)
{
	return strcmp(((const struct known_connection *)array)[place].name, name) == 0;
}

bool ike_known_has(const struct ike_known *known, const char *name, const uint8_t digest[KNOWN_DIGEST])
{
	const size_t place = key_index_find(&known->names, key_hash_text(name), is_name, known->all, name);

	return place != KEY_INDEX_NONE && memcmp(known->all[place].digest, digest, KNOWN_DIGEST) == 0;
}

int ike_known_add(struct ike_known *known, const char *name, const uint8_t digest[KNOWN_DIGEST])
{
	struct known_connection *all = known->all;

	if (known->count == known->room) {
		const unsigned room = known->room ? 2 * known->room : 64;

		all = reallocarray(known->all, room, sizeof(*all));
		if (!all)
			return -ENOMEM;
		known->all = all;
		known->room = room;
	}
	snprintf(all[known->count].name, sizeof(all->name), "%s", name);
	memcpy(all[known->count].digest, digest, KNOWN_DIGEST);
	return key_index_add(&known->names, key_hash_text(name), known->count++);
}

void ike_known_free(struct ike_known *known)
{
	free(known->all);
	key_index_clear(&known->names);
	*known = (struct ike_known){0};
}
