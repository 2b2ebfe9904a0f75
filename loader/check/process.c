/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_name(int proc, const char *pid, char name[PROCESS_NAME])
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%.20s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, name, PROCESS_NAME - 1);
		close(fd);
	}
	name[n > 0 ? n : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	for (char *c = name; *c; c++)
		*c = isprint((unsigned char)*c) ? *c : '?';
	return n > 0;
}

/* Whether one of its descriptors is what the text, "socket:[N]", stands for. */
static bool has_open(int proc, const char *pid, const char *text)
{
	char path[64], target[64];
	bool found = false;
	struct dirent *e;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%.20s/fd", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	while (dir && !found && (e = readdir(dir))) {
		const ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		found = strcmp(target, text) == 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

pid_t process_of_socket(unsigned long inode, char name[PROCESS_NAME])
{
	DIR *proc = opendir("/proc");
	char text[64];
	pid_t found = 0;
	struct dirent *e;

	snprintf(text, sizeof(text), "socket:[%lu]", inode);
	while (proc && !found && (e = readdir(proc)))
		if (isdigit((unsigned char)e->d_name[0]) && has_open(dirfd(proc), e->d_name, text) &&
		    read_name(dirfd(proc), e->d_name, name))
			found = (pid_t)atoi(e->d_name);
	if (proc)
		closedir(proc);
	return found;
}

static bool in_this_namespace(int proc, const char *pid, const struct stat *ours)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%.20s/ns/net", pid);
	return fstatat(proc, path, &st, 0) == 0 && st.st_ino == ours->st_ino && st.st_dev == ours->st_dev;
}

void process_for_each(bool (*fn)(pid_t pid, const char *name, void *arg), void *arg)
{
	DIR *proc = opendir("/proc");
	char name[PROCESS_NAME];
	bool more = true;
	struct dirent *e;
	struct stat ours;

	if (stat("/proc/self/ns/net", &ours))
		more = false;
	while (proc && more && (e = readdir(proc)))
		if (isdigit((unsigned char)e->d_name[0]) && in_this_namespace(dirfd(proc), e->d_name, &ours) &&
		    read_name(dirfd(proc), e->d_name, name))
			more = fn((pid_t)atoi(e->d_name), name, arg);
	if (proc)
		closedir(proc);
}
