/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 'keylog': a copy of the instance's key log for Wireshark. A directory, such as that of a profile of Wireshark's, gets
 * the two tables by the names that they have there; a file gets both, one below the other.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "commands.h"
#include "instance/keylog_paths.h"
#include "lib/privileges.h"
#include "private_file.h"
#include "session.h"

static const struct {
	const char *name;  /* of the daemon's file */
	const char *table; /* Wireshark's */
} tables[] = {
	{KEYLOG_IKE, "ikev2_decryption_table"},
	{KEYLOG_ESP, "esp_sa"},
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static int open_log(const struct instance *in, const char *name, struct fault *f)
{
	char path[KEYLOG_PATH_MAX];
	int fd;

	if (!instance_running(in))
		return fault(f, ENOENT, "no daemon for instance '%s', and its keys end with it", in->name);
	keylog_path(in, name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return fault(f, ENOENT,
			     "no keys are logged: that takes 'keylog = yes' under [daemon] in the file, when the "
			     "daemon starts");
	return fd < 0 ? fault(f, errno, "%s: %s", path, strerror(errno)) : fd;
}

static int copy(int to, const struct instance *in, const char *name, struct fault *f)
{
	int from = open_log(in, name, f), err = 0;
	ssize_t n = 1;

	if (from < 0)
		return from;
	while (n > 0)
		n = sendfile(to, from, NULL, 1 << 20);
	if (n < 0)
		err = fault(f, errno, "writing the keys: %s", strerror(errno));
	close(from);
	return err;
}

static int copy_to_directory(int dir, const struct instance *in, struct fault *f)
{
	int err = 0;

	for (size_t i = 0; i < TABLES && !err; i++) {
		const int to = private_file_open(dir, tables[i].table, f);

		if (to < 0)
			return to;
		err = copy(to, in, tables[i].name, f);
		close(to);
	}
	return err;
}

static int copy_to_file(const char *path, const struct instance *in, struct fault *f)
{
	const int to = private_file_open(AT_FDCWD, path, f);
	int err = to < 0 ? to : 0;

	for (size_t i = 0; i < TABLES && !err; i++) {
		err = dprintf(to, "# %s\n", tables[i].table) < 0 ? fault(f, errno, "%s: %s", path, strerror(errno)) : 0;
		if (!err)
			err = copy(to, in, tables[i].name, f);
	}
	if (to >= 0)
		close(to);
	return err;
}

/* Before anything is written it is known whether there is anything to write. */
static int look(const struct instance *in, struct fault *f)
{
	const int fd = open_log(in, KEYLOG_IKE, f);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

int keylog_command(const struct invocation *inv)
{
	const char *path = word(inv, "file");
	struct instance in;
	struct fault f;
	int dir, err = session_instance(inv, &in, &f);

	privileges_harden();
	if (!err)
		err = look(&in, &f);
	if (err)
		return cli_fail(inv, f.text);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = dir >= 0 ? copy_to_directory(dir, &in, &f) : copy_to_file(path, &in, &f);
	if (dir >= 0)
		close(dir);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}
