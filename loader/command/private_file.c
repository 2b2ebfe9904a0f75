/* SPDX-License-Identifier: BSD-2-Clause */
#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int private_file_open(int at, const char *path, struct fault *f)
{
	const int fd = openat(at, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;
	int err;

	if (fd < 0)
		return fault(f, errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || fchmod(fd, 0600) == 0))
		return fd;
	err = fault(f, errno, "%s: %s", path, strerror(errno));
	close(fd);
	return err;
}
