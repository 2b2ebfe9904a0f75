/* SPDX-License-Identifier: BSD-2-Clause */
#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int path_fault(const char *path, int err, struct fault *f)
{
	if (err == ELOOP)
		return fault(f, ELOOP, "%s: a symbolic link, and none is followed: name the file itself", path);
	return fault(f, err, "%s: %s", path, strerror(err));
}

/* In the same directory, by a name that nobody has. 0 or -errno. */
static int name_beside(const char *path, char beside[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	const int folder = slash ? (int)(slash - path) + 1 : 0;
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	if (snprintf(beside, PATH_MAX, "%.*s.xdp-ipsec-%016llx", folder, path, (unsigned long long)number) >= PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

/* It has its name before anything is in it: whoever reads by the name meanwhile sees what comes, and what is left by
 * one who is killed on the way is empty. */
static int make_new(int at, const char *path, struct fault *f)
{
	char beside[PATH_MAX];
	int fd, err = name_beside(path, beside);

	if (err)
		return path_fault(path, -err, f);
	fd = openat(at, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return path_fault(path, errno, f);
	if (renameat(at, beside, at, path) == 0)
		return fd;
	err = path_fault(path, errno, f);
	unlinkat(at, beside, 0);
	close(fd);
	return err;
}

/* O_CREAT, for the kernel then refuses a pipe that others have laid out where anybody may (fs.protected_fifos). */
static int open_in_place(int at, const char *path, struct fault *f)
{
	const int fd = openat(at, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0)
		return path_fault(path, errno, f);
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		return fd;
	/* It has become a file meanwhile. */
	close(fd);
	return make_new(at, path, f);
}

int private_file_open(int at, const char *path, struct fault *f)
{
	struct stat st;

	if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		return open_in_place(at, path, f);
	return make_new(at, path, f);
}
