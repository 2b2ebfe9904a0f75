/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates, CAs and CRLs that are to be renewed: told of when they are read, and once a day from then on. */
#ifndef IKE_ENGINE_EXPIRY_H
#define IKE_ENGINE_EXPIRY_H

#include "connection.h"

/* Tells of each file of the connection that ends soon or has ended, as the event certificate_ends. */
void expiry_tell(const struct connection *c);

/* The connections are those of the file: if one has certificates, they are looked at again in a day. */
void expiry_watch(struct engine *e);

/* The day is over: what ends is logged, too. */
void expiry_on_day(struct timer *timer);

#endif
