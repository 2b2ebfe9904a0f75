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

#include "clsact.h"
#include "hook_pins.h"
#include "hooks_away.h"
#include "lib/log.h"
#include "xdp_running.h"

/* Ours goes first: one in front of it that says "pass" would open the gate. */
#define LINK_BEFORE (1U << 3)

/* Detaches what the pin held; the pin itself is gone already. */
static void pinned_detach(const struct hook_pin *p, int ifindex, enum hook_point point)
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
	struct hook_pin p = hook_pin_open(at, point);
	char path[PIN_MAX];

	hook_pin_path(at, point, path);
	unlink(path);
	pinned_detach(&p, at->ifindex, point);
	hook_pin_close(&p);
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
		hook_pin_path(at, point, path);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/* ---- looking ---- */

static int find_xdp(const struct hook_place *at, struct xdp_running *running, struct fault *f)
{
	const int err = xdp_running(at->ifindex, running);

	return err ? fault(f, -err, "%s: asking for its XDP program: %s", at->dev, strerror(-err)) : 0;
}

/*
 * An ifindex alone does not tell a NIC: it may be another network namespace's.
 * That its XDP program is our link's does.
 */
int hooks_take_over(const struct hook_place *at, enum port_mode *mode, struct fault *f)
{
	struct hook_pin p = hook_pin_open(at, HOOK_XDP);
	struct xdp_running running;
	int err = find_xdp(at, &running, f);
	const bool same = p.fd >= 0 && p.ifindex == (uint32_t)at->ifindex && running.program == p.prog_id;

	hook_pin_close(&p);
	*mode = running.mode;
	if (err || same)
		return err;
	if (p.ifindex)
		log_line("%s: an earlier run attached another interface of that name: its gate stays closed until "
			 "'detach %s'",
			 at->dev, at->dev);
	hooks_put_away(at);
	if (!hooks_bring_back(at, running.program))
		*mode = 0;
	return 0;
}

/* ---- whose program ---- */

/* In the directory of all instances: the one that has that program pinned for that hook of the interface. A program of
 * clsact is pinned itself, without a link that would tell the ifindex. */
static bool find_owner(const struct hook_place *at, enum hook_point point, uint32_t program, char owner[INSTANCE_MAX])
{
	char root[PIN_MAX], dir[PIN_MAX + INSTANCE_MAX];
	struct dirent *e;
	bool found = false;
	DIR *instances;

	snprintf(root, sizeof(root), "%s", at->dir);
	*strrchr(root, '/') = '\0';
	instances = opendir(root);
	while (instances && !found && (e = readdir(instances))) {
		const struct hook_place there = {.dir = dir, .dev = at->dev};
		struct hook_pin p;

		if (instance_check(e->d_name, NULL))
			continue;
		snprintf(owner, INSTANCE_MAX, "%.*s", INSTANCE_MAX - 1, e->d_name);
		snprintf(dir, sizeof(dir), "%s/%s", root, owner);
		p = hook_pin_open(&there, point);
		found = p.fd >= 0 && p.prog_id == program && (!p.is_link || p.ifindex == (uint32_t)at->ifindex);
		hook_pin_close(&p);
	}
	if (instances)
		closedir(instances);
	return found;
}

bool hooks_owner(const struct hook_place *at, char owner[INSTANCE_MAX])
{
	struct xdp_running running;

	return xdp_running(at->ifindex, &running) == 0 && running.program &&
	       find_owner(at, HOOK_XDP, running.program, owner);
}

bool hooks_hold(const struct hook_place *at, enum hook_point point, uint32_t program)
{
	char owner[INSTANCE_MAX];

	return find_owner(at, point, program, owner);
}

static int foreign(const struct hook_place *at, uint32_t program, struct fault *f)
{
	char owner[INSTANCE_MAX];

	if (find_owner(at, HOOK_XDP, program, owner))
		return fault(f, EBUSY,
			     "%s: instance '%s' guards it: choose another NIC, or give it up there: 'xdp-ipsec "
			     "--instance %s "
			     "detach %s'",
			     at->dev, owner, owner, at->dev);
	return fault(f, EBUSY,
		     "%s: XDP program id %u is attached to it already: 'bpftool prog show id %u' tells whose "
		     "it is; take it off ('ip link set dev %s xdp off') or choose another NIC",
		     at->dev, program, program, at->dev);
}

