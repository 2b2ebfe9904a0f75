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

static enum programs_part part_of(const struct datapath *skel, const struct bpf_program *program)
{
	if (program == skel->progs.xdp_ingress_jumbo)
		return PROGRAMS_JUMBO;
	return program == skel->progs.nic_ingress ? PROGRAMS_GENERIC : PROGRAMS_COMMON;
}

static struct datapath *open_part(enum programs_part part)
{
	struct datapath *skel = datapath__open();
	struct bpf_program *program;

	if (skel)
		bpf_object__for_each_program(program, skel->obj)
			bpf_program__set_autoload(program, part_of(skel, program) == part);
	return skel;
}

static int load(struct programs *programs, enum programs_part part, struct datapath *skel, struct fault *f)
{
	int err;

	memcpy((void *)&skel->rodata->cfg, &programs->config, sizeof(programs->config));
	err = datapath__load(skel);
	if (err)
		return libbpf_fault(f, -err, "loading the BPF programs");
	programs->loaded[part] = skel;
	return 0;
}

int programs_load(struct programs *programs, const char *dir, const struct maps *maps, const struct prog_config *cfg,
		  struct fault *f)
{
	struct datapath *skel = open_part(PROGRAMS_COMMON);
	int err;

	if (!skel)
		return libbpf_fault(f, errno, "opening the BPF object");
	*programs = (struct programs){.maps = maps, .config = *cfg};
	err = pinned_maps_use(skel->obj, dir, maps->slots, f);
	if (!err)
		err = load(programs, PROGRAMS_COMMON, skel, f);
	if (err)
		datapath__destroy(skel);
	return err;
}

/* The maps are those of the part that is there, wherever they are pinned by now, and so are variables. */
static int share_maps(struct datapath *skel, const struct datapath *common)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, skel->obj)
	{
		const struct bpf_map *other = bpf_object__find_map_by_name(common->obj, bpf_map__name(map));

		if (!err && map != skel->maps.rodata)
			err = bpf_map__reuse_fd(map, bpf_map__fd(other));
	}
	return err;
}

static int need(struct programs *programs, enum programs_part part, struct fault *f)
{
	struct datapath *skel;
	int err;

	if (programs->loaded[part])
		return 0;
	skel = open_part(part);
	if (!skel)
		return libbpf_fault(f, errno, "opening the BPF object");
	err = share_maps(skel, programs->loaded[PROGRAMS_COMMON]);
	err = err ? libbpf_fault(f, -err, "sharing the maps") : load(programs, part, skel, f);
	if (err)
		datapath__destroy(skel);
	return err;
}

void programs_free(struct programs *programs)
{
	for (unsigned part = 0; part < PROGRAMS_PARTS; part++) {
		datapath__destroy(programs->loaded[part]);
		programs->loaded[part] = NULL;
	}
}

/* The kernel got packets of several buffers in AF_XDP, which alone make frags of use, and tcx, with the same version.
 */
int programs_try(struct fault *f)
{
	struct datapath *skel = datapath__open();
	int err;

	if (skel)
		bpf_program__set_autoload(skel->progs.xdp_ingress_jumbo, hooks_have_tcx());
	err = skel ? datapath__load(skel) : -errno;
	datapath__destroy(skel);
	return err ? libbpf_fault(f, err < 0 ? -err : err, "loading them") : 0;
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
static bool is_jumbo(enum port_mode mode, bool jumbo)
{
	return jumbo && mode == PORT_NATIVE;
}

static const struct datapath *part(const struct programs *programs, enum programs_part part)
{
	return programs->loaded[part];
}

int programs_fd(const struct programs *programs, enum hook_point point, enum port_mode mode, bool jumbo)
{
	const struct datapath *common = part(programs, PROGRAMS_COMMON), *jumbos = part(programs, PROGRAMS_JUMBO),
			      *generic = part(programs, PROGRAMS_GENERIC);

	if (point == HOOK_EGRESS)
		return bpf_program__fd(common->progs.tc_egress);
	if (point == HOOK_INGRESS)
		return generic ? bpf_program__fd(generic->progs.nic_ingress) : -1;
	if (is_jumbo(mode, jumbo))
		return jumbos ? bpf_program__fd(jumbos->progs.xdp_ingress_jumbo) : -1;
	return bpf_program__fd(common->progs.xdp_ingress);
}

int programs_tap_fd(const struct programs *programs)
{
	return bpf_program__fd(part(programs, PROGRAMS_COMMON)->progs.tap_ingress);
}

int programs_steering_fd(const struct programs *programs)
{
	return bpf_program__fd(part(programs, PROGRAMS_COMMON)->progs.tap_steering);
}

static uint32_t id_of(int program)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(program, &info, &size) == 0 ? info.id : 0;
}

/* Between two programs the backstop is to trust either. */
static void expect(const struct programs *programs, const struct programs_nic *nic, enum port_mode mode)
{
	const enum hook_point in = mode == PORT_NATIVE ? HOOK_XDP : HOOK_INGRESS;

	gates_expect(programs->maps, nic->gate.nic, mode, id_of(programs_fd(programs, HOOK_EGRESS, mode, false)),
		     id_of(programs_fd(programs, in, mode, nic->jumbo)));
}

/* Whether tc ingress is to guard the NIC, for a moment at least. */
static bool needs_ingress(const struct programs *programs, const struct programs_nic *nic, enum port_mode mode)
{
	return mode == PORT_GENERIC || nic->at.renew_xdp ||
	       gates_get(programs->maps, nic->gate.nic).mode == PORT_GENERIC;
}

static int load_needed(struct programs *programs, const struct programs_nic *nic, enum port_mode mode, struct fault *f)
{
	int err = needs_ingress(programs, nic, mode) ? need(programs, PROGRAMS_GENERIC, f) : 0;

	return err || !is_jumbo(mode, nic->jumbo) ? err : need(programs, PROGRAMS_JUMBO, f);
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
	expect(programs, nic, mode);
	if (needs_ingress(programs, nic, mode))
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

static int attach_in_mode(struct programs *programs, struct programs_nic *nic, enum port_mode mode, bool *refused,
			  struct fault *f)
{
	struct made made = {0};
	int err = load_needed(programs, nic, mode, f);

	*refused = false;
	if (err)
		return err;
	err = hook_put_tap((int)nic->gate.tap, programs_tap_fd(programs), nic->kind, &nic->tap_link, f);
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

int programs_attach(struct programs *programs, struct programs_nic *nic, struct fault *f)
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
	log_warning("%s; going on in generic mode, which is slower", f->text);
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
