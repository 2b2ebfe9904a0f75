/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "hook_pins.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const hook_point_names[] = {
	[HOOK_XDP] = "xdp",
	[HOOK_EGRESS] = "egress",
	[HOOK_INGRESS] = "ingress",
};

/* bpffs has no dots in names and interfaces have no colons. */
void hook_pin_swap(char *text, char from, char to)
{
	for (; *text; text++)
		if (*text == from)
			*text = to;
}

void hook_pin_path(const struct hook_place *at, enum hook_point point, char *path)
{
	char dev[IF_NAMESIZE];

	snprintf(dev, sizeof(dev), "%s", at->dev);
	hook_pin_swap(dev, '.', ':');
	snprintf(path, PIN_MAX, "%s/links/%s-%s", at->dir, dev, hook_point_names[point]);
}

/* ---- what a pin holds ---- */

static void read_kind(int fd, struct hook_pin *p)
{
	char path[32], what[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	p->unread = readlink(path, what, sizeof(what) - 1) < 0;
	p->is_link = strstr(what, "link");
}

static void read_link(int fd, struct hook_pin *p)
{
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info);

	p->unread = bpf_obj_get_info_by_fd(fd, &info, &len);
	p->prog_id = info.prog_id;
	/* Links of XDP and of tcx both begin with the ifindex. */
	p->ifindex = info.xdp.ifindex;
}

static void read_program(int fd, struct hook_pin *p)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	p->unread = bpf_obj_get_info_by_fd(fd, &info, &len);
	p->prog_id = info.id;
}

struct hook_pin hook_pin_read(const char *path)
{
	struct hook_pin p = {.fd = bpf_obj_get(path)};

	if (p.fd < 0) {
		p.unread = errno != ENOENT;
		return p;
	}
	read_kind(p.fd, &p);
	if (p.is_link)
		read_link(p.fd, &p);
	else if (!p.unread)
		read_program(p.fd, &p);
	return p;
}

struct hook_pin hook_pin_of_link(int link)
{
	struct hook_pin p = {.fd = link, .is_link = true};

	read_link(link, &p);
	return p;
}

struct hook_pin hook_pin_open(const struct hook_place *at, enum hook_point point)
{
	char path[PIN_MAX];

	hook_pin_path(at, point, path);
	return hook_pin_read(path);
}

void hook_pin_close(struct hook_pin *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* In one step: a link that is pinned nowhere, for a moment or because the next step fails, is detached. */
int hook_pin_put(const struct hook_place *at, enum hook_point point, int fd, struct fault *f)
{
	char path[PIN_MAX], fresh[PIN_MAX + 1];
	int err = 0;

	hook_pin_path(at, point, path);
	snprintf(fresh, sizeof(fresh), "%s~", path);
	unlink(fresh);
	if (bpf_obj_pin(fd, fresh) < 0 || rename(fresh, path) < 0)
		err = fault(f, errno, "%s: %s", path, strerror(errno));
	if (err)
		unlink(fresh);
	return err;
}
