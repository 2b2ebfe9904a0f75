/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath.skel.h"
#include "log.h"
#include "maps.h"
#include "privileges.h"

#define PIN_MAX (BPFFS_PATH_MAX + 32)

/* ---- what libbpf has to say ---- */

static char last_complaint[200];

static int keep_complaint(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN) {
		vsnprintf(last_complaint, sizeof(last_complaint), format, args);
		last_complaint[strcspn(last_complaint, "\n")] = '\0';
	}
	return 0;
}

void programs_quiet_libbpf(void)
{
	libbpf_set_print(keep_complaint);
}

static int libbpf_fault(struct fault *f, int err, const char *what)
{
	return fault(f, err, "%s: %s (%s): %s", what, strerror(err), last_complaint,
		     privileges_remedy(err, "this needs Linux 5.15 or later, with BTF"));
}

/* ---- maps ---- */

static int use_pinned_maps(struct bpf_object *object, const char *dir, struct fault *f)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		char path[PIN_MAX];
		int err;

		if (bpf_map__is_internal(map))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_map__name(map));
		err = bpf_map__set_pin_path(map, path);
		if (err)
			return fault(f, -err, "%s: %s", path, strerror(-err));
	}
	return 0;
}

static int write_layout(const struct datapath *skel, struct fault *f)
{
	const struct layout layout = {.version = LAYOUT_VERSION, .slots = SLOTS_MAX, .made_ns = maps_now()};
	const uint32_t zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(skel->maps.layout), &zero, &layout, BPF_ANY) < 0)
		return fault(f, errno, "map layout: %s", strerror(errno));
	return 0;
}

/* The maps alone: the programs need a NIC's settings first. */
static int make_maps_in(const char *dir, struct fault *f)
{
	struct datapath *skel = datapath__open();
	struct bpf_program *program;
	int err;

	if (!skel)
		return libbpf_fault(f, errno, "opening the BPF object");
	bpf_object__for_each_program(program, skel->obj) bpf_program__set_autoload(program, false);
	err = use_pinned_maps(skel->obj, dir, f);
	if (!err) {
		err = datapath__load(skel);
		if (err)
			err = libbpf_fault(f, -err, "making the maps");
	}
	if (!err)
		err = write_layout(skel, f);
	datapath__destroy(skel);
	return err;
}

static int make_dir(const char *path, struct fault *f)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return fault(f, errno, "%s: %s", path, strerror(errno));
	return 0;
}

