/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "backstop.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "maps/maps.h"

#include "instance/libbpf_fault.h"
#include "instance/pinned_maps.h"
#include "backstop.skel.h"

/* Of Linux 6.4, which libbpf 1.1 does not know yet. */
#define PROG_TYPE_NETFILTER ((enum bpf_prog_type)32)
#define ATTACH_NETFILTER    ((enum bpf_attach_type)45)
/* On a hook no two BPF programs have the same priority: an earlier run's and other instances' go beside ours. */
#define PRIORITIES 64

/*
 * Before anything rewrites addresses on the way in (conntrack's defragmentation is at -400), and after everything that
 * does on the way out (source NAT is at 100): the addresses are those on the wire, which the programs on the NICs see,
 * too.
 */
static const struct wall {
	const char *pin;
	uint32_t family;
	uint32_t hook;
	int32_t priority;
	bool for_routes; /* there for routes that encapsulate alone */
} walls[] = {
	/* clang-format off */
	{"out", NFPROTO_IPV4, NF_INET_POST_ROUTING, 1000, false},
	{"in", NFPROTO_IPV4, NF_INET_PRE_ROUTING, -1000, false},
	{"local", NFPROTO_IPV4, NF_INET_LOCAL_IN, -1000, false},
	{"forward", NFPROTO_IPV4, NF_INET_FORWARD, -1000, true},
	{"wrapped", NFPROTO_IPV6, NF_INET_POST_ROUTING, 1000, true},
	/* clang-format on */
};
#define WALLS (sizeof(walls) / sizeof(walls[0]))
_Static_assert(WALLS == BACKSTOP_WALLS, "struct backstop_held has a descriptor for each");

static void pin_path(const char *dir, const struct wall *wall, char *path)
{
	snprintf(path, PIN_MAX, "%s" BACKSTOP_PINS "/%s", dir, wall->pin);
}

/* ---- loading ---- */

static struct backstop *open_object(const struct prog_config *cfg, bool sees_all)
{
	struct backstop *skel = backstop__open();

	if (!skel)
		return NULL;
	bpf_program__set_type(skel->progs.backstop, PROG_TYPE_NETFILTER);
	bpf_program__set_expected_attach_type(skel->progs.backstop, ATTACH_NETFILTER);
	memcpy((void *)&skel->rodata->cfg, cfg, sizeof(*cfg));
	*(bool *)&skel->rodata->sees_all = sees_all;
	return skel;
}

/* libbpf finds the kernel's types and functions missing, or the kernel the program's type; the others tell nothing of
 * what the kernel can. */
static int not_loaded(int err, struct fault *f)
{
	if (err == -EPERM || err == -EMFILE || err == -ENFILE || err == -ENOMEM)
		return libbpf_fault(f, -err, "loading the backstop");
	return fault(f, ENOTSUP,
		     "this kernel has none (before Linux 6.6): packets are guarded on attached interfaces only");
}

static int load_as(bool sees_all, const char *maps_dir, uint32_t slots, const struct prog_config *cfg,
		   struct backstop **out, struct fault *f)
{
	struct backstop *skel = open_object(cfg, sees_all);
	int err;

	if (!skel)
		return libbpf_fault(f, errno, "opening the BPF object");
	err = maps_dir ? pinned_maps_use(skel->obj, maps_dir, slots, f) : 0;
	if (!err) {
		err = backstop__load(skel);
		if (err)
			err = not_loaded(err, f);
	}
	if (err)
		backstop__destroy(skel);
	else
		*out = skel;
	return err;
}

/* A kernel that refuses what looks into its own structures may take the rest. */
static int load(const char *maps_dir, uint32_t slots, const struct prog_config *cfg, struct backstop **out,
		struct fault *f)
{
	const int err = load_as(true, maps_dir, slots, cfg, out, f);

	return err == -ENOTSUP ? load_as(false, maps_dir, slots, cfg, out, f) : err;
}

/* ---- linking ---- */

/* The part of union bpf_attr for BPF_LINK_CREATE that headers before 6.4 lack. */
struct netfilter_link {
	uint32_t prog_fd;
	uint32_t target_fd;
	uint32_t attach_type;
	uint32_t flags;
	uint32_t pf;
	uint32_t hook;
	int32_t priority;
	uint32_t netfilter_flags;
};

