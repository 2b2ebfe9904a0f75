/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "ike_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/ike_files.h"
#include "lib/channel.h"

/* A secret's file as it was when it got its number. */
struct ike_key {
	uint32_t id;
	char kind[8];
	dev_t dev;
	ino_t ino;
	struct timespec changed;
	bool given; /* to the key holder that runs now */
	bool used;  /* by the configuration that is being made */
	char note[160];
};

struct ike_pair {
	uint32_t private_key;
	uint32_t cert;
};

/* ---- questions ---- */

/* 0; 1 with a note in f; -errno. */
static int ask(struct ike_keys *keys, cJSON *message, int fd, struct fault *f)
{
	int unused = -1, err = keys->hung ? -ETIMEDOUT : channel_wait(keys->socket, CHANNEL_WRITABLE, IKE_ANSWER_MS);

	if (!err)
		err = channel_send(keys->socket, message, fd);
	cJSON_Delete(message);
	message = NULL;
	if (!err)
		err = channel_wait(keys->socket, CHANNEL_READABLE, IKE_ANSWER_MS);
	keys->hung |= err == -ETIMEDOUT;
	if (!err)
		err = channel_receive(keys->socket, &message, &unused);
	if (err)
		return fault(f, -err, "the key holder does not answer: %s", strerror(-err));
	if (json_text(message, "error"))
		err = fault(f, EINVAL, "%s", json_text(message, "error"));
	else if (json_text(message, "note"))
		err = fault(f, EINVAL, "%s", json_text(message, "note")) ? 1 : 0;
	cJSON_Delete(message);
	if (unused >= 0)
		close(unused);
	return err;
}

static cJSON *command_on_key(const char *command, uint32_t id)
{
	cJSON *message = json_command(command);

	cJSON_AddNumberToObject(message, "id", id);
	return message;
}

/* ---- numbers ---- */