static void remove_files(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

void programs_remove_maps(const char *dir)
{
	char path[PIN_MAX + sizeof("/links")];

	snprintf(path, sizeof(path), "%s/links", dir);
	remove_files(path);
	remove_files(dir);
}

/*
 * Made beside and moved into place complete, so that nobody ever opens half of
 * them. No instance can have a colon in its name.
 */
int programs_make_maps(const char *dir, struct fault *f)
{
	char beside[PIN_MAX], path[PIN_MAX + sizeof("/links")];
	int err;

	snprintf(beside, sizeof(beside), "%s:making", dir);
	programs_remove_maps(beside);
	/* The directory of all instances stays: another one may be making its own in it. */
	snprintf(path, sizeof(path), "%s", dir);
	*strrchr(path, '/') = '\0';
	err = make_dir(path, f);
	if (!err)
		err = make_dir(beside, f);
	snprintf(path, sizeof(path), "%s/links", beside);
	if (!err)
		err = make_dir(path, f);
	if (!err)
		err = make_maps_in(beside, f);
	if (!err && rename(beside, dir) < 0)
		err = fault(f, errno, "%s: %s: an incomplete instance: 'xdp-ipsec detach' its NICs first", dir,
			    strerror(errno));
	if (err)
		programs_remove_maps(beside);
	return err;
}

/* ---- programs ---- */

static int load(const char *dir, const struct prog_config *cfg, struct datapath **out, struct fault *f)
{
	struct datapath *skel = datapath__open();
	int err;

	if (!skel)
		return libbpf_fault(f, errno, "opening the BPF object");
	memcpy((void *)&skel->rodata->cfg, cfg, sizeof(*cfg));
	if (cfg->jumbo)
		bpf_program__set_flags(skel->progs.xdp_ingress, BPF_F_XDP_HAS_FRAGS);
	err = use_pinned_maps(skel->obj, dir, f);
	if (!err) {
		err = datapath__load(skel);
		if (err)
			err = libbpf_fault(f, -err, "loading the BPF programs");
	}
	if (err)
		datapath__destroy(skel);
	else
		*out = skel;
	return err;
}

int programs_try(struct fault *f)
{
	struct datapath *skel = datapath__open();
	int err = skel ? datapath__load(skel) : -errno;

	datapath__destroy(skel);
	return err ? libbpf_fault(f, -err, "loading them") : 0;
}

/* Which hooks were made here, to be undone if a later one fails; and whether that was the NIC refusing the XDP mode. */
struct made {
	bool xdp;
	bool egress;
	bool ingress;
	bool xdp_refused;
};

static void undo(const struct hook_place *at, const struct made *made)
{
	if (made->xdp)
		hook_remove(at, HOOK_XDP);
	if (made->egress)
		hook_remove(at, HOOK_EGRESS);
	if (made->ingress)
		hook_remove(at, HOOK_INGRESS);
}

/*
 * The tc ingress program, which guards the clear in generic mode, comes first
 * and goes last: between two XDP modes, or links, the gate stays closed.
 */
static int put_all(const struct hook_place *at, const struct datapath *skel, enum hook_kind kind, enum port_mode mode,
		   struct made *made, struct fault *f)
{
	int err = 0;

	if (mode == PORT_GENERIC || at->renew_xdp)
		err = hook_put_tc(at, HOOK_INGRESS, bpf_program__fd(skel->progs.nic_ingress), kind, &made->ingress, f);
	if (!err)
		err = hook_put_tc(at, HOOK_EGRESS, bpf_program__fd(skel->progs.tc_egress), kind, &made->egress, f);
	if (!err) {
		err = hook_put_xdp(at, bpf_program__fd(skel->progs.xdp_ingress), mode, &made->xdp, f);
		made->xdp_refused = err;
	}
	if (!err && mode == PORT_NATIVE)
		hook_remove(at, HOOK_INGRESS);
	return err;
}

static int attach_in_mode(const struct hook_place *at, const struct prog_config *settings, enum hook_kind kind,
			  enum port_mode mode, int *tap_link, bool *refused, struct fault *f)
{
	struct prog_config cfg = *settings;
	struct datapath *skel = NULL;
	struct made made = {0};
	int err;

	*refused = false;
	cfg.generic = mode == PORT_GENERIC;
	/*
	 * Generic XDP is shown a frame in one piece if the program knows no others. One that does gets a copy, in which
	 * the kernel forgets skb->mac_len: tc programs behind it find no Ethernet header, and let what is in clear
	 * pass.
	 */
	cfg.jumbo = settings->jumbo && mode == PORT_NATIVE;
	err = load(at->dir, &cfg, &skel, f);
	if (err)
		return err;
	err = hook_put_tap((int)cfg.tap_ifindex, bpf_program__fd(skel->progs.tap_ingress), kind, tap_link, f);
	if (!err) {
		err = put_all(at, skel, kind, mode, &made, f);
		if (err) {
			undo(at, &made);
			if (*tap_link >= 0)
				close(*tap_link);
		}
	}
	*refused = made.xdp_refused;
	datapath__destroy(skel);
	return err;
}

int programs_attach(const struct hook_place *at, const struct prog_config *cfg, enum hook_kind kind, unsigned *mode,
		    int *tap_link, struct fault *f)
{
	const bool automatic = *mode == MODE_AUTO;
	enum port_mode before;
	bool refused;
	int err = hooks_take_over(at, &before, f);

	if (!err)
		err = hook_check_foreign(at, f);
	if (err)
		return err;
	if (automatic)
		*mode = before ? before : PORT_NATIVE;
	err = attach_in_mode(at, cfg, kind, *mode, tap_link, &refused, f);
	if (!refused || !automatic || *mode == PORT_GENERIC)
		return err;
	log_line("%s; going on in generic mode, which is slower", f->text);
	*mode = PORT_GENERIC;
	return attach_in_mode(at, cfg, kind, *mode, tap_link, &refused, f);
}
