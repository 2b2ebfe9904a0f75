/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "ike_certs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/ike_files.h"

struct cert_file {
	uint32_t id;
	char *text;
	bool sent; /* to the process that runs now */
	bool used; /* by the configuration that is being made */
};

struct cert_path {
	char name[FILE_NAME_MAX];
	unsigned place; /* in known */
};

/* ---- what is known ---- */

static bool has_text(const void *array, size_t place, const void *text)
{
	return strcmp(((const struct cert_file *)array)[place].text, text) == 0;
}

static bool is_path(const void *array, size_t place, const void *name)
{
	return strcmp(((const struct cert_path *)array)[place].name, name) == 0;
}

/* The text is theirs from here on, or freed. The place in known, or -ENOMEM. */
static int add(struct ike_certs *certs, char *text)
{
	struct cert_file *all = reallocarray(certs->known, certs->count + 1, sizeof(*all));

	if (all)
		certs->known = all;
	if (!all || key_index_add(&certs->contents, key_hash_text(text), certs->count)) {
		free(text);
		return -ENOMEM;
	}
	all[certs->count] = (struct cert_file){.id = ++certs->last, .text = text};
	return (int)certs->count++;
}

static int find_or_add(struct ike_certs *certs, char *text)
{
	const size_t place = key_index_find(&certs->contents, key_hash_text(text), has_text, certs->known, text);

	if (place == KEY_INDEX_NONE)
		return add(certs, text);
	free(text);
	return (int)place;
}

static void remember(struct ike_certs *certs, const char *name, unsigned place)
{
	struct cert_path *all = reallocarray(certs->paths, certs->path_count + 1, sizeof(*all));

	if (!all)
		return;
	certs->paths = all;
	snprintf(all[certs->path_count].name, sizeof(all->name), "%s", name);
	all[certs->path_count].place = place;
	/* Without memory for that it is read again. */
	if (key_index_add(&certs->path_names, key_hash_text(name), certs->path_count) == 0)
		certs->path_count++;
}

static void forget_paths(struct ike_certs *certs)
{
	free(certs->paths);
	certs->paths = NULL;
	certs->path_count = 0;
	key_index_clear(&certs->path_names);
}

/* ---- a configuration ---- */

void ike_certs_begin(struct ike_certs *certs)
{
	forget_paths(certs);
	for (unsigned i = 0; i < certs->count; i++)
		certs->known[i].used = false;
}

/* The place in known, or -errno. */
static int read_file(struct ike_certs *certs, const char *key, const char *config_path,
		     const struct connection_config *c, const char *file, struct fault *f)
{
	char *text;
	int place, err = ike_file_read(key, config_path, c, file, &text, f);

	if (err)
		return err;
	place = find_or_add(certs, text);
	if (place < 0)
		return fault(f, ENOMEM, "%s:%u: [connection %s]: %s", config_path, c->line, c->name, strerror(ENOMEM));
	remember(certs, file, (unsigned)place);
	return place;
}

int ike_certs_use(struct ike_certs *certs, const char *key, const char *config_path, const struct connection_config *c,
		  const char *file, uint32_t *id, struct fault *f)
{
	size_t path;
	int place;

	*id = 0;
	if (!file[0])
		return 0;
	path = key_index_find(&certs->path_names, key_hash_text(file), is_path, certs->paths, file);
	place = path == KEY_INDEX_NONE ? read_file(certs, key, config_path, c, file, f) : (int)certs->paths[path].place;
	if (place < 0)
		return place;
	certs->known[place].used = true;
	*id = certs->known[place].id;
	return 0;
}

const char *ike_certs_text(const struct ike_certs *certs, uint32_t id)
{
	size_t low = 0, high = certs->count;

	/* They are in the order of their numbers. */
	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (certs->known[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < certs->count && certs->known[low].id == id ? certs->known[low].text : NULL;
}

static bool add_file(cJSON *files, const struct cert_file *file)
{
	cJSON *o = cJSON_CreateObject();

	return json_append(files, o) && cJSON_AddNumberToObject(o, "id", file->id) &&
	       cJSON_AddStringToObject(o, "pem", file->text);
}

bool ike_certs_add(const struct ike_certs *certs, cJSON *document)
{
	cJSON *files = cJSON_AddArrayToObject(document, "files"),
	      *dropped = cJSON_AddArrayToObject(document, "dropped");
	bool all = files && dropped;

	for (unsigned i = 0; i < certs->count && all; i++) {
		const struct cert_file *file = &certs->known[i];

		if (file->used && !file->sent)
			all = add_file(files, file);
		else if (file->sent && !file->used)
			all = json_append(dropped, cJSON_CreateNumber(file->id));
	}
	return all;
}

void ike_certs_sent(struct ike_certs *certs)
{
	for (unsigned i = 0; i < certs->count; i++)
		certs->known[i].sent |= certs->known[i].used;
}

void ike_certs_taken(struct ike_certs *certs)
{
	unsigned kept = 0;

	key_index_clear(&certs->contents);
	forget_paths(certs);
	for (unsigned i = 0; i < certs->count; i++) {
		struct cert_file *file = &certs->known[i];

		if (!file->used) {
			free(file->text);
			continue;
		}
		/* Without memory for that, the same content gets another number the next time. */
		key_index_add(&certs->contents, key_hash_text(file->text), kept);
		certs->known[kept++] = *file;
	}
	certs->count = kept;
}

/* ---- life ---- */

void ike_certs_lost(struct ike_certs *certs)
{
	for (unsigned i = 0; i < certs->count; i++)
		certs->known[i].sent = false;
}

void ike_certs_free(struct ike_certs *certs)
{
	for (unsigned i = 0; i < certs->count; i++)
		free(certs->known[i].text);
	free(certs->known);
	key_index_clear(&certs->contents);
	forget_paths(certs);
	*certs = (struct ike_certs){0};
}
