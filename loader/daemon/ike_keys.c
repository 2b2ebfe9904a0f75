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

static struct ike_key *find(const struct ike_keys *keys, const char *kind, const struct stat *st)
{
	for (unsigned i = 0; i < keys->count; i++) {
		struct ike_key *k = &keys->known[i];

		if (strcmp(k->kind, kind) == 0 && k->dev == st->st_dev && k->ino == st->st_ino &&
		    k->changed.tv_sec == st->st_ctim.tv_sec && k->changed.tv_nsec == st->st_ctim.tv_nsec)
			return k;
	}
	return NULL;
}

static struct ike_key *add(struct ike_keys *keys, const char *kind, const struct stat *st)
{
	struct ike_key *all = reallocarray(keys->known, keys->count + 1, sizeof(*all)), *k;

	if (!all)
		return NULL;
	keys->known = all;
	k = &all[keys->count++];
	*k = (struct ike_key){.id = ++keys->last, .dev = st->st_dev, .ino = st->st_ino, .changed = st->st_ctim};
	snprintf(k->kind, sizeof(k->kind), "%s", kind);
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
	struct ike_key *k = NULL;
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
	if (!err && !(k = find(keys, kind, &st)) && !(k = add(keys, kind, &st)))
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

int ike_keys_match(struct ike_keys *keys, const char *config_path, const struct connection_config *c, uint32_t id,
		   const cJSON *json, struct fault *f)
{
	cJSON *pem = cJSON_GetObjectItemCaseSensitive(json, "cert");
	struct fault why;
	int fd, err;

	if (!pem)
		return 0;
	fd = channel_pack_text(cJSON_GetStringValue(pem));
	if (fd < 0)
		err = fault(&why, -fd, "%s", strerror(-fd));
	else
		err = ask(keys, command_on_key("matches", id), fd, &why);
	if (fd >= 0)
		close(fd);
	return err < 0 ? ike_blame_connection(config_path, c, why.text, f) : 0;
}

void ike_keys_end(struct ike_keys *keys)
{
	for (unsigned i = 0; i < keys->count;) {
		struct ike_key *k = &keys->known[i];

		if (k->used) {
			i++;
			continue;
		}
		if (k->given)
			ask(keys, command_on_key("forget", k->id), -1, NULL);
		*k = keys->known[--keys->count];
	}
}

/* ---- life ---- */

void ike_keys_lost(struct ike_keys *keys)
{
	if (keys->socket >= 0)
		close(keys->socket);
	keys->socket = -1;
	keys->hung = false;
	for (unsigned i = 0; i < keys->count; i++)
		keys->known[i].given = false;
}

void ike_keys_free(struct ike_keys *keys)
{
	free(keys->known);
	*keys = (struct ike_keys){.socket = -1};
}
