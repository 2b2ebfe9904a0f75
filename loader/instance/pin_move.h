/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An instance's pins while it runs. Somebody may unmount the BPF file system, or mount another over it: then what is
 * pinned is held by this process's descriptor alone, nobody else finds it, and the gate would end with this process.
 */
#ifndef LOADER_INSTANCE_PIN_MOVE_H
#define LOADER_INSTANCE_PIN_MOVE_H

#include "instance.h"

/* From now on bpf_dir is a path by the descriptor, which is good whatever becomes of the mount. 0 or -ENAMETOOLONG. */
int pins_hold(struct instance *in, struct fault *f);

/*
 * If another file system is there now, or none, which is then mounted: all that is pinned is pinned there, too, in
 * place of what another run has left there; and from then on that one is the instance's. 1: so it was; 0: nothing has
 * changed; or -errno, and all is as before, to be tried again.
 */
int pins_move(struct instance *in, struct fault *f);

#endif
