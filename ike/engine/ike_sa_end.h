/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of an IKE SA. Any function may bring it about, however deep in a call: a dead IKE SA is found by no message
 * and has no child and no task, but its memory stays until the tick (mortal.h). So a caller looks at its state, and
 * goes on.
 */
#ifndef IKE_ENGINE_IKE_SA_END_H
#define IKE_ENGINE_IKE_SA_END_H

#include "ike_sa.h"

/* Ends the IKE SA: its children leave, its tasks are dropped. why: one line, for the log and for who has ordered
 * something; NULL: nothing has failed. */
void ike_sa_die(struct ike_sa *sa, const char *why);

/* The same for a failure that is recorded already. */
void ike_sa_die_told(struct ike_sa *sa);

/* The same for what the peer said, or was told: notify. why is not NULL. */
void ike_sa_fail(struct ike_sa *sa, uint16_t notify, const char *why);

/* The same, without a failure, after an answer that says so. The answer is kept: the peer may ask for it again. */
void ike_sa_die_answered(struct ike_sa *sa);

/* That answer is kept no longer. */
void ike_sa_forget_answer(struct ike_sa *sa);

/* The peer has forgotten the IKE SA. It ends a moment later here: the peer's datapath may still take packets of the old
 * children, and takes none of the new ones yet. */
void ike_sa_forgotten(struct ike_sa *sa, const char *why);

/* Its peer was taken down. An IKE SA that is up is deleted, one that is not up yet ends. One that carries children of
 * another connection becomes that connection's, and goes on. */
void ike_sa_take_down(struct ike_sa *sa);

/* Sends a DELETE whose answer nobody waits for, if the window is free. The caller ends the IKE SA, here it stays. */
void ike_sa_say_good_bye(struct ike_sa *sa);

/* The heir gets old's children and waiting tasks. If the peer was taken down in the meantime, the heir is. */
void ike_sa_inherit(struct ike_sa *heir, struct ike_sa *old);

#endif
