/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child for each lane beside the one for all of them (RFC 9611, where that is the Fallback SA and a lane a resource),
 * with per-queue-sas = yes:
 *
 *   first child   N(SA_RESOURCE_INFO) both ways: the peer takes others beside it
 *   acquire       a CPU sends whose lane has none: one that the peer has asked for and no lane has yet, or else
 *                 CREATE_CHILD_SA for the same selector, with N(SA_RESOURCE_INFO)
 *
 * Which lane the peer has one for is the peer's business. Those it has asked for are spare here until a lane wants one,
 * so that both ends have as many as the one with more lanes.
 */
#ifndef IKE_ENGINE_PER_LANE_H
#define IKE_ENGINE_PER_LANE_H

#include "child.h"
#include "peer.h"

/*
 * Of one peer, for all its selectors: as many as a worker can have lanes (maps/layout.h). A peer with more CPUs gains
 * nothing by more, since we open no faster; one that asks without end has its slots for itself, and not those of
 * others.
 */
#define LANE_CHILDREN_MAX LANES_MAX

/* A CPU of that lane (1 and up) sends what the selector is for, and its lane has no child. Told again while that is so.
 */
void lane_acquire(struct peer *p, unsigned selector, unsigned lane);

/* The peer has refused a child for a lane, or does not know what that is: said once, and none is asked for during a
 * while. error: the peer's; 0: it has made one as if for all. */
void lane_refused(struct peer *p, uint16_t error);

/* The peer has made the child. If that is for a lane, it takes others, whatever it has said with the first one. */
void lane_child_made(const struct child *c);

/* For a new child that the peer asks for with N(SA_RESOURCE_INFO), and the same selector has one on the IKE SA: it is
 * one more beside that. */
bool lane_is_beside(const struct ike_sa *sa, const struct peer *p, const struct selector *s);

/* The peer has LANE_CHILDREN_MAX. */
bool lane_children_are_many(const struct peer *p);

#endif
