/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "lane_cpus.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "maps/worker_channel.h"

/* Of /proc/PID/stat, proc(5); what is before the third is "PID (NAME)". */
#define FIELD_FIRST	3
#define FIELD_PROCESSOR 39

static const char *skip_fields(const char *text, unsigned n)
{
	while (text && n--) {
		text = strchr(text, ' ');
		text = text ? text + 1 : NULL;
	}
	return text;
}

static int parse_stat(const char *stat, unsigned *lane, int *cpu)
{
	const char *name = strchr(stat, '('), *end = strrchr(stat, ')');
	const char *processor = name && end ? skip_fields(end, FIELD_PROCESSOR - FIELD_FIRST + 1) : NULL;

	return processor && sscanf(name, "(" LANE_THREAD "%u)", lane) == 1 && sscanf(processor, "%d", cpu) == 1;
}

static void look_at(int tasks, const char *task, int *cpus, unsigned lanes)
{
	char path[64], stat[1024];
	unsigned lane;
	ssize_t n;
	int fd, cpu;

	snprintf(path, sizeof(path), "%.32s/stat", task);
	fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, stat, sizeof(stat) - 1);
	close(fd);
	stat[n > 0 ? n : 0] = '\0';
	if (parse_stat(stat, &lane, &cpu) && lane < lanes)
		cpus[lane] = cpu;
}

void lane_cpus(pid_t worker, int *cpus, unsigned lanes)
{
	const struct dirent *task;
	char path[32];
	DIR *dir;

	for (unsigned i = 0; i < lanes; i++)
		cpus[i] = -1;
	snprintf(path, sizeof(path), "/proc/%d/task", worker);
	dir = lanes ? opendir(path) : NULL;
	while (dir && (task = readdir(dir)))
		look_at(dirfd(dir), task->d_name, cpus, lanes);
	if (dir)
		closedir(dir);
}
