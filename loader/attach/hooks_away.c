/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "hooks_away.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hook_pins.h"
#include "lib/log.h"

#define DIRECTORY "away"

/* A pin that was put away, and where. */
struct away {
	char dev[IF_NAMESIZE];
	unsigned number; /* one for each that had the name */
	enum hook_point point;
	char path[PIN_MAX];
};

static void away_path(const char *dir, const char *dev, unsigned number, enum hook_point point, char *path)
{
	char name[IF_NAMESIZE];

	snprintf(name, sizeof(name), "%s", dev);
	hook_pin_swap(name, '.', ':');
	snprintf(path, PIN_MAX, "%s/" DIRECTORY "/%s-%u-%s", dir, name, number, hook_point_names[point]);
}

static bool parse_point(const char *text, enum hook_point *point)
{
	for (*point = HOOK_XDP; *point <= HOOK_INGRESS; (*point)++)
		if (strcmp(text, hook_point_names[*point]) == 0)
			return true;
	return false;
}

/* A name may have dashes, too. */
static bool parse_away(const char *dir, const char *file, struct away *a)
{
	const char *last = strrchr(file, '-'), *number = last;

	while (number && number > file && number[-1] != '-')
		number--;
	if (!number || number <= file + 1 || number - 1 - file >= IF_NAMESIZE || !parse_point(last + 1, &a->point))
		return false;
	snprintf(a->dev, sizeof(a->dev), "%.*s", (int)(number - 1 - file), file);
	hook_pin_swap(a->dev, ':', '.');
	a->number = (unsigned)strtoul(number, NULL, 10);
	return snprintf(a->path, sizeof(a->path), "%s/" DIRECTORY "/%s", dir, file) < (int)sizeof(a->path);
}

/* Calls back with each until it says so; whether it did. */
static bool for_each(const char *dir, bool (*until)(const struct away *a, void *arg), void *arg)
{
	char path[PIN_MAX];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "%s/" DIRECTORY, dir);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		struct away a;

		if (parse_away(dir, e->d_name, &a))
			found = until(&a, arg);
	}
	if (d)
		closedir(d);
	return found;
}

/* ---- away ---- */

