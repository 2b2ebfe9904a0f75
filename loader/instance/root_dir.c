/* SPDX-License-Identifier: BSD-2-Clause */
#include "root_dir.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int root_dir_make(const char *path, struct fault *f)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return fault(f, errno, "%s: %s", path, strerror(errno));
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != 0)
		return fault(f, EPERM, "%s: not a directory of root's: remove it", path);
	if ((st.st_mode & 0777) != 0700 && chmod(path, 0700) < 0)
		return fault(f, errno, "%s: %s", path, strerror(errno));
	return 0;
}
