/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "gates.h"
#include "instance/libbpf_fault.h"
#include "instance/pinned_maps.h"
#include "lib/log.h"
#include "datapath.skel.h"

/* ---- loading ---- */

/* The kernel got packets of several buffers in AF_XDP, which alone make frags of use, and tcx, with the same version.
 */
static struct datapath *open_object(void)
{
	struct datapath *skel = datapath__open();

	if (skel)
		bpf_program__set_autoload(skel->progs.xdp_ingress_jumbo, hooks_have_tcx());
	return skel;
}

int programs_load(struct programs *programs, const char *dir, const struct maps *maps, const struct prog_config *cfg,
		  struct fault *f)
{
	struct datapath *skel = open_object();
	int err;

	if (!skel)
		return libbpf_fault(f, errno, "opening the BPF object");
	memcpy((void *)&skel->rodata->cfg, cfg, sizeof(*cfg));
	err = pinned_maps_use(skel->obj, dir, f);
	if (!err) {
		err = datapath__load(skel);
		if (err)
			err = libbpf_fault(f, -err, "loading the BPF programs");
	}
	if (err)
		datapath__destroy(skel);
	else
		*programs = (struct programs){.loaded = skel, .maps = maps};
	return err;
}

void programs_free(struct programs *programs)
{
	datapath__destroy(programs->loaded);
	programs->loaded = NULL;
}

int programs_try(struct fault *f)
{
	struct datapath *skel = open_object();
	int err = skel ? datapath__load(skel) : -errno;

	datapath__destroy(skel);
	return err ? libbpf_fault(f, -err, "loading them") : 0;
}

/* ---- attaching ---- */

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
 * Generic XDP is shown a frame in one piece if the program knows no others. One that does gets a copy, in which
 * the kernel forgets skb->mac_len: tc programs behind it find no Ethernet header, and let what is in clear pass.
 */
static struct bpf_program *xdp_program(const struct datapath *skel, enum port_mode mode, bool jumbo)
{
	return jumbo && mode == PORT_NATIVE ? skel->progs.xdp_ingress_jumbo : skel->progs.xdp_ingress;
}

int programs_fd(const struct programs *programs, enum hook_point point, enum port_mode mode, bool jumbo)
{
	const struct datapath *skel = programs->loaded;

	if (point == HOOK_XDP)
		return bpf_program__fd(xdp_program(skel, mode, jumbo));
	return bpf_program__fd(point == HOOK_EGRESS ? skel->progs.tc_egress : skel->progs.nic_ingress);
}

int programs_tap_fd(const struct programs *programs)
{
	return bpf_program__fd(programs->loaded->progs.tap_ingress);
}

int programs_steering_fd(const struct programs *programs)
{
	return bpf_program__fd(programs->loaded->progs.tap_steering);
}

/*
 * The tc ingress program, which guards the clear in generic mode, comes first and goes last: between two XDP modes, or
 * links, the gate stays closed. XDP reads in gates which mode it is in, so that is written before the guard goes.
 */
static int put_all(const struct programs *programs, const struct programs_nic *nic, enum port_mode mode,
		   struct made *made, struct fault *f)
{
	const struct hook_place *at = &nic->at;
	struct gate gate = nic->gate;
	int err = 0;

	gate.mode = (uint8_t)mode;
	if (mode == PORT_GENERIC || at->renew_xdp || gates_get(programs->maps, gate.nic).mode == PORT_GENERIC)
		err = hook_put_tc(at, HOOK_INGRESS, programs_fd(programs, HOOK_INGRESS, mode, false), nic->kind,
				  &made->ingress, f);
	if (!err)
		err = hook_put_tc(at, HOOK_EGRESS, programs_fd(programs, HOOK_EGRESS, mode, false), nic->kind,
				  &made->egress, f);
	if (!err) {
		err = hook_put_xdp(at, programs_fd(programs, HOOK_XDP, mode, nic->jumbo), mode, &made->xdp, f);
		made->xdp_refused = err;
	}
	if (!err) {
		gate.egress = hook_program(at, HOOK_EGRESS);
		gate.ingress = hook_program(at, mode == PORT_NATIVE ? HOOK_XDP : HOOK_INGRESS);
		err = gates_attach(programs->maps, &gate, f);
	}
	if (!err && mode == PORT_NATIVE)
		hook_remove(at, HOOK_INGRESS);
	return err;
}

static int attach_in_mode(const struct programs *programs, struct programs_nic *nic, enum port_mode mode, bool *refused,
			  struct fault *f)
{
	struct made made = {0};
	int err = hook_put_tap((int)nic->gate.tap, programs_tap_fd(programs), nic->kind, &nic->tap_link, f);

	*refused = false;
	if (err)
		return err;
	err = put_all(programs, nic, mode, &made, f);
	if (err) {
		undo(&nic->at, &made);
		if (nic->tap_link >= 0)
			close(nic->tap_link);
	}
	*refused = made.xdp_refused;
	return err;
}

static int no_native(const struct hook_place *at, struct fault *f)
{
	return fault(f, EOPNOTSUPP,
		     "%s: its driver has no native XDP: 'mode = auto' or generic does without, and is slower", at->dev);
}

int programs_attach(const struct programs *programs, struct programs_nic *nic, struct fault *f)
{
	const bool automatic = nic->mode == MODE_AUTO;
	enum port_mode before;
	bool refused;
	int err = hooks_take_over(&nic->at, &before, f);

	if (err)
		return err;
	if (automatic)
		nic->mode = before ? before : PORT_NATIVE;
	err = attach_in_mode(programs, nic, nic->mode, &refused, f);
	if (refused && !automatic && err == -EOPNOTSUPP)
		return no_native(&nic->at, f);
	if (!refused || !automatic || nic->mode == PORT_GENERIC)
		return err;
	log_line("%s; going on in generic mode, which is slower", f->text);
	nic->mode = PORT_GENERIC;
	return attach_in_mode(programs, nic, nic->mode, &refused, f);
}

/* ---- what runs ---- */

/* Read-only data has one entry; a map of theirs that begins alike is another's. */
static int read_config(uint32_t map, struct prog_config *out)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info), only = 0;
	int err = -ENOENT, fd = bpf_map_get_fd_by_id(map);

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.value_size == sizeof(*out) &&
	    strstr(info.name, ".rodata"))
		err = bpf_map_lookup_elem(fd, &only, out);
	close(fd);
	return err;
}

int programs_config(uint32_t program, struct prog_config *out)
{
	uint32_t maps[64], size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.nr_map_ids = 64, .map_ids = (uintptr_t)maps};
	int err, fd = bpf_prog_get_fd_by_id(program);

	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &size);
	close(fd);
	if (err)
		return err;
	for (uint32_t i = 0; i < info.nr_map_ids && i < 64; i++)
		if (read_config(maps[i], out) == 0)
			return 0;
	return -ENOENT;
}
