/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol process' end of a socket behind which others work, the hands or the key holder's signers: a few jobs are
 * on their way, the rest waits here, by rank, so that what is urgent passes what is not.
 */
#ifndef IKE_HANDS_CREW_H
#define IKE_HANDS_CREW_H

#include "hands.h"

struct crew;

/* What came of a job; the answer is good until the call returns. */
typedef void crew_done(void *arg, uint32_t number, const struct job_answer *answer);

/* `count` of them work behind that socket, which becomes the crew's. NULL: no memory. */
struct crew *crew_new(int socket, unsigned count, crew_done *done, void *arg);
/* Wipes what waits. NULL is nothing to do. */
void crew_free(struct crew *c);

int crew_socket(const struct crew *c);

/* As hands_ops.give (job.h). -EAGAIN: as much waits as may. */
int crew_give(struct crew *c, const struct job *job);

/* The socket can be read: calls done for each answer that is there, and sends on what waits. False: there is nobody any
 * more. */
bool crew_hear(struct crew *c);

/* To be called every ten seconds. False: what was on its way at the call before has no answer yet: they hang. */
bool crew_watch(struct crew *c);

#endif
