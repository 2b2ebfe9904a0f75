/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may change a file, by its own rights or by those of a directory above. */
#ifndef LOADER_CHECK_FILE_RIGHTS_H
#define LOADER_CHECK_FILE_RIGHTS_H

#include "report.h"

/* Says so if others than its owner, or root, may write it or put another in its place. */
void check_file_rights(struct report *r, const char *what, const char *path);

#endif
