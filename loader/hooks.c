/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bpffs.h"
#include "clsact.h"
#include "log.h"

/* Of Linux 6.6, which libbpf 1.1 does not know yet. */
#define ATTACH_TCX_INGRESS ((enum bpf_attach_type)46)
#define ATTACH_TCX_EGRESS  ((enum bpf_attach_type)47)
/* Ours goes first: one in front of it that says "pass" would open the gate. */
#define LINK_BEFORE (1U << 3)

#define PIN_MAX (BPFFS_PATH_MAX + 32)

static const char *const point_names[] = {
	[HOOK_XDP] = "xdp",
	[HOOK_EGRESS] = "egress",
	[HOOK_INGRESS] = "ingress",
};

/* bpffs has no dots in names and interfaces have no colons. */
static void swap_char(char *text, char from, char to)
{
	for (; *text; text++)
		if (*text == from)
			*text = to;
}

static void pin_path(const struct hook_place *at, enum hook_point point, char *path)
{
	char dev[IF_NAMESIZE];

	snprintf(dev, sizeof(dev), "%s", at->dev);
	swap_char(dev, '.', ':');
	snprintf(path, PIN_MAX, "%s/links/%s-%s", at->dir, dev, point_names[point]);
}

/* ---- what a pin holds ---- */

struct pinned {
	int fd; /* -1: nothing */
	bool is_link;
	uint32_t prog_id;
	uint32_t ifindex; /* of a link; 0 when its interface is gone */
};

static bool is_link(int fd)
{
	char path[32], what[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, what, sizeof(what) - 1) > 0 && strstr(what, "link");
}

static struct pinned pinned_open(const struct hook_place *at, enum hook_point point)
{
	char path[PIN_MAX];
	struct pinned p = {.fd = -1};

	pin_path(at, point, path);
	p.fd = bpf_obj_get(path);
	if (p.fd < 0)
		return p;
	p.is_link = is_link(p.fd);
	if (p.is_link) {
		struct bpf_link_info info = {0};
		uint32_t len = sizeof(info);

		/* Links of XDP and of tcx both begin with the ifindex. */
		if (bpf_obj_get_info_by_fd(p.fd, &info, &len) == 0) {
			p.prog_id = info.prog_id;
			p.ifindex = info.xdp.ifindex;
		}
	} else {
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);

		if (bpf_obj_get_info_by_fd(p.fd, &info, &len) == 0)
			p.prog_id = info.id;
	}
	return p;
}

