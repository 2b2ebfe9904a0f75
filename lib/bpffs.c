/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "bpffs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privileges.h"
#include "view.h"

#define HERE	 "/sys/fs/bpf"
#define RELATIVE "sys/fs/bpf"
/* The source of what we mount, which tells it from what others did. */
#define OURS "xdp-ipsec"

const char bpffs_private_warning[] =
	"the BPF file system at " HERE " is this mount namespace's own: THE GATE OPENS WHEN THE NAMESPACE ENDS: "
	"'mount -t bpf bpf " HERE "' on the host, then start by 'nsenter --net=FILE' instead of 'ip netns exec', and "
	"a container with '-v " HERE ":" HERE "'";

/* ---- open, or mount and open ---- */

/* The root of the bpffs of a view, or -errno. */
static int open_in(const struct view *v)
{
	const int fd = openat(v->root, RELATIVE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs st;

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &st) == 0 && (unsigned long)st.f_type == BPF_FS_MAGIC)
		return fd;
	close(fd);
	return -ENOENT;
}

static int mount_here(void)
{
	return mount(OURS, HERE, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0 ? -errno : 0;
}

/* In a child, because a process cannot come back from another mount namespace with its own root and cwd. */
static int mount_there(const struct view *v)
{
	const pid_t child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0) {
		const int err = view_enter(v);

		_exit(-(err ? err : mount_here()));
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* Held while the file system is looked for and mounted, by whoever shares the directory below: the descriptor, or
 * -errno.
 */
static int lock_place(const struct view *v)
{
	const int fd = openat(v->root, RELATIVE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) < 0) {
		const int err = -errno;

		if (err == -EINTR)
			continue;
		close(fd);
		return err;
	}
	return fd;
}

static int mount_and_open(const struct view *v)
{
	int err = view_is_ours(v) ? mount_here() : mount_there(v);

	return err ? err : open_in(v);
}

/* Of two that find none, one mounts: a second one on top would hide what the first has pinned. */
static int open_or_mount(const struct view *v)
{
	int place, fd = open_in(v);

	if (fd >= 0)
		return fd;
	place = lock_place(v);
	if (place < 0)
		return place;
	fd = open_in(v);
	if (fd < 0)
		fd = mount_and_open(v);
	close(place);
	return fd;
}

/* ---- what was found ---- */

static bool is_at(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void name_it(struct bpffs *b, const struct view *v)
{
	const bool plain = is_at(b->fd, HERE);

	if (plain)
		snprintf(b->path, sizeof(b->path), HERE);
	else
		snprintf(b->path, sizeof(b->path), "/proc/self/fd/%d", b->fd);
	snprintf(b->shown, sizeof(b->shown), "%s%s", plain ? "" : v->proc_path, plain ? HERE : "/root" HERE);
}

/* A container's own: the host's would have come in from outside. */
static bool made_in_container(const struct view *v)
{
	char source[64];

	return view_in_container() && view_mount_source(v, HERE, source, sizeof(source)) && strcmp(source, OURS) == 0;
}

static int open_from(struct bpffs *b, const struct view *v)
{
	const int fd = open_or_mount(v);

	if (fd < 0)
		return fd;
	b->fd = fd;
	b->private = made_in_container(v);
	name_it(b, v);
	return 0;
}

/* The host's cannot be had: this process's own, if it is another. */
static int open_own(struct bpffs *b, const struct view *host, int err)
{
	struct view own;

	if (view_is_ours(host) || view_of_self(&own))
		return err;
	err = open_from(b, &own);
	b->private = true;
	view_close(&own);
	return err;
}

int bpffs_open(struct bpffs *b, struct fault *f)
{
	struct view host;
	int err;

	*b = (struct bpffs){.fd = -1};
	err = view_of_host(&host, RELATIVE);
	if (err)
		return fault(f, ENXIO, "/proc: %s: %s", strerror(-err),
			     privileges_remedy(err == -EMFILE ? EMFILE : ENXIO, "'mount -t proc proc /proc'"));
	err = open_from(b, &host);
	if (err)
		err = open_own(b, &host, err);
	view_close(&host);
	if (err == -ENOENT)
		return fault(f, ENXIO,
			     HERE " is not there: 'mount -t sysfs sysfs /sys'; the kernel needs CONFIG_BPF_SYSCALL");
	if (err)
		return fault(f, -err, HERE ": no BPF file system, and mounting it failed (%s): %s", strerror(-err),
			     privileges_remedy(-err, "'mount -t bpf bpf " HERE "'"));
	return 0;
}

void bpffs_close(struct bpffs *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}

/* ---- another one, later ---- */

static bool is_same(const struct bpffs *a, const struct bpffs *b)
{
	struct stat one, other;

	return fstat(a->fd, &one) == 0 && fstat(b->fd, &other) == 0 && one.st_dev == other.st_dev;
}

int bpffs_look_again(const struct bpffs *b, struct bpffs *now, struct fault *f)
{
	int err;

	*now = (struct bpffs){.fd = -1};
	/* Nearly always, and that is a moment. */
	if (is_at(b->fd, HERE))
		return 0;
	err = bpffs_open(now, f);
	if (err || !is_same(b, now))
		return err ? err : 1;
	bpffs_close(now);
	return 0;
}

int bpffs_become(struct bpffs *b, struct bpffs *now, struct fault *f)
{
	const int fd = b->fd;
	const int err = dup3(now->fd, fd, O_CLOEXEC) < 0 ? errno : 0;

	bpffs_close(now);
	if (err)
		return fault(f, err, "%s: %s", now->shown, strerror(err));
	*b = *now;
	b->fd = fd;
	return 0;
}

/* ---- an instance in it ---- */

int instance_check(const char *name, struct fault *f)
{
	size_t n = strlen(name);

	/* No dots: bpffs keeps them for itself. */
	if (n == 0 || n >= INSTANCE_MAX ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != n)
		return fault(f, EINVAL, "instance '%.40s': use 1 to %d letters, digits, '_' or '-'", name,
			     INSTANCE_MAX - 1);
	return 0;
}

static int instance_dir(const char *root, char *dir, size_t size, const char *instance, struct fault *f)
{
	if ((size_t)snprintf(dir, size, "%s/xdp-ipsec/%s", root, instance) >= size)
		return fault(f, ENAMETOOLONG, "instance '%s': name too long", instance);
	return 0;
}

int bpffs_instance_dir(const struct bpffs *b, char *dir, size_t size, const char *instance, struct fault *f)
{
	return instance_dir(b->path, dir, size, instance, f);
}

void bpffs_inherited_dir(char dir[BPFFS_PATH_MAX], int fd)
{
	snprintf(dir, BPFFS_PATH_MAX, "/proc/self/fd/%d", fd);
}

int bpffs_held_dir(const struct bpffs *b, char *dir, size_t size, const char *instance, struct fault *f)
{
	char root[BPFFS_PATH_MAX];

	bpffs_inherited_dir(root, b->fd);
	return instance_dir(root, dir, size, instance, f);
}
