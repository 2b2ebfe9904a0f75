/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "script_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_others(const struct stat *st)
{
	return st->st_uid != 0 || st->st_mode & (S_IWGRP | S_IWOTH);
}

static int check_file(const char *path, struct fault *f)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return fault(f, errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fault(f, EINVAL, "%s: is no file", path);
	if (is_others(&st))
		return fault(
			f, EPERM,
			"%s: others than root may change it, and it is run as root: 'chown root' and 'chmod go-w' it",
			path);
	if (!(st.st_mode & S_IXUSR))
		return fault(f, EACCES, "%s: cannot be executed: 'chmod u+x' it", path);
	return 0;
}

/* Whose a directory is, what is in it can be exchanged by; not so in one with the sticky bit, what is root's. */
static int check_directory(const char *path, struct fault *f)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return fault(f, errno, "%s: %s", path, strerror(errno));
	if (st.st_uid != 0 || (is_others(&st) && !(st.st_mode & S_ISVTX)))
		return fault(f, EPERM,
			     "%s: others than root may exchange what is in it, and the script is run as root: put it "
			     "elsewhere",
			     path);
	return 0;
}

static int check_directories(char *path, struct fault *f)
{
	int err = check_directory("/", f);

	for (char *slash = strchr(path + 1, '/'); slash && !err; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		err = check_directory(path, f);
		*slash = '/';
	}
	return err;
}

int script_file_check(const char *path, char *real, struct fault *f)
{
	char resolved[PATH_MAX];
	int err;

	if (path[0] != '/')
		return fault(f, EINVAL, "%s: give the script's absolute path", path);
	if (!realpath(path, resolved))
		return fault(f, errno, "%s: %s", path, strerror(errno));
	err = check_directories(resolved, f);
	if (!err)
		err = check_file(resolved, f);
	if (!err && real)
		strcpy(real, resolved);
	return err;
}
