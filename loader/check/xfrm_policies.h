/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies of the kernel's own IPsec that are for the packets of a connection: the kernel goes first. */
#ifndef LOADER_CHECK_XFRM_POLICIES_H
#define LOADER_CHECK_XFRM_POLICIES_H

#include "config/config.h"
#include "report.h"

void check_xfrm_policies(struct report *r, const struct config *config);

#endif
