/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of an IKE SA. Whatever is running may bring it about, however deep in a call: the IKE SA is dead then, found
 * by no message, without children and tasks; it is freed by the tick (mortal.h).
 */
#ifndef IKE_IKE_SA_END_H
#define IKE_IKE_SA_END_H

#include "ike_sa.h"

/* Its children go (by child_leave), its tasks fail. why: for who waits; NULL:
 * nothing failed. */
void ike_sa_die(struct ike_sa *sa, const char *why);

/* The same, after an answer that says so: that stays to be had for a while. */
void ike_sa_die_answered(struct ike_sa *sa);

/* No longer. */
void ike_sa_forget_answer(struct ike_sa *sa);

/* The peer has forgotten it: our end goes a moment later, for the datapath of the new one is not there yet. */
void ike_sa_forgotten(struct ike_sa *sa, const char *why);

/* Its peer was taken down: DELETE if it is up, the end if it is not yet. One that carries another connection's children
 * goes on as that one's. */
void ike_sa_take_down(struct ike_sa *sa);

/* A DELETE that nobody waits for the answer of, if the window is free. */
void ike_sa_say_good_bye(struct ike_sa *sa);

/* Puts the children and the tasks that wait on another IKE SA. What was taken down in the meantime ends as its heir. */
void ike_sa_inherit(struct ike_sa *heir, struct ike_sa *old);

#endif
