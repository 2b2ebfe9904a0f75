/* SPDX-License-Identifier: BSD-2-Clause */
/* The BPF programs of one NIC: loaded with their settings over the instance's pinned maps, and hung on their hooks. */
#ifndef LOADER_PROGRAMS_H
#define LOADER_PROGRAMS_H

#include "config.bpf.h"
#include "hooks.h"

/* Which XDP mode is asked for: PORT_NATIVE, PORT_GENERIC, or whichever works, native first. */
#define MODE_AUTO 0

/*
 * Loads the programs and attaches them to the NIC and to its TAP. Links that are
 * pinned from before get the new programs without a gap. On an error everything
 * that was not there before is gone again.
 *
 * cfg: all but generic, which comes from the mode. *mode: in what is asked for,
 * out what it became. *tap_link: to be closed with the TAP. 0 or -errno.
 */
int programs_attach(const struct hook_place *at, const struct prog_config *cfg, enum hook_kind kind, unsigned *mode,
		    int *tap_link, struct fault *f);

/* Makes the instance's maps, pinned in dir, which must not exist yet; all of it or nothing. 0 or -errno. */
int programs_make_maps(const char *dir, struct fault *f);

/* Whether this kernel takes the maps and the programs: loads them and lets them go. 0 or -errno. */
int programs_try(struct fault *f);

/* Takes away every pin of the instance. Nothing there is no error. */
void programs_remove_maps(const char *dir);

/* From now on libbpf's complaints go into faults, not to stderr. Once, at start. */
void programs_quiet_libbpf(void);

#endif
