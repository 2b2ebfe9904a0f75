/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "file_rights.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fault.h"

/* In a directory with the sticky bit, what is others' stays theirs. Root's group is root. */
static mode_t writable(const struct stat *st)
{
	mode_t by = st->st_mode & (S_IWGRP | S_IWOTH);

	if (st->st_gid == 0)
		by &= ~(mode_t)S_IWGRP;
	return S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) ? 0 : by;
}

/* Of a directory once, whatever is in it. */
static void say(struct report *r, const char *what, const char *path, const char *at, mode_t by)
{
	const bool itself = strcmp(path, at) == 0;
	struct fault f, remedy;
	const char *who = by & S_IWOTH ? "anybody" : "its group";

	if (itself)
		fault(&f, EACCES, "%s: %s may change it", path, who);
	else
		fault(&f, EACCES, "%s: %s may put others in the place of the files in it and below it", at, who);
	fault(&remedy, EACCES, "chmod %s %s", by & S_IWOTH ? "go-w" : "g-w", at);
	report_say(r, by & S_IWOTH ? LEVEL_FAIL : LEVEL_WARN, itself ? what : "directory", f.text, remedy.text);
}

void check_file_rights(struct report *r, const char *what, const char *path)
{
	char at[PATH_MAX], whole[PATH_MAX];
	char *slash = at;
	struct stat st;

	if (!realpath(path, at))
		return;
	memcpy(whole, at, sizeof(at));
	while (slash) {
		if (stat(at[0] ? at : "/", &st) == 0 && writable(&st)) {
			say(r, what, whole, at[0] ? at : "/", writable(&st));
			return;
		}
		slash = at[0] ? strrchr(at, '/') : NULL;
		if (slash)
			*slash = '\0';
	}
}
