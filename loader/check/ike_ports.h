/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether IKE can have its UDP ports here, and who else does IKE in this network namespace. */
#ifndef LOADER_CHECK_IKE_PORTS_H
#define LOADER_CHECK_IKE_PORTS_H

#include "report.h"

void check_ike_ports(struct report *r);

/* Of another daemon that has none of the ports. */
void check_ike_daemons(struct report *r);

#endif
