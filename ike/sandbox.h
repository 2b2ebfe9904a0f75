/* SPDX-License-Identifier: BSD-2-Clause */
/* From here on no privileges, no file system, and only the system calls that are needed. */
#ifndef IKE_SANDBOX_H
#define IKE_SANDBOX_H

#include "fault.h"

/* The protocol process: everything it needs is open. 0 or -errno. */
int sandbox_enter_protocol(struct fault *f);

/* The key holder. 0 or -errno. */
int sandbox_enter_keyholder(struct fault *f);

#endif
