/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "pin_move.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pinned_maps.h"
#include "root_dir.h"

/* Of a file in a directory in the instance's own. */
#define PATH_ROOM (PIN_MAX + 2 * NAME_MAX)
/* The map that tells the layout: without it there is no instance to whoever looks. */
#define LAST "layout"

int pins_hold(struct instance *in, struct fault *f)
{
	return bpffs_held_dir(&in->bpffs, in->bpf_dir, sizeof(in->bpf_dir), in->name, f);
}

/* A map, a program or a link: the same one by a second name. */
static int copy_pin(const char *from, const char *to, struct fault *f)
{
	const int fd = bpf_obj_get(from);
	int err = 0;

	if (fd < 0)
		return fault(f, errno, "%s: %s", from, strerror(errno));
	unlink(to);
	if (bpf_obj_pin(fd, to) < 0)
		err = fault(f, errno, "%s: %s", to, strerror(errno));
	close(fd);
	return err;
}

static int copy_dir(const char *from, const char *to, struct fault *f);

static int copy_entry(const char *from, const char *to, const struct dirent *e, struct fault *f)
{
	char source[PATH_ROOM], target[PATH_ROOM];

	if ((size_t)snprintf(source, sizeof(source), "%s/%s", from, e->d_name) >= sizeof(source) ||
	    (size_t)snprintf(target, sizeof(target), "%s/%s", to, e->d_name) >= sizeof(target))
		return fault(f, ENAMETOOLONG, "%s: %s", from, strerror(ENAMETOOLONG));
	return e->d_type == DT_DIR ? copy_dir(source, target, f) : copy_pin(source, target, f);
}

static bool is_last(const struct dirent *e)
{
	return strcmp(e->d_name, LAST) == 0;
}

/* Each of them, or the last one. */
static int copy_entries(DIR *d, bool last, const char *from, const char *to, struct fault *f)
{
	const struct dirent *e;
	int err = 0;

	rewinddir(d);
	while (!err && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && is_last(e) == last)
			err = copy_entry(from, to, e, f);
	return err;
}

static int copy_dir(const char *from, const char *to, struct fault *f)
{
	int err = root_dir_make(to, f);
	DIR *d = err ? NULL : opendir(from);

	if (!d)
		return err ? err : fault(f, errno, "%s: %s", from, strerror(errno));
	err = copy_entries(d, false, from, to, f);
	if (!err)
		err = copy_entries(d, true, from, to, f);
	closedir(d);
	return err;
}

/* The directory of all instances is nobody's, as at a start. */
static int copy_all(const struct instance *in, const struct bpffs *now, struct fault *f)
{
	char to[BPFFS_PATH_MAX], parent[BPFFS_PATH_MAX];
	int err = bpffs_held_dir(now, to, sizeof(to), in->name, f);

	if (err)
		return err;
	snprintf(parent, sizeof(parent), "%s", to);
	*strrchr(parent, '/') = '\0';
	err = root_dir_make(parent, f);
	return err ? err : copy_dir(in->bpf_dir, to, f);
}

int pins_move(struct instance *in, struct fault *f)
{
	struct bpffs now;
	int err = bpffs_look_again(&in->bpffs, &now, f);

	if (err <= 0)
		return err;
	err = copy_all(in, &now, f);
	if (err) {
		bpffs_close(&now);
		return err;
	}
	err = bpffs_become(&in->bpffs, &now, f);
	return err ? err : 1;
}
