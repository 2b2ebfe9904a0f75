/* SPDX-License-Identifier: BSD-2-Clause */
/* Hosts and frames of chance: for the reference (reference.h), and the same for the maps of a fixture. */
#ifndef TESTS_BPF_WORLDS_H
#define TESTS_BPF_WORLDS_H

#include "fixture.h"
#include "reference.h"

/* Policies, SAs and what else there is, but for what the programs were loaded with. */
void world_random(struct ref_host *h, uint64_t *dice);
/* Makes the maps say so. */
void world_put(struct fixture *fx, const struct ref_host *h);
/* What a frame has changed in them is as it was; fragments are forgotten. */
void world_reset(struct fixture *fx, struct ref_host *h);

/* A frame that has to do with h; out: of this host. */
void frame_random(struct frame *f, const struct ref_host *h, bool out, uint64_t *dice);
/* A fragment of the same datagram, or of another that has its ID. */
void frame_another_fragment(struct frame *f, uint64_t *dice);

#endif
