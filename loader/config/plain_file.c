/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "plain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int plain_file_open(const char *path, struct fault *f)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int err = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		err = fault(f, errno, "%s", strerror(errno));
	else if (S_ISDIR(st.st_mode))
		err = fault(f, EISDIR, "%s", strerror(EISDIR));
	else if (!S_ISREG(st.st_mode))
		err = fault(f, EINVAL, "a pipe or a device, on which the daemon would wait: write it into a file");
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}
