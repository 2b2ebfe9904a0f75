/* SPDX-License-Identifier: BSD-2-Clause */
#include "new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/write_all.h"

static int refuse(const char *path, int err, struct fault *f)
{
	if (err == EEXIST)
		return fault(f, EEXIST,
			     "%s is there already, and is not overwritten: give another name, or move it away", path);
	return fault(f, err, "%s: %s", path, strerror(err));
}

int new_file_write(const char *path, mode_t mode, const void *data, size_t size, struct fault *f)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	int err;

	if (fd < 0)
		return refuse(path, errno, f);
	err = write_all(fd, data, size);
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err)
		return 0;
	unlink(path);
	return refuse(path, -err, f);
}

int new_file_replace(const char *path, mode_t mode, const void *data, size_t size, struct fault *f)
{
	char beside[PATH_MAX];
	int err;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return refuse(path, ENAMETOOLONG, f);
	/* Of one who was killed. */
	unlink(beside);
	err = new_file_write(beside, mode, data, size, f);
	if (!err && rename(beside, path)) {
		err = refuse(path, errno, f);
		unlink(beside);
	}
	return err;
}