/* Several may have left the same name, and even the same ifindex, one after the other. */
static bool is_taken(const struct hook_place *at, unsigned number)
{
	char path[PIN_MAX];

	for (enum hook_point point = HOOK_XDP; point <= HOOK_INGRESS; point++) {
		away_path(at->dir, at->dev, number, point, path);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/* A program has no ifindex, nor has what is not there. What cannot be read may be alive. */
static bool is_dead(const struct hook_pin *p)
{
	return !p->unread && !p->ifindex;
}

/* A link that nobody holds detaches its program: where this process cannot, the pin does, under a name that is no
 * longer its own. */
static void hold(const char *path, int fd, int err)
{
	const bool held = fcntl(fd, F_DUPFD_CLOEXEC, 0) >= 0;

	log_warning("%s: cannot be put away: %s: its gate stays closed%s", path, strerror(err),
		    held ? " until this process ends" : "");
	if (held)
		unlink(path);
}

/* clsact has gone with the qdisc, which a NIC does not take along. */
static void put_away(const struct hook_place *at, enum hook_point point, unsigned number)
{
	struct hook_pin p = hook_pin_open(at, point);
	char from[PIN_MAX], to[PIN_MAX];

	hook_pin_path(at, point, from);
	away_path(at->dir, at->dev, number, point, to);
	if (is_dead(&p))
		unlink(from);
	else if (rename(from, to) < 0)
		hold(from, p.fd, errno);
	hook_pin_close(&p);
}

void hooks_put_away(const struct hook_place *at)
{
	char path[PIN_MAX];
	unsigned number = 0;

	while (is_taken(at, number))
		number++;
	snprintf(path, sizeof(path), "%s/" DIRECTORY, at->dir);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		log_warning("%s: %s", path, strerror(errno));
	for (enum hook_point point = HOOK_XDP; point <= HOOK_INGRESS; point++)
		put_away(at, point, number);
	/* Goes if nothing was. */
	rmdir(path);
}

bool hooks_left_filters(const struct hook_place *at)
{
	struct hook_pin xdp = hook_pin_open(at, HOOK_XDP), egress = hook_pin_open(at, HOOK_EGRESS);
	const bool left = xdp.is_link && xdp.ifindex && egress.fd >= 0 && !egress.is_link;

	hook_pin_close(&xdp);
	hook_pin_close(&egress);
	return left;
}

/* ---- back ---- */

struct return_search {
	const struct hook_place *at;
	uint32_t program;
	struct away found;
};

static bool is_returned(const struct away *a, void *arg)
{
	struct return_search *s = arg;
	struct hook_pin p = hook_pin_read(a->path);
	const bool same = a->point == HOOK_XDP && p.ifindex == (uint32_t)s->at->ifindex && p.prog_id == s->program;

	hook_pin_close(&p);
	if (same)
		s->found = *a;
	return same;
}

static bool tcx_has(int ifindex, uint32_t program)
{
	uint32_t ids[TCX_MAX], count = TCX_MAX;

	if (bpf_prog_query(ifindex, ATTACH_TCX_EGRESS, 0, NULL, ids, &count))
		return false;
	while (count && ids[count - 1] != program)
		count--;
	return count;
}

bool hooks_is_away(const struct hook_place *at, uint32_t program)
{
	struct return_search s = {.at = at, .program = program};

	return for_each(at->dir, is_returned, &s);
}

/* Somebody may have taken XDP off while it was away: by what is left, which tcx would not take a second time. */
static bool is_returned_in_part(const struct away *a, void *arg)
{
	struct return_search *s = arg;
	struct hook_pin p = hook_pin_read(a->path);
	const bool same = a->point == HOOK_EGRESS && p.is_link && p.ifindex == (uint32_t)s->at->ifindex &&
			  tcx_has(s->at->ifindex, p.prog_id);

	hook_pin_close(&p);
	if (same)
		s->found = *a;
	return same;
}

bool hooks_bring_back(const struct hook_place *at, uint32_t program)
{
	struct return_search s = {.at = at, .program = program};
	char from[PIN_MAX], to[PIN_MAX];

	if (!(program && for_each(at->dir, is_returned, &s)) && !for_each(at->dir, is_returned_in_part, &s))
		return false;
	for (enum hook_point point = HOOK_XDP; point <= HOOK_INGRESS; point++) {
		away_path(at->dir, s.found.dev, s.found.number, point, from);
		hook_pin_path(at, point, to);
		rename(from, to);
	}
	return true;
}

/* ---- for good ---- */

/* arg: the name, or NULL for any. */
static bool remove_named(const struct away *a, void *arg)
{
	const char *dev = arg;
	struct hook_pin p;

	if (dev && strcmp(a->dev, dev) != 0)
		return false;
	p = hook_pin_read(a->path);
	unlink(a->path);
	if (p.fd >= 0)
		bpf_link_detach(p.fd);
	hook_pin_close(&p);
	return true;
}

bool hooks_remove_away(const struct hook_place *at)
{
	bool any = false;

	/* A directory that is changed is read anew. */
	while (for_each(at->dir, remove_named, (void *)at->dev))
		any = true;
	return any;
}

void hooks_remove_all_away(const char *dir)
{
	while (for_each(dir, remove_named, NULL))
		;
}

static bool is_alive(const struct away *a, void *arg)
{
	struct hook_pin p = hook_pin_read(a->path);
	const bool dead = is_dead(&p);

	(void)arg;
	hook_pin_close(&p);
	if (dead)
		unlink(a->path);
	return !dead;
}

bool hooks_any_away(const char *dir)
{
	return for_each(dir, is_alive, NULL);
}
