/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "ike_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "key_file.h"

void ike_file_path(const char *config_path, const char *name, char *path, size_t size)
{
	const char *slash = strrchr(config_path, '/');

	if (name[0] == '/' || !slash)
		snprintf(path, size, "%s", name);
	else
		snprintf(path, size, "%.*s/%s", (int)(slash - config_path), config_path, name);
}

static int with_name(const char *config_path, const struct connection_config *c, int err, struct fault *f)
{
	char text[sizeof(f->text)];

	memcpy(text, f->text, sizeof(text));
	return fault(f, -err, "%s:%u: [connection %s]: %.300s", config_path, c->line, c->name, text);
}

int ike_file_open(const char *config_path, const struct connection_config *c, const char *name, struct fault *f)
{
	char path[512];
	int fd;

	ike_file_path(config_path, name, path, sizeof(path));
	fd = key_file_open(path, f);
	return fd < 0 ? with_name(config_path, c, fd, f) : fd;
}

int ike_file_add(cJSON *o, const char *key, const char *config_path, const struct connection_config *c,
		 const char *name, struct fault *f)
{
	char path[512], *text;
	int fd, err = 0;

	if (!name[0])
		return 0;
	ike_file_path(config_path, name, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	text = fd < 0 ? NULL : channel_unpack(fd);
	if (!text)
		err = fault(f, errno ? errno : EINVAL, "%s %s: %s", key, path, strerror(errno ? errno : EINVAL));
	else
		cJSON_AddStringToObject(o, key, text);
	free(text);
	if (fd >= 0)
		close(fd);
	return err ? with_name(config_path, c, err, f) : 0;
}