static void pinned_close(struct pinned *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* Detaches what the pin held; the pin itself is gone already. */
static void pinned_detach(const struct pinned *p, int ifindex, enum hook_point point)
{
	if (p->fd < 0)
		return;
	if (p->is_link)
		bpf_link_detach(p->fd);
	else
		clsact_remove(ifindex, point == HOOK_EGRESS, p->prog_id);
}

void hook_remove(const struct hook_place *at, enum hook_point point)
{
	struct pinned p = pinned_open(at, point);
	char path[PIN_MAX];

	pin_path(at, point, path);
	unlink(path);
	pinned_detach(&p, at->ifindex, point);
	pinned_close(&p);
}

void hooks_remove_all(const struct hook_place *at)
{
	/* The tc ingress program guards in generic mode: it goes last. */
	hook_remove(at, HOOK_XDP);
	hook_remove(at, HOOK_EGRESS);
	hook_remove(at, HOOK_INGRESS);
}

bool hooks_any(const struct hook_place *at)
{
	char path[PIN_MAX];

	for (enum hook_point point = HOOK_XDP; point <= HOOK_INGRESS; point++) {
		pin_path(at, point, path);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/* ---- looking ---- */

/* *program: 0 if there is none. */
static int find_xdp(const struct hook_place *at, uint32_t *program, enum port_mode *mode, struct fault *f)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int err = bpf_xdp_query(at->ifindex, 0, &query);

	if (err < 0)
		return fault(f, -err, "%s: asking for its XDP program: %s", at->dev, strerror(-err));
	*mode = query.drv_prog_id ? PORT_NATIVE : query.skb_prog_id ? PORT_GENERIC : 0;
	*program = query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id ? query.skb_prog_id : query.hw_prog_id;
	return 0;
}

/*
 * An ifindex alone does not tell a NIC: it may be another network namespace's.
 * That its XDP program is our link's does.
 */
int hooks_take_over(const struct hook_place *at, enum port_mode *mode, struct fault *f)
{
	struct pinned p = pinned_open(at, HOOK_XDP);
	uint32_t running = 0;
	int err = find_xdp(at, &running, mode, f);
	const bool same = p.fd >= 0 && p.ifindex == (uint32_t)at->ifindex && running == p.prog_id;

	pinned_close(&p);
	if (err || same)
		return err;
	if (p.ifindex)
		log_line("%s: an earlier run attached another interface of that name, which is now given up: in clear",
			 at->dev);
	hooks_remove_all(at);
	*mode = 0;
	return 0;
}

int hook_check_foreign(const struct hook_place *at, struct fault *f)
{
	struct pinned p = pinned_open(at, HOOK_XDP);
	enum port_mode mode;
	uint32_t running = 0;
	int err = find_xdp(at, &running, &mode, f);

	pinned_close(&p);
	if (err)
		return err;
	if (running && running != p.prog_id)
		return fault(f, EBUSY,
			     "%s: XDP program id %u is attached to it already: 'bpftool prog show id %u' tells whose "
			     "it is; take it off ('ip link set dev %s xdp off') or choose another NIC",
			     at->dev, running, running, at->dev);
	return 0;
}

bool hooks_have_tcx(void)
{
	uint32_t n = 0;

	/* The loopback interface has ifindex 1 in every namespace. */
	return bpf_prog_query(1, ATTACH_TCX_INGRESS, 0, NULL, NULL, &n) == 0;
}

int hooks_for_each_device(const char *dir, void (*fn)(const char *dev, void *arg), void *arg)
{
	char path[PIN_MAX], dev[IF_NAMESIZE];
	struct dirent *e;
	DIR *links;

	snprintf(path, sizeof(path), "%s/links", dir);
	links = opendir(path);
	if (!links)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(links))) {
		const char *dash = strrchr(e->d_name, '-');

		/* Every NIC has an egress program: one name each. */
		if (!dash || strcmp(dash + 1, point_names[HOOK_EGRESS]) || dash - e->d_name >= IF_NAMESIZE)
			continue;
		snprintf(dev, sizeof(dev), "%.*s", (int)(dash - e->d_name), e->d_name);
		swap_char(dev, ':', '.');
		fn(dev, arg);
	}
	closedir(links);
	return 0;
}

/* ---- putting ---- */

/* In one step: a link that is pinned nowhere, for a moment or because the next step fails, is detached. */
static int pin(const struct hook_place *at, enum hook_point point, int fd, struct fault *f)
{
	char path[PIN_MAX], fresh[PIN_MAX + 1];
	int err = 0;

	pin_path(at, point, path);
	snprintf(fresh, sizeof(fresh), "%s~", path);
	unlink(fresh);
	if (bpf_obj_pin(fd, fresh) < 0 || rename(fresh, path) < 0)
		err = fault(f, errno, "%s: %s", path, strerror(errno));
	if (err)
		unlink(fresh);
	return err;
}

/* A link has its mode for life: another mode takes another link, and the tc ingress program guards the moment. */
static int update_xdp(const struct hook_place *at, int prog, enum port_mode mode, bool *done, struct fault *f)
{
	struct pinned p = pinned_open(at, HOOK_XDP);
	enum port_mode running = 0;
	uint32_t program;
	int err = find_xdp(at, &program, &running, f);

	*done = false;
	if (err) {
		pinned_close(&p);
		return err;
	}
	if (p.fd >= 0 && running == mode) {
		*done = true;
		if (bpf_link_update(p.fd, prog, NULL) < 0)
			err = fault(f, errno, "%s: replacing the XDP program: %s", at->dev, strerror(errno));
		/* Now that the NIC has taken the program, it will again. */
		if (!err && at->renew_xdp) {
			hook_remove(at, HOOK_XDP);
			*done = false;
		}
	} else if (p.fd >= 0) {
		hook_remove(at, HOOK_XDP);
	}
	pinned_close(&p);
	return err;
}

