/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The BPF programs of an instance: loaded once over its pinned maps, which takes long, and hung on the hooks of as many
 * NICs as there are, whenever one appears, which does not. Those that few NICs need are loaded when the first one does.
 */
#ifndef LOADER_ATTACH_PROGRAMS_H
#define LOADER_ATTACH_PROGRAMS_H

#include "hooks.h"
#include "maps/config.bpf.h"
#include "maps/maps.h"

enum programs_part {
	PROGRAMS_COMMON,  /* for any NIC */
	PROGRAMS_JUMBO,	  /* native XDP of a NIC whose frames have several buffers */
	PROGRAMS_GENERIC, /* tc ingress, which guards the clear where XDP is generic */
	PROGRAMS_PARTS,
};

struct programs {
	struct datapath *loaded[PROGRAMS_PARTS]; /* NULL: not yet */
	const struct maps *maps;
	struct prog_config config;
};

/* Loads them over the maps pinned in dir, which maps has open. programs_free ends it. 0 or -errno. */
int programs_load(struct programs *programs, const char *dir, const struct maps *maps, const struct prog_config *cfg,
		  struct fault *f);

/* What is attached stays so. Safe twice, and on a zeroed struct. */
void programs_free(struct programs *programs);

/* A NIC to attach them to. */
struct programs_nic {
	struct hook_place at;
	enum hook_kind kind;
	struct gate gate; /* all but mode */
	bool jumbo;	  /* its MTU takes several buffers a frame */
	unsigned mode;	  /* in: what is asked for; out: what it became */
	int tap_link;	  /* out: to be closed with the TAP */
};

/*
 * Attaches them to the NIC and to its TAP, and enters both in gates. Links that are pinned from before get the new
 * programs without a gap. On an error everything that was not there before is gone again. 0 or -errno.
 */
int programs_attach(struct programs *programs, struct programs_nic *nic, struct fault *f);

/* The program that belongs on a NIC's hook, or on a TAP's ingress; not to be closed. -1: none of these NICs needs it.
 */
int programs_fd(const struct programs *programs, enum hook_point point, enum port_mode mode, bool jumbo);
int programs_tap_fd(const struct programs *programs);

/* The program that chooses a TAP's queue; not to be closed. */
int programs_steering_fd(const struct programs *programs);

/* What a program that runs was told when it was loaded, by the id that a gate has of it. 0 or -errno. */
int programs_config(uint32_t program, struct prog_config *out);

/* Whether this kernel takes the maps and the programs: loads them and lets them go. 0 or -errno. */
int programs_try(struct fault *f);

#endif
