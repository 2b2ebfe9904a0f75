/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "keylog_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "instance/keylog_paths.h"
#include "lib/log.h"

static void remove_one(const struct instance *in, const char *name)
{
	char path[KEYLOG_PATH_MAX];

	keylog_path(in, name, path);
	if (unlink(path) < 0 && errno != ENOENT)
		log_warning("%s: %s: keys of an earlier run are left there", path, strerror(errno));
}

static int make_one(int *fd, const struct instance *in, const char *name, struct fault *f)
{
	char path[KEYLOG_PATH_MAX];

	keylog_path(in, name, path);
	*fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	return *fd < 0 ? fault(f, errno, "keylog = yes: %s: %s", path, strerror(errno)) : 0;
}

/* Whoever was killed could not do it, and says now that it was there all the while. */
static void remove_left(const struct instance *in, const char *name)
{
	char path[KEYLOG_PATH_MAX];

	keylog_path(in, name, path);
	if (access(path, F_OK) == 0)
		log_warning("%s: keys that an earlier daemon has left, which was killed: removed; what they open stays "
			    "open to who has read them",
			    path);
	remove_one(in, name);
}

int keylog_files_start(struct keylog_files *files, const struct instance *in, bool wanted, struct fault *f)
{
	int err;

	*files = (struct keylog_files){-1, -1};
	remove_left(in, KEYLOG_IKE);
	remove_left(in, KEYLOG_ESP);
	if (!wanted)
		return 0;
	err = make_one(&files->ike, in, KEYLOG_IKE, f);
	if (!err)
		err = make_one(&files->esp, in, KEYLOG_ESP, f);
	if (!err)
		log_warning("WARNING: keylog = yes: every key of IKE and ESP is written to %s/" KEYLOG_IKE
			    " and " KEYLOG_ESP ": whoever has them reads everything",
			    in->run_dir);
	return err;
}

static void stop_one(int *fd, const struct instance *in, const char *name)
{
	if (*fd < 0)
		return;
	close(*fd);
	*fd = -1;
	remove_one(in, name);
}

void keylog_files_stop(struct keylog_files *files, const struct instance *in)
{
	stop_one(&files->ike, in, KEYLOG_IKE);
	stop_one(&files->esp, in, KEYLOG_ESP);
}