static bool is_key(const void *array, size_t place, const void *key)
{
	const struct ike_key *a = &((const struct ike_key *)array)[place], *b = key;

	return strcmp(a->kind, b->kind) == 0 && a->dev == b->dev && a->ino == b->ino &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static uint64_t hash_of(const struct ike_key *k)
{
	return key_hash(&k->ino, sizeof(k->ino), key_hash_text(k->kind));
}

static struct ike_key key_of(const char *kind, const struct stat *st)
{
	struct ike_key k = {.dev = st->st_dev, .ino = st->st_ino, .changed = st->st_ctim};

	snprintf(k.kind, sizeof(k.kind), "%s", kind);
	return k;
}

static struct ike_key *find(const struct ike_keys *keys, const struct ike_key *wanted)
{
	const size_t place = key_index_find(&keys->files, hash_of(wanted), is_key, keys->known, wanted);

	return place == KEY_INDEX_NONE ? NULL : &keys->known[place];
}

static bool has_room(struct ike_keys *keys)
{
	const unsigned room = keys->room ? 2 * keys->room : 16;
	struct ike_key *all;

	if (keys->count < keys->room)
		return true;
	all = reallocarray(keys->known, room, sizeof(*all));
	if (!all)
		return false;
	keys->known = all;
	keys->room = room;
	return true;
}

static struct ike_key *add(struct ike_keys *keys, const struct ike_key *wanted)
{
	struct ike_key *k;

	if (!has_room(keys) || key_index_add(&keys->files, hash_of(wanted), keys->count))
		return NULL;
	k = &keys->known[keys->count++];
	*k = *wanted;
	k->id = ++keys->last;
	return k;
}

static int give(struct ike_keys *keys, struct ike_key *k, int fd, struct fault *f)
{
	cJSON *message;
	int err;

	if (k->given)
		return 0;
	message = command_on_key("key", k->id);
	cJSON_AddStringToObject(message, "kind", k->kind);
	err = ask(keys, message, fd, f);
	k->given = err >= 0;
	snprintf(k->note, sizeof(k->note), "%.159s", err > 0 ? f->text : "");
	return err < 0 ? err : 0;
}

void ike_keys_begin(struct ike_keys *keys)
{
	for (unsigned i = 0; i < keys->count; i++)
		keys->known[i].used = false;
}

int ike_keys_use(struct ike_keys *keys, const char *config_path, const struct connection_config *c, const char *kind,
		 const char *file, uint32_t *id, struct fault *f)
{
	struct ike_key *k = NULL, wanted;
	struct fault why;
	struct stat st;
	int fd, err;

	*id = 0;
	if (!file[0])
		return 0;
	fd = ike_file_open(config_path, c, file, f);
	if (fd < 0)
		return fd;
	err = fstat(fd, &st) < 0 ? -errno : 0;
	if (!err) {
		wanted = key_of(kind, &st);
		k = find(keys, &wanted);
	}
	if (!err && !k && !(k = add(keys, &wanted)))
		err = -ENOMEM;
	if (err)
		fault(&why, -err, "%s", strerror(-err));
	else
		err = give(keys, k, fd, &why);
	close(fd);
	if (err)
		return fault(f, -err, "%s:%u: [connection %s]: %s: %.200s", config_path, c->line, c->name, file,
			     why.text);
	k->used = true;
	*id = k->id;
	if (!k->note[0])
		return 0;
	fault(f, EINVAL, "%s:%u: [connection %s]: %s: %s", config_path, c->line, c->name, file, k->note);
	return 1;
}

/* ---- whose certificate it is ---- */

static bool is_pair(const void *array, size_t place, const void *pair)
{
	return memcmp(&((const struct ike_pair *)array)[place], pair, sizeof(struct ike_pair)) == 0;
}

/* Without memory for it the next connection's is asked for, too. */
static void remember_pair(struct ike_keys *keys, const struct ike_pair *pair)
{
	struct ike_pair *all = reallocarray(keys->pairs, keys->pair_count + 1, sizeof(*all));

	if (!all)
		return;
	keys->pairs = all;
	all[keys->pair_count] = *pair;
	if (key_index_add(&keys->matched, key_hash(pair, sizeof(*pair), 0), keys->pair_count) == 0)
		keys->pair_count++;
}

static void forget_pairs(struct ike_keys *keys)
{
	free(keys->pairs);
	keys->pairs = NULL;
	keys->pair_count = 0;
	key_index_clear(&keys->matched);
}

int ike_keys_match(struct ike_keys *keys, const char *config_path, const struct connection_config *c, uint32_t id,
		   uint32_t cert, const char *pem, struct fault *f)
{
	const struct ike_pair pair = {id, cert};
	struct fault why;
	int fd, err;

	if (key_index_find(&keys->matched, key_hash(&pair, sizeof(pair), 0), is_pair, keys->pairs, &pair) !=
	    KEY_INDEX_NONE)
		return 0;
	fd = channel_pack_text(pem);
	if (fd < 0)
		err = fault(&why, -fd, "%s", strerror(-fd));
	else
		err = ask(keys, command_on_key("matches", id), fd, &why);
	if (fd >= 0)
		close(fd);
	if (err < 0)
		return ike_blame_connection(config_path, c, why.text, f);
	remember_pair(keys, &pair);
	return 0;
}

/* ---- the end of a configuration ---- */

void ike_keys_end(struct ike_keys *keys)
{
	unsigned kept = 0;

	key_index_clear(&keys->files);
	for (unsigned i = 0; i < keys->count; i++) {
		struct ike_key *k = &keys->known[i];

		if (!k->used) {
			if (k->given)
				ask(keys, command_on_key("forget", k->id), -1, NULL);
			continue;
		}
		/* Without memory for that, the file gets another number the next time. */
		key_index_add(&keys->files, hash_of(k), kept);
		keys->known[kept++] = *k;
	}
	keys->count = kept;
}

/* ---- life ---- */

void ike_keys_lost(struct ike_keys *keys)
{
	if (keys->socket >= 0)
		close(keys->socket);
	keys->socket = -1;
	keys->hung = false;
	forget_pairs(keys);
	for (unsigned i = 0; i < keys->count; i++)
		keys->known[i].given = false;
}

void ike_keys_free(struct ike_keys *keys)
{
	free(keys->known);
	key_index_clear(&keys->files);
	forget_pairs(keys);
	*keys = (struct ike_keys){.socket = -1};
}
