/* SPDX-License-Identifier: BSD-2-Clause */
/* IKE_AUTH as responder: which connection the peer means, and whether it is who it says. */
#ifndef IKE_ENGINE_IKE_AUTH_RESPONDER_H
#define IKE_ENGINE_IKE_AUTH_RESPONDER_H

#include "question.h"

bool auth_foresee(struct question *q);
enum verdict auth_on_request(struct question *q);

#endif
