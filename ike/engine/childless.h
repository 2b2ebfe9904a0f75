/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer that makes no child in IKE_AUTH makes it by CREATE_CHILD_SA, perhaps: there it is asked for at once.
 *
 *   IDr, AUTH, N(error)                         the IKE SA is up without it (RFC 7296 section 1.2): asked on that
 *   [IDr, AUTH,] N(INVALID_SYNTAX)              the IKE SA is over, as if it had never been (section 2.21.2): another
 *                                               one is opened, without a child (RFC 6023), if the peer takes such
 */
#ifndef IKE_ENGINE_CHILDLESS_H
#define IKE_ENGINE_CHILDLESS_H

#include "task.h"

/* The peer finds what auth asks for malformed. True: it is the child that it does not want there, as far as can be
 * told; sa is dead, and another one takes its part. Not twice: that one asks for none. */
bool childless_open(struct ike_sa *sa, const struct task *auth);

/* sa is up without the child that auth is for: it is asked for. error: the peer's; 0: none. False: no memory. */
bool childless_ask(struct ike_sa *sa, const struct task *auth, uint16_t error);

#endif