int hook_put_xdp(const struct hook_place *at, int prog, enum port_mode mode, bool *made, struct fault *f)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = mode == PORT_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	bool done;
	int link, err = update_xdp(at, prog, mode, &done, f);

	*made = false;
	if (err || done)
		return err;
	link = bpf_link_create(prog, at->ifindex, BPF_XDP, &opts);
	if (link < 0)
		return fault(f, errno, "%s: attaching XDP in %s mode: %s", at->dev,
			     mode == PORT_NATIVE ? "native" : "generic", strerror(errno));
	err = pin(at, HOOK_XDP, link, f);
	*made = !err;
	close(link);
	return err;
}

static int tcx_create(int ifindex, enum hook_point point, int prog)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = LINK_BEFORE);
	const enum bpf_attach_type type = point == HOOK_EGRESS ? ATTACH_TCX_EGRESS : ATTACH_TCX_INGRESS;
	int link = bpf_link_create(prog, ifindex, type, &opts);

	return link < 0 ? -errno : link;
}

static bool means_no_tcx(int err)
{
	return err == -EINVAL || err == -EOPNOTSUPP || err == -ENOTSUP;
}

/*
 * Attaches by tcx or clsact as kind says. *link is the tcx link, or -1 when
 * clsact has it.
 */
static int attach_tc(const char *dev, int ifindex, enum hook_point point, int prog, enum hook_kind kind, int *link,
		     struct fault *f)
{
	struct fault inner;
	int err;

	*link = -1;
	if (kind != HOOK_CLSACT) {
		*link = tcx_create(ifindex, point, prog);
		if (*link >= 0)
			return 0;
		if (kind == HOOK_TCX || !means_no_tcx(*link))
			return fault(f, -*link, "%s: attaching to tcx %s: %s%s", dev, point_names[point],
				     strerror(-*link),
				     means_no_tcx(*link) ? ": this needs Linux 6.6; 'hook = clsact' does not" : "");
		*link = -1;
	}
	err = clsact_put(ifindex, point == HOOK_EGRESS, prog, &inner);
	return err ? fault(f, -err, "%s: %s", dev, inner.text) : 0;
}

/* Takes the new one in first, then lets the old one go: two of ours in a row do no harm. */
static int replace_tc(const struct hook_place *at, enum hook_point point, int prog, enum hook_kind kind,
		      const struct pinned *old, struct fault *f)
{
	int link, err = attach_tc(at->dev, at->ifindex, point, prog, kind, &link, f);

	if (err)
		return err;
	err = pin(at, point, link >= 0 ? link : prog, f);
	if (!err && old->fd >= 0 && (old->is_link || link >= 0))
		pinned_detach(old, at->ifindex, point);
	if (link >= 0)
		close(link);
	return err;
}

int hook_put_tc(const struct hook_place *at, enum hook_point point, int prog, enum hook_kind kind, bool *made,
		struct fault *f)
{
	struct pinned old = pinned_open(at, point);
	int err = 0;

	*made = old.fd < 0;
	if (old.fd >= 0 && kind == HOOK_AUTO)
		kind = old.is_link ? HOOK_TCX : HOOK_CLSACT;
	if (old.fd >= 0 && old.is_link && kind == HOOK_TCX && old.ifindex == (uint32_t)at->ifindex) {
		if (bpf_link_update(old.fd, prog, NULL) < 0)
			err = fault(f, errno, "%s: replacing the %s program: %s", at->dev, point_names[point],
				    strerror(errno));
	} else {
		err = replace_tc(at, point, prog, kind, &old, f);
	}
	pinned_close(&old);
	return err;
}

int hook_put_tap(int tap_ifindex, int prog, enum hook_kind kind, int *link, struct fault *f)
{
	return attach_tc("the TAP", tap_ifindex, HOOK_INGRESS, prog, kind, link, f);
}
