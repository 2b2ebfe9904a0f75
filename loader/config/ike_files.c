/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "ike_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "key_file.h"
#include "lib/channel.h"
#include "plain_file.h"

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
	fd = key_file_open_plain(path, f);
	return fd < 0 ? with_name(config_path, c, fd, f) : fd;
}

int ike_file_read(const char *key, const char *config_path, const struct connection_config *c, const char *name,
		  char **text, struct fault *f)
{
	struct fault why;
	char path[512];
	int fd, err = 0;

	*text = NULL;
	ike_file_path(config_path, name, path, sizeof(path));
	fd = plain_file_open(path, &why);
	if (fd < 0)
		return with_name(config_path, c, fault(f, -fd, "%s %s: %s", key, path, why.text), f);
	errno = EFBIG;
	*text = channel_unpack(fd);
	if (!*text)
		err = fault(f, errno, "%s %s: %s", key, path, strerror(errno));
	close(fd);
	return err ? with_name(config_path, c, err, f) : 0;
}

int ike_blame_connection(const char *config_path, const struct connection_config *c, const char *text, struct fault *f)
{
	const struct {
		const char *key;
		const char *file;
	} files[] = {{"cert: ", c->cert_file}, {"key: ", c->key_file}, {"ca: ", c->ca_file}, {"crl: ", c->crl_file}};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const size_t size = strlen(files[i].key);

		if (strncmp(text, files[i].key, size) == 0)
			return fault(f, EINVAL, "%s:%u: [connection %s]: %.*s %s: %.300s", config_path, c->line,
				     c->name, (int)size - 2, text, files[i].file, text + size);
	}
	return fault(f, EINVAL, "%s:%u: [connection %s]: %.300s", config_path, c->line, c->name, text);
}

int ike_blame(const char *config_path, const struct config *config, const char *text, struct fault *f)
{
	const struct connection_config *c;
	char name[CONNECTION_NAME_MAX];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, ":"), text);
	c = config_connection(config, name);
	if (c && strncmp(text + strlen(name), ": ", 2) == 0)
		return ike_blame_connection(config_path, c, text + strlen(name) + 2, f);
	return fault(f, EINVAL, "%s: [connection] %s", config_path, text);
}