/* The link's fd, or -errno. */
static int link_create(int prog, const struct wall *wall)
{
	struct netfilter_link attr = {
		.prog_fd = (uint32_t)prog,
		.attach_type = ATTACH_NETFILTER,
		.pf = wall->family,
		.hook = wall->hook,
		.priority = wall->priority,
	};

	for (int i = 0; i < PRIORITIES; i++, attr.priority++) {
		const int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

		if (fd >= 0 || errno != EBUSY)
			return fd >= 0 ? fd : -errno;
	}
	return -EBUSY;
}

/* The pin of the one before is replaced, and its link taken down behind it (pinned_link_end). */
static int put_wall(const char *dir, const struct wall *wall, int prog, struct fault *f)
{
	char path[PIN_MAX], fresh[PIN_MAX + 1];
	const int link = link_create(prog, wall);
	int err = 0, before;

	if (link < 0)
		return fault(f, -link, "the backstop, %s: %s", wall->pin, strerror(-link));
	pin_path(dir, wall, path);
	snprintf(fresh, sizeof(fresh), "%s~", path);
	unlink(fresh);
	before = bpf_obj_get(path);
	if (bpf_obj_pin(link, fresh) < 0 || rename(fresh, path) < 0) {
		err = fault(f, errno, "%s: %s", path, strerror(errno));
		unlink(fresh);
	} else if (before >= 0) {
		bpf_link_detach(before);
	}
	if (before >= 0)
		close(before);
	close(link);
	return err;
}

static void remove_wall(const char *dir, const struct wall *wall)
{
	char path[PIN_MAX];

	pin_path(dir, wall, path);
	pinned_link_end(path);
}

int backstop_put(const char *dir, const char *maps_dir, uint32_t slots, const struct prog_config *cfg, struct fault *f)
{
	struct backstop *skel;
	int err = load(maps_dir, slots, cfg, &skel, f);

	if (err)
		return err;
	for (size_t i = 0; i < WALLS && !err; i++) {
		if (skel->rodata->sees_all || !walls[i].for_routes)
			err = put_wall(dir, &walls[i], bpf_program__fd(skel->progs.backstop), f);
		else
			remove_wall(dir, &walls[i]);
	}
	backstop__destroy(skel);
	return err;
}

void backstop_remove(const char *dir)
{
	for (size_t i = 0; i < WALLS; i++)
		remove_wall(dir, &walls[i]);
}

void backstop_hold(struct backstop_held *held, const char *dir)
{
	struct backstop_held now = {{0}};

	for (size_t i = 0; i < WALLS; i++) {
		char path[PIN_MAX];
		int fd;

		pin_path(dir, &walls[i], path);
		fd = bpf_obj_get(path);
		if (fd > 0)
			now.fd[i] = fd;
	}
	backstop_let_go(held);
	*held = now;
}

void backstop_let_go(struct backstop_held *held)
{
	for (size_t i = 0; i < WALLS; i++)
		if (held->fd[i] > 0)
			close(held->fd[i]);
	*held = (struct backstop_held){{0}};
}

bool backstop_is_held(const struct backstop_held *held)
{
	for (size_t i = 0; i < WALLS; i++)
		if (held->fd[i] > 0)
			return true;
	return false;
}

static bool has_walls(const char *dir, bool for_routes)
{
	for (size_t i = 0; i < WALLS; i++) {
		char path[PIN_MAX];

		pin_path(dir, &walls[i], path);
		if (walls[i].for_routes == for_routes && access(path, F_OK) < 0)
			return false;
	}
	return true;
}

bool backstop_is_up(const char *dir)
{
	return has_walls(dir, false);
}

bool backstop_sees_routes(const char *dir)
{
	return has_walls(dir, false) && has_walls(dir, true);
}

int backstop_try(struct fault *f)
{
	const struct prog_config any = {0};
	struct backstop *skel;
	int err = load(NULL, 0, &any, &skel, f);

	if (err)
		return err;
	if (!skel->rodata->sees_all)
		err = fault(f, ENOTSUP, "%s", BACKSTOP_BLIND);
	backstop__destroy(skel);
	return err;
}