int hook_check_foreign(const struct hook_place *at, struct fault *f)
{
	struct hook_pin p = hook_pin_open(at, HOOK_XDP);
	struct xdp_running running;
	int err = find_xdp(at, &running, f);

	hook_pin_close(&p);
	if (err || !running.program || running.program == p.prog_id || hooks_is_away(at, running.program))
		return err;
	return foreign(at, running.program, f);
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
		if (!dash || strcmp(dash + 1, hook_point_names[HOOK_EGRESS]) || dash - e->d_name >= IF_NAMESIZE)
			continue;
		snprintf(dev, sizeof(dev), "%.*s", (int)(dash - e->d_name), e->d_name);
		hook_pin_swap(dev, ':', '.');
		fn(dev, arg);
	}
	closedir(links);
	return 0;
}

/* ---- putting ---- */

/* A link has its mode for life: another mode takes another link, and the tc ingress program guards the moment. */
static int update_xdp(const struct hook_place *at, int prog, enum port_mode mode, bool *done, struct fault *f)
{
	struct hook_pin p = hook_pin_open(at, HOOK_XDP);
	struct xdp_running running;
	int err = find_xdp(at, &running, f);

	*done = false;
	if (err) {
		hook_pin_close(&p);
		return err;
	}
	if (p.fd >= 0 && running.mode == mode) {
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
	hook_pin_close(&p);
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
	err = hook_pin_put(at, HOOK_XDP, link, f);
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
	return err == -EINVAL || err == -EOPNOTSUPP;
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
			return fault(f, -*link, "%s: attaching to tcx %s: %s%s", dev, hook_point_names[point],
				     strerror(-*link),
				     means_no_tcx(*link) ? ": this needs Linux 6.6; 'hook = clsact' does not" : "");
		*link = -1;
	}
	err = clsact_put(ifindex, point == HOOK_EGRESS, prog, &inner);
	return err ? fault(f, -err, "%s: %s", dev, inner.text) : 0;
}

/* Takes the new one in first, then lets the old one go: two of ours in a row do no harm. */
static int replace_tc(const struct hook_place *at, enum hook_point point, int prog, enum hook_kind kind,
		      const struct hook_pin *old, struct fault *f)
{
	int link, err = attach_tc(at->dev, at->ifindex, point, prog, kind, &link, f);

	if (err)
		return err;
	err = hook_pin_put(at, point, link >= 0 ? link : prog, f);
	if (!err && old->fd >= 0 && (old->is_link || link >= 0))
		pinned_detach(old, at->ifindex, point);
	if (link >= 0)
		close(link);
	return err;
}

int hook_put_tc(const struct hook_place *at, enum hook_point point, int prog, enum hook_kind kind, bool *made,
		struct fault *f)
{
	struct hook_pin old = hook_pin_open(at, point);
	int err = 0;

	*made = old.fd < 0;
	if (old.fd >= 0 && kind == HOOK_AUTO)
		kind = old.is_link ? HOOK_TCX : HOOK_CLSACT;
	if (old.fd >= 0 && old.is_link && kind == HOOK_TCX && old.ifindex == (uint32_t)at->ifindex) {
		if (bpf_link_update(old.fd, prog, NULL) < 0)
			err = fault(f, errno, "%s: replacing the %s program: %s", at->dev, hook_point_names[point],
				    strerror(errno));
	} else {
		err = replace_tc(at, point, prog, kind, &old, f);
	}
	hook_pin_close(&old);
	return err;
}

int hook_put_first(const struct hook_place *at, enum hook_point point, int prog, enum hook_kind kind, struct fault *f)
{
	struct hook_pin old = hook_pin_open(at, point);
	int err;

	if (old.fd >= 0)
		kind = old.is_link ? HOOK_TCX : HOOK_CLSACT;
	/* tcx takes no program twice, and has no way to the front but out: the backstop, to which it is not there
	 * already, holds. */
	if (old.fd >= 0 && old.is_link)
		bpf_link_detach(old.fd);
	err = replace_tc(at, point, prog, kind, &old, f);
	hook_pin_close(&old);
	return err;
}

uint32_t hook_program(const struct hook_place *at, enum hook_point point)
{
	struct hook_pin p = hook_pin_open(at, point);

	hook_pin_close(&p);
	return p.prog_id;
}

int hook_put_tap(int tap_ifindex, int prog, enum hook_kind kind, int *link, struct fault *f)
{
	return attach_tc("the TAP", tap_ifindex, HOOK_INGRESS, prog, kind, link, f);
}
